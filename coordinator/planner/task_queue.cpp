#include "coordinator/planner/task_queue.h"

#include <algorithm>

#include <fmt/format.h>

#include "coordinator/planner/whole_units.h"

namespace tideline::planner {
namespace {

// Beyond all dates by far, and within all arithmetic.
constexpr std::int64_t kMaxAbsTaskTime = std::int64_t{1} << 42;

std::int64_t floor_quotient(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

bool is_task(const BatchTask& task) {
  return task.instances > 0 && task.begin_s >= -kMaxAbsTaskTime && task.end_s <= kMaxAbsTaskTime &&
         task.begin_s < task.end_s;
}

}  // namespace

TaskQueue::TaskQueue(const RunSetting& setting)
    : range_begin_s_(setting.data.begin_s), repeats_(setting.options.repeat_tasks) {
  const auto& data = setting.data;
  for (const auto& task : data.tasks) {
    const auto cpu = whole_millicores(static_cast<double>(task.cpu_millicores));
    const auto memory = whole_bytes(static_cast<double>(task.memory_mib));
    if (!is_task(task) || cpu <= model::MilliCpu(0) || cpu > setting.capacity || memory > setting.memory_capacity) {
      continue;
    }
    if (!repeats_ && (task.begin_s < data.begin_s || task.begin_s >= setting.end_s())) continue;
    const double work = cores_of(cpu) * static_cast<double>(task.end_s - task.begin_s);
    kinds_.push_back({.pod = {.cpu = cpu, .memory = memory, .work = work},
                      .begin_s = task.begin_s,
                      .end_s = task.end_s,
                      .instances = task.instances});
    smallest_ = kinds_.size() == 1 ? cpu : std::min(smallest_, cpu);
  }
  std::stable_sort(kinds_.begin(), kinds_.end(), [](const Kind& a, const Kind& b) { return a.begin_s < b.begin_s; });
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    kinds_[i].pod.task = static_cast<std::uint32_t>(i);
  if (repeats_ && !kinds_.empty()) repeat_from(data.begin_s, data.step_s);
}

void TaskQueue::repeat_from(std::int64_t range_begin_s, std::int64_t step_s) {
  const std::int64_t first = kinds_.front().begin_s;
  std::int64_t last_end = first;
  for (const auto& kind : kinds_)
    last_end = std::max(last_end, kind.end_s);
  period_s_ = -floor_quotient(first - last_end, step_s) * step_s;
  // The first round of which any task begins within the range.
  shift_s_ = -floor_quotient(kinds_.back().begin_s - range_begin_s, period_s_) * period_s_;
}

model::Result<void> TaskQueue::come(std::int64_t time_s) {
  if (head_ > waiting_.size() / 2) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  while (true) {
    if (next_ == kinds_.size()) {
      if (!repeats_ || kinds_.empty()) return {};
      next_ = 0;
      shift_s_ += period_s_;
    }
    const std::int64_t begin_s = kinds_[next_].begin_s + shift_s_;
    if (begin_s > time_s) return {};
    if (begin_s >= range_begin_s_) {
      if (waiting_.size() - head_ >= kMaxTasksWaiting) {
        return model::Error(
            model::ErrorCode::kOverloaded,
            fmt::format("more than {} tasks wait for room at {} s since the epoch", kMaxTasksWaiting, time_s));
      }
      waiting_.push_back({static_cast<std::uint32_t>(next_), kinds_[next_].instances, begin_s});
    }
    ++next_;
  }
}

void TaskQueue::come_again(const PlacedPod& pod) {
  waiting_.push_back({pod.task, 1, pod.queued_s});
}

void TaskQueue::serve(const std::function<bool(model::MilliCpu smallest)>& is_full,
                      const std::function<bool(const PlacedPod& pod)>& place) {
  passed_.clear();
  std::size_t tried = head_;
  while (tried < waiting_.size() && passed_.size() < kTasksTried && !is_full(smallest_)) {
    Waiting task = waiting_[tried++];
    PlacedPod pod = kinds_[task.kind].pod;
    pod.queued_s = task.queued_s;
    while (task.instances > 0 && place(pod))
      --task.instances;
    if (task.instances > 0) passed_.push_back(task);
  }
  head_ = tried - passed_.size();
  std::copy(passed_.begin(), passed_.end(), waiting_.begin() + static_cast<std::ptrdiff_t>(head_));
}

}  // namespace tideline::planner
