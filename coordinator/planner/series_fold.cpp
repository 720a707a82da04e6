#include "coordinator/planner/series_fold.h"

#include <algorithm>
#include <utility>

#include "coordinator/planner/whole_units.h"
#include "messages/model/qos.h"
#include "messages/model/report.h"

namespace tideline::planner {
namespace {

using columns::ColumnId;
using ColumnValues = std::vector<std::int64_t>;

const ColumnValues* values_of(const columns::Chunk& chunk, ColumnId id) {
  for (const auto& column : chunk.columns) {
    if (column.id == id && column.values.size() == chunk.rows()) return &column.values;
  }
  return nullptr;
}

/// Each mean, absence where there is none; gaps between two that are short enough take the one before. Gives how many
/// steps that were.
template <class Means>
std::size_t means_with_gaps_filled(const Means& means, std::vector<float>& out) {
  out.assign(means.size(), kAbsent);
  std::size_t filled = 0;
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < means.size(); ++i) {
    if (means[i].rows == 0) continue;
    out[i] = static_cast<float>(means[i].sum / means[i].rows);
    if (const std::size_t gap = last ? i - *last - 1 : 0; gap > 0 && gap <= kMaxFilledGap) {
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(*last + 1), gap, out[*last]);
      filled += gap;
    }
    last = i;
  }
  return filled;
}

/// The last known one at each step; in front of the first that one, and `otherwise` where none is known.
std::vector<float> spread_request(const std::vector<float>& asked, float before, float otherwise) {
  float last = before;
  if (last < 0) {
    const auto first = std::find_if(asked.begin(), asked.end(), [](float value) { return value >= 0; });
    last = first != asked.end() ? *first : std::max(otherwise, 0.0F);
  }
  std::vector<float> out(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i] >= 0) last = asked[i];
    out[i] = last;
  }
  return out;
}

float most_of(const std::vector<float>& values) {
  const auto most = std::max_element(values.begin(), values.end());
  return most == values.end() ? kAbsent : *most;
}

}  // namespace

SeriesFold::SeriesFold(const DatasetGrid& grid, const DatasetSpan& span) : grid_(grid), span_(span) {
  begin(cpu_);
  begin(memory_);
}

void SeriesFold::begin(Side& side) const {
  side.used.assign(grid_.steps, Mean{});
  side.asked.assign(grid_.steps, kAbsent);
  side.asked_before = kAbsent;
  side.has_use = side.has_request = false;
}

void SeriesFold::add(const columns::Chunk& chunk) {
  const bool is_host = chunk.kind == columns::SeriesKind::kHost;
  is_host_ = is_host_ || is_host;
  if (const auto* qos = values_of(chunk, ColumnId::kQos)) {
    constexpr auto kBe = static_cast<std::int64_t>(model::QosClass::kBe);
    is_batch_ = is_batch_ || std::find(qos->begin(), qos->end(), kBe) != qos->end();
  }
  add(cpu_, values_of(chunk, ColumnId::kCpuUsed),
      values_of(chunk, is_host ? ColumnId::kCpuCapacity : ColumnId::kCpuRequest), 1, model::ReportLimits::kMaxMilliCpu,
      chunk.times);
  add(memory_, values_of(chunk, ColumnId::kMemoryUsed),
      values_of(chunk, is_host ? ColumnId::kMemoryCapacity : ColumnId::kMemoryRequest), kBytesOfMib,
      model::ReportLimits::kMaxMemoryBytes, chunk.times);
}

void SeriesFold::add(Side& side, const ColumnValues* used, const ColumnValues* asked, double unit, std::int64_t most,
                     const ColumnValues& times) {
  const auto known = [&](const ColumnValues* values, std::size_t row) -> std::optional<double> {
    if (values == nullptr || (*values)[row] < 0) return std::nullopt;
    if ((*values)[row] <= most) return static_cast<double>((*values)[row]) / unit;
    ++beyond_;
    return std::nullopt;
  };
  const std::int64_t end_s = grid_.begin_s + static_cast<std::int64_t>(grid_.steps) * grid_.step_s;
  for (std::size_t row = 0; row < times.size() && times[row] < std::min(span_.until, end_s); ++row) {
    const auto request = known(asked, row);
    side.has_request = side.has_request || request;
    if (times[row] < span_.from) {
      if (request) side.asked_before = static_cast<float>(*request);
      continue;
    }
    if (times[row] < grid_.begin_s) continue;
    const std::size_t step = at(times[row]);
    if (request) side.asked[step] = static_cast<float>(*request);
    if (const auto use = known(used, row)) {
      side.used[step].add(*use);
      side.has_use = true;
    }
  }
}

std::optional<Workload> SeriesFold::take(std::string name, DataCounts& counts) {
  const bool is_host = is_host_;
  if (is_batch_) {
    ++counts.batch;
    counts.beyond += beyond_;
    clear();
    return std::nullopt;
  }
  auto any = take_any(std::move(name), counts);
  if (!any) return std::nullopt;
  counts.without_request += any->tells_cpu ? 0 : 1;
  counts.hosts += is_host ? 1 : 0;
  return std::move(any->workload);
}

std::optional<SeriesFold::Any> SeriesFold::take_any(std::string name, DataCounts& counts) {
  std::optional<Any> taken;
  counts.beyond += beyond_;
  if (auto workload = fold(counts.filled); workload) {
    counts.without_use += cpu_.has_use ? 0 : 1;
    workload->name = std::move(name);
    taken.emplace(Any{*std::move(workload), is_batch_, cpu_.has_request, memory_.has_request});
  } else {
    ++counts.empty;
  }
  clear();
  return taken;
}

void SeriesFold::clear() {
  begin(cpu_);
  begin(memory_);
  is_host_ = is_batch_ = false;
  beyond_ = 0;
}

std::optional<Workload> SeriesFold::fold(std::uint64_t& filled) {
  if (!cpu_.has_use) {
    for (std::size_t i = 0; i < grid_.steps; ++i) {
      if (cpu_.asked[i] >= 0) cpu_.used[i].add(static_cast<double>(cpu_.asked[i]));
    }
  }
  Workload workload;
  const std::size_t gaps = means_with_gaps_filled(cpu_.used, workload.cpu_used);
  means_with_gaps_filled(memory_.used, workload.memory_used_mib);
  const float most = most_of(workload.cpu_used);
  if (most < 0) return std::nullopt;
  workload.cpu_request = spread_request(cpu_.asked, cpu_.asked_before, most);
  workload.memory_request_mib = spread_request(memory_.asked, memory_.asked_before, most_of(workload.memory_used_mib));
  for (std::size_t i = 0; i < grid_.steps; ++i) {
    if (workload.cpu_used[i] >= 0) continue;
    workload.cpu_request[i] = workload.memory_used_mib[i] = workload.memory_request_mib[i] = kAbsent;
  }
  filled += gaps;
  return workload;
}

}  // namespace tideline::planner
