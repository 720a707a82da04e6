#include "coordinator/planner/history_archive.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/history_about.h"
#include "coordinator/planner/series_fold.h"
#include "coordinator/planner/utc_text.h"
#include "messages/model/report.h"

namespace tideline::planner {
namespace {

using columns::ArchiveReader;
using columns::ChunkEntry;
using columns::ColumnId;
using columns::SeriesKind;

/// A row's time is the end of its step, which is not in it any more.
constexpr std::int64_t kWithin = 1;
/// Of workloads there are history's own columns alone (docs/history-format.md): the means of these fields.
constexpr std::array<std::pair<std::uint16_t, ColumnId>, 5> kOwnerColumns = {
    std::pair{std::uint16_t{1'024 + 8 * 512}, ColumnId::kCpuUsed},
    std::pair{std::uint16_t{1'024 + 8 * 513}, ColumnId::kMemoryUsed},
    std::pair{std::uint16_t{1'024 + 8 * 516}, ColumnId::kCpuRequest},
    std::pair{std::uint16_t{1'024 + 8 * 517}, ColumnId::kMemoryRequest},
    std::pair{std::uint16_t{1'024 + 8 * 519}, ColumnId::kQos}};

void name_owner_columns(columns::Chunk& chunk) {
  for (auto& column : chunk.columns) {
    for (const auto& [number, id] : kOwnerColumns) {
      if (static_cast<std::uint16_t>(column.id) == number) column.id = id;
    }
  }
}

enum class Whose : std::uint8_t { kHost, kPod, kOwner, kForeign };
struct SeriesParts {
  Whose whose = Whose::kForeign;
  std::string_view host;
};

/// "NODE", "NODE/pod/UID", "NODE/workload/..."; names of nodes have no slash.
SeriesParts parts_of(const ChunkEntry& entry) {
  const std::string_view name = entry.series;
  const auto slash = name.find('/');
  const auto host = name.substr(0, slash);
  if (host.empty()) return {};
  if (entry.kind == SeriesKind::kHost) {
    return {slash == std::string_view::npos ? Whose::kHost : Whose::kForeign, host};
  }
  if (entry.kind != SeriesKind::kWorkload || slash == std::string_view::npos) return {};
  const auto rest = name.substr(slash + 1);
  if (rest.starts_with("pod/")) return {Whose::kPod, host};
  if (rest.starts_with("workload/")) return {Whose::kOwner, host};
  return {};
}

/// Of a workload's steps, the first and the last one that it is there at; both are.
std::pair<std::size_t, std::size_t> there_at(const Workload& workload) {
  const auto there = [](float used) { return used >= 0; };
  const auto first = std::find_if(workload.cpu_used.begin(), workload.cpu_used.end(), there);
  const auto last = std::find_if(workload.cpu_used.rbegin(), workload.cpu_used.rend(), there);
  return {static_cast<std::size_t>(first - workload.cpu_used.begin()),
          static_cast<std::size_t>(workload.cpu_used.rend() - last) - 1};
}

float largest_in(const std::vector<float>& values) {
  return std::max(*std::max_element(values.begin(), values.end()), 0.0F);
}

/// nullopt: it asks for nothing that batch could be placed by.
std::optional<BatchTask> batch_task_of(const Workload& pod, const Dataset& data) {
  const auto [first, last] = there_at(pod);
  float cpu = largest_in(pod.cpu_request);
  if (!(cpu > 0)) cpu = largest_in(pod.cpu_used);
  if (!(cpu >= 0.5F) || cpu > static_cast<float>(model::ReportLimits::kMaxMilliCpu)) return std::nullopt;
  float memory = largest_in(pod.memory_request_mib);
  if (!(memory > 0)) memory = largest_in(pod.memory_used_mib);
  return BatchTask{.begin_s = data.time_of(pod.first + first),
                   .end_s = data.time_of(pod.first + last + 1),
                   .instances = 1,
                   .cpu_millicores = cpu,
                   .memory_mib = memory};
}

/// The host's use by step, from which that of its pods is taken.
struct HostBalance {
  std::vector<float> cpu;  // kAbsent: not known
  std::vector<float> memory;
  void take(const Workload& pod) {
    const auto less = [](float& left, float used) {
      if (left >= 0 && used > 0) left = std::max(left - used, 0.0F);
    };
    for (std::size_t row = 0; row < pod.cpu_used.size(); ++row) {
      less(cpu[pod.first + row], pod.cpu_used[row]);
      less(memory[pod.first + row], pod.memory_used_mib[row]);
    }
  }
};

/// `series`: the host's own, on its part of the grid. Says in `balance` what the host used.
RecordedHost recorded_host(const Workload& series, std::size_t steps, HostBalance& balance) {
  RecordedHost host;
  for (auto* column : {&host.cpu_capacity, &host.memory_capacity_mib, &balance.cpu, &balance.memory})
    column->assign(steps, kAbsent);
  for (std::size_t row = 0; row < series.cpu_used.size(); ++row) {
    const std::size_t step = series.first + row;
    balance.cpu[step] = series.cpu_used[row];
    balance.memory[step] = series.memory_used_mib[row];
    host.cpu_capacity[step] = series.cpu_request[row];
    host.memory_capacity_mib[step] = series.memory_request_mib[row];
  }
  return host;
}

void note_assumed(const SeriesFold::Any& own, RecordedHost& host, DataCounts& counts) {
  host.is_cpu_assumed = !own.tells_cpu;
  host.is_memory_assumed = !own.tells_memory;
  counts.cpu_assumed += host.is_cpu_assumed ? 1 : 0;
  counts.memory_assumed += host.is_memory_assumed ? 1 : 0;
}

/// What is left of the balance is the system's.
void take_balance(HostBalance balance, RecordedHost& host, DataCounts& counts) {
  host.cpu_system = std::move(balance.cpu);
  host.memory_system_mib = std::move(balance.memory);
  for (std::size_t step = 0; step < host.cpu_capacity.size(); ++step) {
    host.cpu_system[step] = std::min(host.cpu_system[step], host.cpu_capacity[step]);
    host.memory_system_mib[step] = std::min(host.memory_system_mib[step], host.memory_capacity_mib[step]);
    if (host.is_there(step) && host.memory_system_mib[step] < 0) ++counts.memory_unknown;
  }
}

}  // namespace

model::Result<HistoryArchive> HistoryArchive::open(const ArchiveReader& archive, const DatasetRange& range) {
  const auto span = span_of(range);
  if (!span) return span.error();
  const auto about = history_about(archive.about());
  if (!about) return about.error();
  if (!*about) return model::invalid("the archive is no export of history");
  const std::int64_t tier_s = (*about)->tier_s;
  const std::int64_t step_s = range.step_s > 0 ? range.step_s : tier_s;
  if (step_s % tier_s != 0) {
    return model::invalid(
        fmt::format("a step of {} s is no multiple of the {} s of this export of history", step_s, tier_s));
  }
  HistoryArchive history(archive);
  history.span_ = *span;
  std::int64_t first_s = span->until - 1;
  std::int64_t last_s = span->from;
  history.assign(history.runs_in_range(first_s, last_s));
  if (history.hosts_.empty()) {
    return model::invalid(
        fmt::format("no host has a row in the range from {} until {}", utc_text(span->from), utc_text(span->until)));
  }
  const auto grid = grid_over(std::max(first_s, span->from), std::min(last_s, span->until - 1), step_s, 1);
  if (!grid) return grid.error();
  history.grid_ = *grid;
  return history;
}

std::vector<HistoryArchive::Run> HistoryArchive::runs_in_range(std::int64_t& first_s, std::int64_t& last_s) {
  std::vector<Run> runs;
  for (const ChunkEntry& entry : archive_->entries()) {
    const std::int64_t first = entry.first - kWithin;
    const std::int64_t last = entry.last - kWithin;
    if (entry.rows == 0 || last < span_.from || first >= span_.until) continue;
    const bool goes_on =
        !entries_.empty() && entries_.back()->series == entry.series && entries_.back()->kind == entry.kind;
    if (!goes_on) runs.push_back({entries_.size(), entries_.size()});
    entries_.push_back(&entry);
    ++runs.back().last;
    first_s = std::min(first_s, first);
    last_s = std::max(last_s, last);
  }
  return runs;
}

void HistoryArchive::assign(const std::vector<Run>& runs) {
  // Series are by name, and so are hosts.
  std::unordered_map<std::string_view, std::size_t> numbers;
  bool has_pods = false;
  for (const Run& run : runs) {
    const auto parts = parts_of(*entries_[run.first]);
    has_pods = has_pods || parts.whose == Whose::kPod;
    if (parts.whose != Whose::kHost) continue;
    if (!numbers.try_emplace(parts.host, hosts_.size()).second) {
      ++counts_.foreign;
      continue;
    }
    hosts_.push_back({.name = std::string(parts.host), .own = run, .pods = {}});
  }
  for (const Run& run : runs) {
    const auto parts = parts_of(*entries_[run.first]);
    if (parts.whose == Whose::kHost) continue;
    if (parts.whose == Whose::kForeign) {
      ++counts_.foreign;
      continue;
    }
    if (parts.whose == Whose::kOwner && has_pods) {
      ++counts_.owners;
      continue;
    }
    const auto host = numbers.find(parts.host);
    if (host == numbers.end()) {
      ++counts_.hostless;
      continue;
    }
    owners_ = parts.whose == Whose::kOwner;
    counts_.owners_taken += owners_ ? 1 : 0;
    hosts_[host->second].pods.push_back(run);
    ++pods_;
  }
}

/// The steps of the whole grid that its rows of the range lie in.
DatasetGrid HistoryArchive::grid_of(const Run& run) const {
  std::int64_t first = span_.until - 1;
  std::int64_t last = span_.from;
  for (std::size_t i = run.first; i < run.last; ++i) {
    first = std::min(first, entries_[i]->first - kWithin);
    last = std::max(last, entries_[i]->last - kWithin);
  }
  const auto step_of = [this](std::int64_t time) {
    return (std::clamp(time, span_.from, span_.until - 1) - grid_.begin_s) / grid_.step_s;
  };
  const std::int64_t begin = step_of(first);
  return {grid_.begin_s + begin * grid_.step_s, grid_.step_s, static_cast<std::size_t>(step_of(last) - begin + 1)};
}

std::size_t HistoryArchive::cells_of(std::size_t host) const {
  std::size_t cells = grid_.steps;
  for (const Run& pod : hosts_[host].pods)
    cells += grid_of(pod).steps;
  return cells;
}

std::vector<HostSlice> HistoryArchive::stretches(const HostSlice& all, std::size_t cells) const {
  std::vector<HostSlice> out;
  HostSlice next{all.first, all.first};
  std::size_t held = 0;
  for (std::size_t host = all.first; host < all.last; ++host) {
    const std::size_t more = cells_of(host);
    if (next.size() > 0 && held + more > cells) {
      out.push_back(next);
      next = {host, host};
      held = 0;
    }
    ++next.last;
    held += more;
  }
  if (next.size() > 0 || out.empty()) out.push_back(next);
  return out;
}

model::Result<void> HistoryArchive::read_host(std::size_t host, Dataset& data) const {
  const auto read_run = [&](const Run& run) -> model::Result<std::optional<SeriesFold::Any>> {
    const DatasetGrid grid = grid_of(run);
    SeriesFold fold(grid, span_);
    for (std::size_t i = run.first; i < run.last; ++i) {
      auto chunk = archive_->read(*entries_[i]);
      if (!chunk) return chunk.error();
      for (auto& time : chunk->times)
        time -= kWithin;
      if (owners_) name_owner_columns(*chunk);
      fold.add(*chunk);
    }
    auto any = fold.take_any(series_of(run), data.counts);
    if (any) any->workload.first = static_cast<std::size_t>((grid.begin_s - grid_.begin_s) / grid_.step_s);
    return any;
  };
  const auto own = read_run(hosts_[host].own);
  if (!own) return own.error();
  HostBalance balance;
  const Workload nothing;
  RecordedHost recorded = recorded_host(*own ? (*own)->workload : nothing, grid_.steps, balance);
  recorded.name = hosts_[host].name;
  if (*own) note_assumed(**own, recorded, data.counts);
  for (const Run& run : hosts_[host].pods) {
    auto pod = read_run(run);
    if (!pod) return pod.error();
    if (!*pod) continue;
    data.counts.without_request += (*pod)->tells_cpu ? 0 : 1;
    Workload& workload = (*pod)->workload;
    balance.take(workload);
    if ((*pod)->is_batch) {
      if (const auto task = batch_task_of(workload, data)) {
        data.tasks.push_back(*task);
        ++data.counts.batch_pods;
      } else {
        ++data.counts.batch_unasked;
      }
      continue;
    }
    workload.host = static_cast<std::uint32_t>(data.hosts.size());
    data.workloads.push_back(std::move(workload));
  }
  take_balance(std::move(balance), recorded, data.counts);
  data.hosts.push_back(std::move(recorded));
  return {};
}

model::Result<Dataset> HistoryArchive::read(const HostSlice& hosts) const {
  std::size_t cells = 0;
  for (std::size_t host = hosts.first; host < hosts.last; ++host)
    cells += cells_of(host);
  if (cells > kMaxCells) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("{} hosts and their pods have {} values of each kind: {} is the most, take a "
                                    "shorter range or a longer step",
                                    hosts.size(), cells, kMaxCells));
  }
  Dataset data;
  data.begin_s = grid_.begin_s;
  data.step_s = grid_.step_s;
  data.steps = grid_.steps;
  data.first_host = hosts.first;
  data.all_hosts = hosts_.size();
  data.all_pods = pods_;
  // Of all hosts, and so told once: with the first.
  if (hosts.first == 0) data.counts = counts_;
  for (std::size_t host = hosts.first; host < hosts.last; ++host) {
    if (auto read = read_host(host, data); !read) return read.error();
  }
  std::stable_sort(data.tasks.begin(), data.tasks.end(),
                   [](const BatchTask& a, const BatchTask& b) { return a.begin_s < b.begin_s; });
  data.notes = notes_of(data.counts);
  return data;
}

}  // namespace tideline::planner
