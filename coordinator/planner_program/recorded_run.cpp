#include "coordinator/planner_program/recorded_run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "coordinator/planner/utc_text.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

using columns::Column;
using columns::ColumnId;
using columns::kMissing;
using model::Result;

constexpr std::size_t kMostRecordedPods = 100'000;
constexpr std::int64_t kMsOfWallSecond = 1'000;
/// As history has the limit on batch (docs/history-format.md): the mean of be.limit.
constexpr auto kLimitColumn = static_cast<ColumnId>(1'024 + 8 * 5);

std::int64_t within_columns(std::int64_t value) {
  return value < 0 || value > columns::ChunkLimits::kMaxValue ? kMissing : value;
}

template <class Unit>
std::int64_t request_of(const std::optional<Unit>& own, const std::optional<Unit>& batch,
                        const std::optional<Unit>& mid) {
  if (batch) return within_columns(batch->value());
  if (mid) return within_columns(mid->value());
  return own ? within_columns(own->value()) : 0;
}

/// `value(step)` of each.
template <class Steps, class Value>
Column column_of(ColumnId id, const Steps& steps, const Value& value) {
  Column column{.id = id, .step = 1, .values = {}};
  for (const auto& [begin_s, step] : steps)
    column.values.push_back(value(step));
  return column;
}

template <class Steps>
std::vector<std::int64_t> ends_of(const Steps& steps) {
  std::vector<std::int64_t> ends;
  for (const auto& [begin_s, step] : steps)
    ends.push_back(begin_s + RecordedRun::kStepS);
  return ends;
}

}  // namespace

std::int64_t RecordedRun::Mean::value() const {
  return known == 0 ? kMissing : within_columns(std::llround(sum / static_cast<double>(known)));
}

Result<void> RecordedRun::line(std::string_view text) {
  const auto entry = reading_.line(text);
  if (!entry) {
    if (bad_lines_++ == 0) first_bad_ = entry.error().message();
    return {};
  }
  if (!*entry) return {};
  if (const auto* host = std::get_if<model::HostCounters>(&**entry); host != nullptr && host->memory_total) {
    memory_total_ = host->memory_total;
  }
  const auto* round = std::get_if<recording::CpuRound>(&**entry);
  return round == nullptr ? Result<void>() : add(*round);
}

Result<void> RecordedRun::add(const recording::CpuRound& round) {
  const auto& sample = round.sample;
  const std::int64_t wall_s = sample.wall.ms / kMsOfWallSecond;
  // Before there was a wall clock, or after there is none.
  if (wall_s <= 0 || wall_s > planner::kLastUtcTime) return {};
  ++rounds_;
  const std::int64_t begin_s = wall_s - wall_s % kStepS;
  auto& host = host_[begin_s];
  const std::int64_t capacity = round.node.capacity.value();
  if (capacity > 0) host.capacity = within_columns(capacity);
  if (memory_total_) host.memory_capacity = within_columns(memory_total_->value());
  if (sample.node_cpu) host.cpu.add(sample.node_cpu->value());
  if (sample.node_memory) host.memory.add(sample.node_memory->value());
  if (capacity > 0) host.limit.add(sample.be_limit ? std::min(sample.be_limit->value(), capacity) : capacity);
  if (sample.be_limit) host.quota.add(sample.be_limit->value());

  std::unordered_map<std::string_view, const model::Pod*> known;
  for (const auto& pod : round.pods)
    known.emplace(pod.uid.str(), &pod);
  for (const auto& use : sample.pods) {
    const auto found = known.find(use.uid.str());
    if (found == known.end()) continue;
    const model::Pod& told = *found->second;
    auto& pod = pods_[use.uid.str()];
    pod.qos = told.qos;
    auto& step = pod.steps[begin_s];
    if (use.cpu) step.cpu.add(use.cpu->value());
    if (use.memory) step.memory.add(use.memory->value());
    step.cpu_request = request_of(told.requests.cpu, told.requests.batch_cpu, told.mid_requests.cpu);
    step.memory_request = request_of(told.requests.memory, told.requests.batch_memory, told.mid_requests.memory);
  }
  if (pods_.size() <= kMostRecordedPods) return {};
  return model::Error(model::ErrorCode::kOverloaded, fmt::format("more than {} pods", kMostRecordedPods));
}

std::vector<columns::Chunk> RecordedRun::chunks(const std::string& host) const {
  std::vector<columns::Chunk> chunks;
  if (host_.empty()) return chunks;
  const auto mean = [](auto member) { return [member](const auto& step) { return (step.*member).value(); }; };
  const auto same = [](auto member) { return [member](const auto& step) { return step.*member; }; };
  chunks.push_back({.kind = columns::SeriesKind::kHost,
                    .series = host,
                    .times = ends_of(host_),
                    .columns = {column_of(ColumnId::kCpuUsed, host_, mean(&HostStep::cpu)),
                                column_of(ColumnId::kMemoryUsed, host_, mean(&HostStep::memory)),
                                column_of(ColumnId::kCpuCapacity, host_, same(&HostStep::capacity)),
                                column_of(ColumnId::kMemoryCapacity, host_, same(&HostStep::memory_capacity)),
                                column_of(kLimitColumn, host_, mean(&HostStep::quota))}});
  for (const auto& [uid, pod] : pods_) {
    const auto qos = static_cast<std::int64_t>(pod.qos);
    chunks.push_back(
        {.kind = columns::SeriesKind::kWorkload,
         .series = fmt::format("{}/pod/{}", host, uid),
         .times = ends_of(pod.steps),
         .columns = {column_of(ColumnId::kCpuRequest, pod.steps, same(&PodStep::cpu_request)),
                     column_of(ColumnId::kCpuUsed, pod.steps, mean(&PodStep::cpu)),
                     column_of(ColumnId::kMemoryRequest, pod.steps, same(&PodStep::memory_request)),
                     column_of(ColumnId::kMemoryUsed, pod.steps, mean(&PodStep::memory)),
                     column_of(ColumnId::kQos, pod.steps, [qos](const PodStep& /*step*/) { return qos; })}});
  }
  return chunks;
}

std::optional<double> RecordedRun::limit_millicores(std::int64_t from_s, std::int64_t until_s) const {
  Mean all;
  for (auto step = host_.lower_bound(from_s); step != host_.end() && step->first < until_s; ++step) {
    all.sum += step->second.limit.sum;
    all.known += step->second.limit.known;
  }
  if (all.known == 0) return std::nullopt;
  return all.sum / static_cast<double>(all.known);
}

Result<void> for_each_recorded_line(const std::string& path,
                                    const std::function<Result<void>(std::string_view line)>& line) {
  std::error_code none;
  for (const auto& file : {path + ".1", path}) {
    if (file != path && !std::filesystem::exists(file, none)) continue;
    if (auto read = files::for_each_line(file, RecordedRun::kMaxLine, line); !read) return read;
  }
  return {};
}

Result<void> read_recording(const std::string& path, RecordedRun& run) {
  return for_each_recorded_line(path, [&run](std::string_view text) { return run.line(text); });
}

}  // namespace tideline::planner_program
