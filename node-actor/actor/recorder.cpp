#include "node-actor/actor/recorder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/log/log.h"

namespace tideline::node {
namespace {

using nlohmann::json;

/// Names of groups and kernel text need not be UTF-8.
std::string text_of(const json& entry) {
  return entry.dump(-1, ' ', false, json::error_handler_t::replace);
}

json value(const std::optional<model::MilliCpu>& cpu) {
  return cpu ? json(cpu->value()) : json(nullptr);
}
json value(const std::optional<model::Bytes>& bytes) {
  return bytes ? json(bytes->value()) : json(nullptr);
}
json value(const std::optional<model::Duration>& duration) {
  return duration ? json(duration->count()) : json(nullptr);
}
json value(const std::optional<double>& number) {
  return number ? json(*number) : json(nullptr);
}
json value(const std::optional<std::int64_t>& number) {
  return number ? json(*number) : json(nullptr);
}

json value(const std::optional<model::StallTotals>& stall) {
  if (!stall) return nullptr;
  return {{"some_ns", stall->some.count()}, {"full_ns", stall->full.count()}};
}

json group(const model::GroupCounters& counters) {
  return {{"inode", counters.inode},
          {"cpu_ns", value(counters.cpu)},
          {"nr_periods", value(counters.nr_periods)},
          {"nr_throttled", value(counters.nr_throttled)},
          {"memory_bytes", value(counters.memory)},
          {"cpu_stall", value(counters.cpu_stall)},
          {"run_delay_ns", value(counters.run_delay)}};
}

json current(const decide::CurrentLimit& limit) {
  switch (limit.kind) {
    case decide::CurrentLimit::Kind::kUnknown:
      return "unknown";
    case decide::CurrentLimit::Kind::kNoQuota:
      return "none";
    case decide::CurrentLimit::Kind::kQuota:
      return limit.quota.value();
  }
  return nullptr;
}

json policy_json(const model::NodePolicy& policy) {
  const auto& threshold = policy.threshold;
  return {{"version", policy.version.value()},
          {"epoch", policy.epoch.value()},
          {"enable", threshold.enable},
          {"cpuSuppressThresholdPercent", threshold.cpu_suppress_threshold_percent},
          {"cpuSuppressMinPercent",
           threshold.cpu_suppress_min_percent ? json(*threshold.cpu_suppress_min_percent) : json(nullptr)},
          {"cpuSuppressPolicy", std::string(model::name_of(threshold.cpu_suppress_policy))}};
}

json fast_json(const std::optional<model::FastSample>& sample) {
  if (!sample) return nullptr;
  return {{"at_ns", sample->at.ns},
          {"window_ns", sample->window.count()},
          {"node_cpu", value(sample->node_cpu)},
          {"be_cpu", value(sample->be_cpu)},
          {"be_periods", value(sample->be_periods)}};
}

json pods_json(const std::optional<model::NodeSample>& sample) {
  if (!sample) return nullptr;
  return {{"at_ns", sample->at.ns},
          {"window_ns", sample->window.count()},
          {"node_cpu", value(sample->node_cpu)},
          {"ls_cpu", value(sample->ls_cpu)},
          {"be_cpu", value(sample->be_cpu)},
          {"ls_delay_per_cpu", value(sample->ls_delay_per_cpu)}};
}

}  // namespace

model::Result<Recorder> Recorder::open(const std::string& path, std::size_t max_bytes) {
  Recorder recorder;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored) && std::filesystem::file_size(path, ignored) > 0) {
    // What a worker saw before it died is what a bug report needs.
    std::filesystem::rename(path, path + ".1", ignored);
  }
  recorder.file_.reset(std::fopen(path.c_str(), "we"));
  if (!recorder.file_) {
    return model::Error(model::ErrorCode::kUnavailable, fmt::format("--record {}: {}", path, std::strerror(errno)));
  }
  recorder.path_ = path;
  recorder.max_bytes_ = max_bytes;
  return recorder;
}

void Recorder::host(const model::HostCounters& counters) {
  if (!on()) return;
  json pods = json::array();
  for (const auto& pod : counters.pods) {
    pods.push_back({{"uid", pod.uid.str()},
                    {"qos", std::string(model::name_of(pod.qos))},
                    {"below_besteffort", pod.below_besteffort},
                    {"group", group(pod.group)}});
  }
  const json entry{{"type", "host"},
                   {"at_ns", counters.at.ns},
                   {"wall_ms", counters.wall.ms},
                   {"node_cpu_ns", value(counters.node_cpu)},
                   {"memory_total", value(counters.memory_total)},
                   {"memory_available", value(counters.memory_available)},
                   {"cpu_stall", value(counters.cpu_stall)},
                   {"memory_stall", value(counters.memory_stall)},
                   {"io_stall", value(counters.io_stall)},
                   {"best_effort", group(counters.best_effort)},
                   {"be_limit", value(counters.be_limit)},
                   {"be_limit_known", counters.be_limit_known},
                   {"pods", std::move(pods)}};
  line(text_of(entry));
}

void Recorder::suppress(const model::FastCounters& counters, const std::optional<model::NodePolicy>& policy,
                        const decide::SuppressInput& input, const decide::SuppressDecision& decision) {
  if (!on()) return;
  if (!last_policy_ || *last_policy_ != policy) {
    last_policy_ = policy;
    line(text_of(
        {{"type", "policy"}, {"at_ns", input.now.ns}, {"policy", policy ? policy_json(*policy) : json(nullptr)}}));
  }
  const json entry{{"type", "suppress"},
                   {"now_ns", input.now.ns},
                   {"counters",
                    {{"at_ns", counters.at.ns},
                     {"node_cpu_ns", value(counters.node_cpu)},
                     {"be_cpu_ns", value(counters.be_cpu)},
                     {"be_inode", counters.be_inode}}},
                   {"capacity", input.node.capacity.value()},
                   {"allocatable", input.node.allocatable.value()},
                   {"fast", fast_json(input.fast)},
                   {"pods", pods_json(input.pods)},
                   {"be_outside_root", value(input.be_outside_root)},
                   {"protection", {{"verified", input.protection.verified}, {"why", input.protection.why}}},
                   {"current", current(input.current)},
                   {"action", std::string(decide::name_of(decision.action))},
                   {"limit", decision.limit.value()},
                   {"reason", std::string(model::name_of(decision.reason))},
                   {"write", decision.write}};
  line(text_of(entry));
}

void Recorder::write(const model::KernelWrite& write, const std::string& old_value) {
  if (!on()) return;
  line(text_of({{"type", "write"},
                {"group", write.group},
                {"file", write.file},
                {"old", old_value},
                {"new", write.value},
                {"controller", std::string(model::name_of(write.controller))},
                {"reason", std::string(model::name_of(write.reason))}}));
}

void Recorder::line(const std::string& text) {
  if (written_ + text.size() + 1 > max_bytes_ / 2) begin_next_file();
  if (!on()) return;
  const bool kept = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size() &&
                    std::fputc('\n', file_.get()) != EOF && std::fflush(file_.get()) == 0;
  if (!kept) {
    end(errno);
    return;
  }
  written_ += text.size() + 1;
}

void Recorder::begin_next_file() {
  const std::string older = path_ + ".1";
  file_.reset();
  if (std::rename(path_.c_str(), older.c_str()) == 0) file_.reset(std::fopen(path_.c_str(), "we"));
  if (!file_) {
    log::error("recording-ended", "--record {}: {}", path_, std::strerror(errno));
    return;
  }
  written_ = 0;
  last_policy_.reset();
}

void Recorder::end(int problem) {
  // A recording must never cost the host its control: it ends, with whole lines.
  file_.reset();
  std::error_code ignored;
  std::filesystem::resize_file(path_, written_, ignored);
  log::error("recording-ended", "--record {}: {}", path_, std::strerror(problem));
}

}  // namespace tideline::node
