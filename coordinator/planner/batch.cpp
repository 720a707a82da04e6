#include "coordinator/planner/batch.h"

#include <algorithm>
#include <cmath>

#include "coordinator/planner/whole_units.h"

namespace tideline::planner {
namespace {

/// A pod whose end is this near, as a share of its work or of a step, is there: what is added up does not come to it.
constexpr double kBatchRounding = 1e-9;
constexpr double kLongestTime = 1e15;

model::MilliCpu batch_share_of(model::MilliCpu cpu, double share) {
  return model::MilliCpu(static_cast<std::int64_t>(static_cast<double>(cpu.value()) * share));
}

/// One slot of CPU over the rest of a step, held by one pod after another.
struct SlotRest {
  std::uint64_t completed = 0;
  double each_s = 0;  // a pod takes so long there
  double last_s = 0;  // of the rest, that of a pod which does not end in it
};

SlotRest slot_rest_of(double rest_s, double work, double rate) {
  SlotRest slot;
  slot.each_s = work / rate;
  slot.completed = static_cast<std::uint64_t>(rest_s / slot.each_s + kBatchRounding);
  slot.last_s = std::max(rest_s - static_cast<double>(slot.completed) * slot.each_s, 0.0);
  return slot;
}

}  // namespace

void CompletionTimes::add(double seconds, std::uint64_t pods) {
  if (pods == 0) return;
  const double begun = std::ceil(std::clamp(seconds - kBatchRounding, 0.0, kLongestTime));
  add(Row{static_cast<std::int64_t>(begun), pods});
}

void CompletionTimes::add(const CompletionTimes& other) {
  for (const Row& row : other.rows_)
    add(row);
}

void CompletionTimes::add(const Row& row) {
  rows_.push_back(row);
  if (rows_.size() < merge_at_) return;
  merge_equal();
  merge_at_ = std::max(merge_at_, 2 * rows_.size());
}

void CompletionTimes::merge_equal() {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.seconds < b.seconds; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (kept > 0 && rows_[kept - 1].seconds == rows_[i].seconds) {
      rows_[kept - 1].pods += rows_[i].pods;
    } else {
      rows_[kept++] = rows_[i];
    }
  }
  rows_.resize(kept);
}

const std::vector<CompletionTimes::Row>& CompletionTimes::rows() {
  merge_equal();
  return rows_;
}

double CompletionTimes::quantile(double q) {
  merge_equal();
  std::uint64_t all = 0;
  for (const Row& row : rows_)
    all += row.pods;
  std::uint64_t sum = 0;
  for (const Row& row : rows_) {
    sum += row.pods;
    if (static_cast<double>(sum) >= q * static_cast<double>(all)) return static_cast<double>(row.seconds);
  }
  return 0;
}

void HostBatch::place(const PlacedPod& pod) {
  pods_.push_back(pod);
  cpu_ += pod.cpu;
  memory_ += pod.memory;
}

HostBatch::Progress HostBatch::advance(const BatchStep& step, CompletionTimes& completions) {
  Progress progress;
  fresh_.clear();
  const auto length = static_cast<double>(step.length_s);
  std::size_t kept = 0;
  for (PlacedPod& pod : pods_) {
    const double rate = cores_of(pod.cpu) * step.share;
    const double left = pod.work - pod.done;
    pod.got = batch_share_of(pod.cpu, step.share);
    if (rate * length < left - kBatchRounding * pod.work) {
      pod.done += rate * length;
      progress.used += rate * length;
      pods_[kept++] = pod;
      continue;
    }
    const double ends_s = rate > 0 ? std::min(left / rate, length) : 0.0;
    progress.used += left;
    ++progress.completed;
    completions.add(static_cast<double>(step.begin_s - pod.queued_s) + ends_s, 1);
    cpu_ -= pod.cpu;
    memory_ -= pod.memory;
    if (!step.refills || rate <= 0) continue;
    const auto slot = slot_rest_of(length - ends_s, pod.work, rate);
    progress.used += static_cast<double>(slot.completed) * pod.work;
    progress.completed += slot.completed;
    completions.add(slot.each_s, slot.completed);
    if (slot.last_s <= kBatchRounding * length) continue;
    pod.done = slot.last_s * rate;
    pod.queued_s = step.begin_s + static_cast<std::int64_t>(length - slot.last_s);
    progress.used += pod.done;
    fresh_.push_back(pod);
  }
  pods_.resize(kept);
  for (const PlacedPod& pod : fresh_)
    place(pod);
  return progress;
}

void HostBatch::take(std::size_t index, std::vector<PlacedPod>& evicted) {
  evicted.push_back(pods_[index]);
  cpu_ -= pods_[index].cpu;
  memory_ -= pods_[index].memory;
  pods_.erase(pods_.begin() + static_cast<std::ptrdiff_t>(index));
}

void HostBatch::evict_cpu(model::MilliCpu release, std::vector<PlacedPod>& evicted) {
  while (release > model::MilliCpu(0) && !pods_.empty()) {
    release -= pods_.back().cpu;
    take(pods_.size() - 1, evicted);
  }
}

void HostBatch::evict_memory(model::Bytes release, std::vector<PlacedPod>& evicted) {
  while (release > model::Bytes(0) && !pods_.empty()) {
    std::size_t most = pods_.size() - 1;
    for (std::size_t i = most; i-- > 0;) {
      if (pods_[i].memory > pods_[most].memory) most = i;
    }
    if (pods_[most].memory <= model::Bytes(0)) return;
    release -= pods_[most].memory;
    take(most, evicted);
  }
}

}  // namespace tideline::planner
