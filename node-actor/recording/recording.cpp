#include "node-actor/recording/recording.h"

#include <span>

#include <fmt/format.h>

#include "node-actor/recording/decide_fields.h"
#include "node-actor/recording/values.h"

namespace tideline::recording {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

/// A line of a node with the most pods and containers that a report takes; far beyond this it is none of ours.
constexpr std::size_t kMaxLineBytes = 256u << 20;

}  // namespace

// Lines are read by these, in the words they are written with.

template <class V>
void node_fields(V& v, auto& node) {
  v("node", node.node);
  v("boot_id", node.boot_id);
  v("is_v1", node.is_v1);
  v("pod_interval_ns", node.pod_interval);
  v("knobs", node.knobs);
  v("topology", node.topology);
  v("cpus", node.cpus);
}

template <class V>
void round_fields(V& v, auto& round) {
  v("now_ns", round.now);
  v("sample", round.sample);
  v("suppress", round.suppress);
  v("be_limit", round.be_limit);
  v("be_cpus_current", round.be_cpus_current);
  v("allocatable_batch_cpu", round.allocatable_batch_cpu);
  v("work", round.work);
  v("be_whole", round.be_whole);
  v("outside", round.outside);
  v("lingering", round.lingering);
}

decide::CpuRoundInput CpuRound::input() const {
  return {.now = now,
          .node = node,
          .pods = pods,
          .sample = sample,
          .pod_interval = pod_interval,
          .knobs = knobs,
          .topology = topology,
          .cpus = cpus,
          .suppress = suppress,
          .be_limit = be_limit,
          .be_cpus_current = be_cpus_current,
          .is_v1 = is_v1,
          .boot_id = boot_id,
          .hands_off = hands_off,
          .allocatable_batch_cpu = allocatable_batch_cpu,
          .work = work,
          .be_whole = be_whole,
          .outside = outside,
          .lingering = lingering};
}

Result<std::optional<Entry>> Reading::line(std::string_view text) {
  if (text.size() > kMaxLineBytes) return Error(ErrorCode::kMalformed, fmt::format("{} bytes in a line", text.size()));
  const auto object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return Error(ErrorCode::kMalformed, "not a JSON object");
  const auto type_of = object.find("type");
  const auto* type = type_of == object.end() ? nullptr : type_of->get_ptr<const Json::string_t*>();
  if (type == nullptr) return Error(ErrorCode::kMalformed, "a line without type");

  std::optional<Error> problem;
  Reader v(object, *type, problem);
  std::optional<Entry> entry;
  if (*type == "policy") {
    v("policy", context_.policy);
  } else if (*type == "node") {
    node_fields(v, context_);
  } else if (*type == "pods") {
    v("pods", context_.pods);
  } else if (*type == "hands_off") {
    v("hands_off", context_.hands_off);
  } else if (*type == "host") {
    v("counters", std::get<model::HostCounters>(entry.emplace(model::HostCounters{})));
  } else if (*type == "write") {
    auto& write = std::get<Write>(entry.emplace(Write{}));
    v("write", write.write);
    v("old", write.old_value);
  } else if (*type == "suppress") {
    auto& round = std::get<SuppressRound>(entry.emplace(SuppressRound{}));
    v("counters", round.counters);
    v("state", round.state);
    v("input", round.input);
    v("off", round.off);
    round.policy = context_.policy;
    if (round.off && round.policy) round.policy->threshold.enable = false;
    round.decision = object.value("decision", Json());
  } else if (*type == "cpu") {
    auto& round = std::get<CpuRound>(entry.emplace(CpuRound{}));
    round_fields(v, round);
    v("state", round.state);
    round.policy = context_.policy;
    round.node = context_.node;
    round.boot_id = context_.boot_id;
    round.is_v1 = context_.is_v1;
    round.pod_interval = context_.pod_interval;
    round.knobs = context_.knobs;
    round.topology = context_.topology;
    round.cpus = context_.cpus;
    round.pods = context_.pods;
    round.hands_off = context_.hands_off;
    round.decision = object.value("decision", Json::object());
    if (round.decision.is_object()) {
      auto& settlement = round.decision["settlement"];
      if (settlement == "same") {
        settlement = context_.settlement;
      } else {
        context_.settlement = settlement;
      }
    }
  } else {
    return Error(ErrorCode::kMalformed, fmt::format("a line of type {}", *type));
  }
  if (problem) return *problem;
  return entry;
}

Json replay(Memory& memory, const SuppressRound& round) {
  auto& state = round.off ? memory.suppress_off : memory.suppress;
  const auto step = decide::cpu_suppress(round.state ? *round.state : state, round.input, round.policy);
  state = step.state;
  return Writer::json_of(step.decision);
}

Json replay(Memory& memory, const CpuRound& round) {
  if (round.state) memory.cpu = *round.state;
  auto step = decide::cpu_round(std::move(memory.cpu), round.input(), round.policy);
  memory.cpu = std::move(step.state);
  return json_of(step.decision);
}

std::string text_of(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const std::optional<model::NodePolicy>& policy) {
  return {{"policy", Writer::json_of(policy)}};
}

Json json_of(const std::vector<model::Pod>& pods) {
  return {{"pods", Writer::json_of(pods)}};
}

Json json_of(const std::vector<decide::HandsOff>& hands_off) {
  return {{"hands_off", Writer::json_of(hands_off)}};
}

Json json_of(const decide::CpuRoundState& state) {
  return Writer::json_of(state);
}

Json json_of(const decide::CpuRoundDecision& decision) {
  return Writer::json_of(decision);
}

Json host_line(const model::HostCounters& counters) {
  return {{"counters", Writer::json_of(counters)}};
}

Json write_line(const model::KernelWrite& write, const std::string& old_value) {
  return {{"write", Writer::json_of(write)}, {"old", old_value}};
}

Json json_of(const decide::SuppressState& state) {
  return Writer::json_of(state);
}

Json suppress_line(const model::FastCounters& counters, const decide::SuppressInput& input, bool off,
                   const decide::SuppressDecision& decision) {
  return {{"counters", Writer::json_of(counters)},
          {"input", Writer::json_of(input)},
          {"off", off},
          {"decision", Writer::json_of(decision)}};
}

Json node_line(const decide::CpuRoundInput& input) {
  Writer v;
  node_fields(v, input);
  return v.take();
}

Json cpu_line(const decide::CpuRoundInput& input) {
  Writer v;
  round_fields(v, input);
  return v.take();
}

}  // namespace tideline::recording
