#include "node-actor/actor/recorder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "node-actor/recording/recording.h"

namespace tideline::node {
namespace {

using nlohmann::json;

std::string text_of(const char* type, json line) {
  line["type"] = type;
  return recording::text_of(line) + '\n';
}

}  // namespace

model::Result<Recorder> Recorder::open(const std::string& path, std::size_t max_bytes) {
  Recorder recorder;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored) && std::filesystem::file_size(path, ignored) > 0) {
    // What a worker saw before it died is what a bug report needs.
    std::error_code problem;
    std::filesystem::rename(path, path + ".1", problem);
    if (problem) {
      return model::Error(
          model::ErrorCode::kUnavailable,
          fmt::format("--record {}: not renamed to {}.1, and not written over: {}", path, path, problem.message()));
    }
  }
  recorder.file_.reset(std::fopen(path.c_str(), "we"));
  if (!recorder.file_) {
    return model::Error(model::ErrorCode::kUnavailable, fmt::format("--record {}: {}", path, std::strerror(errno)));
  }
  recorder.path_ = path;
  recorder.max_bytes_ = max_bytes;
  return recorder;
}

const std::string& Recorder::policy_text(const std::optional<model::NodePolicy>& policy) {
  if (!policy_ || *policy_ != policy) {
    policy_ = policy;
    policy_text_ = text_of("policy", recording::json_of(policy));
  }
  return policy_text_;
}

void Recorder::host(const model::HostCounters& counters) {
  if (on()) put("host", recording::host_line(counters));
}

void Recorder::suppress(const model::FastCounters& counters, const std::optional<model::NodePolicy>& policy,
                        const decide::SuppressState& state, const decide::SuppressInput& input, bool off,
                        const decide::SuppressStep& step) {
  if (!on()) return;
  const auto line = recording::suppress_line(counters, input, off, step.decision);
  const auto before = recording::json_of(state);
  const bool kept = put({{"policy", policy_text(policy)}}, [&] {
    auto complete = line;
    const auto left = suppress_.find(off);
    if (left == suppress_.end() || left->second != before) complete["state"] = before;
    return text_of("suppress", std::move(complete));
  });
  suppress_.erase(off);
  if (kept) suppress_.emplace(off, recording::json_of(step.state));
}

void Recorder::relief(const model::FastMemoryCounters& counters, const std::optional<model::NodePolicy>& policy,
                      const decide::ReliefState& state, const decide::ReliefInput& input,
                      const decide::ReliefStep& step) {
  if (!on()) return;
  const auto line = recording::relief_line(counters, input, step.decision);
  const auto before = recording::json_of(state);
  const auto before_text = recording::text_of(before);
  const bool kept = put({{"policy", policy_text(policy)}}, [&] {
    auto complete = line;
    if (relief_ != before_text) complete["state"] = before;
    return text_of("relief", std::move(complete));
  });
  relief_ = kept ? recording::text_of(recording::json_of(step.state)) : "";
}

void Recorder::memory_round_begins(const decide::MemoryRoundState& state,
                                   const std::vector<decide::EvictState::Asked>& asked,
                                   const decide::MemoryRoundInput& input,
                                   const std::optional<model::NodePolicy>& policy) {
  if (!on()) return;
  Pending pending;
  pending.basis = {{"policy", policy_text(policy)},
                   {"memory_node", text_of("memory_node", recording::memory_node_line(input))},
                   {"pods", text_of("pods", recording::json_of(input.pods))},
                   {"sample", text_of("sample", recording::json_of(input.sample))}};
  pending.state = recording::json_of(state);
  pending.line = recording::memory_line(input, asked);
  pending_memory_ = std::move(pending);
}

void Recorder::memory_round_ends(const decide::MemoryRoundDecision& decision) {
  if (!on() || !pending_memory_) return;
  const auto pending = std::exchange(pending_memory_, std::nullopt);
  const auto decided = recording::json_of(decision);
  const auto wants = recording::text_of(decided.at("wants"));
  memory_is_told_ = put(pending->basis, [&] {
    auto line = pending->line;
    if (!memory_is_told_) line["state"] = pending->state;
    line["decision"] = decided;
    if (wants == wants_) line["decision"]["wants"] = "same";
    return text_of("memory", std::move(line));
  });
  // What follows a round that was left out begins anew.
  wants_ = memory_is_told_ ? wants : "";
}

void Recorder::cpu_round_begins(const decide::CpuRoundState& state, const decide::CpuRoundInput& input,
                                const std::optional<model::NodePolicy>& policy) {
  if (!on()) return;
  Pending pending;
  pending.basis = {{"policy", policy_text(policy)},
                   {"node", text_of("node", recording::node_line(input))},
                   {"pods", text_of("pods", recording::json_of(input.pods))},
                   {"sample", text_of("sample", recording::json_of(input.sample))},
                   {"others", text_of("others", recording::others_line(input.others))},
                   {"hands_off", text_of("hands_off", recording::json_of(input.hands_off))}};
  pending.state = recording::json_of(state);
  pending.line = recording::cpu_line(input);
  pending_ = std::move(pending);
}

void Recorder::cpu_round_ends(const decide::CpuRoundDecision& decision) {
  if (!on() || !pending_) return;
  const auto pending = std::exchange(pending_, std::nullopt);
  const auto decided = recording::json_of(decision);
  const auto settlement = recording::text_of(decided.at("settlement"));
  state_is_told_ = put(pending->basis, [&] {
    auto line = pending->line;
    if (!state_is_told_) line["state"] = pending->state;
    line["decision"] = decided;
    if (settlement == settlement_) line["decision"]["settlement"] = "same";
    return text_of("cpu", std::move(line));
  });
  // What follows a round that was left out begins anew.
  settlement_ = state_is_told_ ? settlement : "";
}

void Recorder::write(const model::KernelWrite& write, const std::string& old_value) {
  if (on()) put("write", recording::write_line(write, old_value));
}

void Recorder::put(const char* type, json line) {
  const auto text = text_of(type, std::move(line));
  put({}, [&] { return text; });
}

template <class Line>
bool Recorder::put(const Basis& basis, const Line& line) {
  const auto compose = [&] {
    std::string text;
    for (const auto& [type, content] : basis) {
      const auto told = told_.find(type);
      if (told == told_.end() || told->second != content) text += content;
    }
    return text + line();
  };
  auto text = compose();
  if (!fits(text.size())) {
    begin_next_file();
    if (!on()) return false;
    text = compose();
  }
  if (!fits(text.size())) {
    if (!std::exchange(left_out_, true)) {
      log::warn("recording-left-out", "--record {}: a round of {} bytes is larger than a file", path_, text.size());
    }
    return false;
  }
  append(text);
  for (const auto& [type, content] : basis)
    told_.insert_or_assign(type, content);
  return on();
}

void Recorder::append(const std::string& text) {
  const bool kept =
      std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size() && std::fflush(file_.get()) == 0;
  if (!kept) {
    end(errno);
    return;
  }
  written_ += text.size();
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
  told_.clear();
  suppress_.clear();
  settlement_.clear();
  state_is_told_ = false;
  relief_.clear();
  wants_.clear();
  memory_is_told_ = false;
}

void Recorder::end(int problem) {
  // A recording must never cost the host its control: it ends, with whole lines.
  file_.reset();
  std::error_code ignored;
  std::filesystem::resize_file(path_, written_, ignored);
  log::error("recording-ended", "--record {}: {}", path_, std::strerror(problem));
}

}  // namespace tideline::node
