#include "node-actor/recording/recording.h"

#include <span>

#include <fmt/format.h>

#include "node-actor/recording/decide_fields.h"
#include "node-actor/recording/memory_fields.h"
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
  // Of recordings before the memory side, which have no line of its own for it.
  if constexpr (V::kReads) v("sample", round.sample);
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
          .lingering = lingering,
          .others = others ? &*others : nullptr};
}

template <class V>
void memory_node_fields(V& v, auto& node) {
  v("boot_id", node.boot_id);
  v("is_v1", node.is_v1);
  v("knobs", node.knobs);
}

template <class V>
void memory_fields(V& v, auto& round) {
  v("now_ns", round.now);
  v("memory_allocatable", round.memory_allocatable);
  v("allocatable_batch_memory", round.allocatable_batch_memory);
  group_bytes<V>(v, "own_limits", round.own_limits);
  group_bytes<V>(v, "used", round.used);
  v("work", round.work);
  v("held", round.held);
}

decide::MemoryRoundInput MemoryRound::input() const {
  return {.now = now,
          .pods = pods,
          .sample = sample,
          .knobs = knobs,
          .is_v1 = is_v1,
          .memory_allocatable = memory_allocatable,
          .allocatable_batch_memory = allocatable_batch_memory,
          .own_limits = own_limits,
          .used = used,
          .boot_id = boot_id,
          .relief = relief ? &*relief : nullptr,
          .work = work,
          .held = held,
          .in_force = &in_force};
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
  } else if (*type == "memory_node") {
    memory_node_fields(v, context_.memory);
  } else if (*type == "sample") {
    context_.sample = {};
    v("sample", context_.sample);
  } else if (*type == "others") {
    v("others", context_.others);
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
    round.sample = context_.sample;
    round.others = context_.others;
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
  } else if (*type == "relief") {
    auto& round = std::get<ReliefRound>(entry.emplace(ReliefRound{}));
    v("counters", round.counters);
    v("state", round.state);
    v("input", round.input);
    round.policy = context_.policy;
    round.decision = object.value("decision", Json());
  } else if (*type == "memory") {
    auto& round = std::get<MemoryRound>(entry.emplace(MemoryRound{}));
    memory_fields(v, round);
    group_bytes<Reader>(v, "in_force", round.in_force);
    v("relief", round.relief);
    v("asked", round.asked);
    v("state", round.state);
    round.policy = context_.policy;
    round.pods = context_.pods;
    round.sample = context_.sample;
    round.knobs = context_.memory.knobs;
    round.is_v1 = context_.memory.is_v1;
    round.boot_id = context_.memory.boot_id;
    round.decision = object.value("decision", Json::object());
    if (round.decision.is_object()) {
      auto& wants = round.decision["wants"];
      if (wants == "same") {
        wants = context_.wants;
      } else {
        context_.wants = wants;
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

Json replay(Memory& memory, const ReliefRound& round) {
  if (round.state) memory.relief = *round.state;
  auto step = decide::memory_relief(std::move(memory.relief), round.input, round.policy);
  memory.relief = std::move(step.state);
  return Writer::json_of(step.decision);
}

Json replay(Memory& memory, const MemoryRound& round) {
  if (round.state) memory.memory = *round.state;
  auto asked = round.asked;
  auto step = decide::memory_round(std::move(memory.memory), asked, round.input(), round.policy);
  memory.memory = std::move(step.state);
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

Json json_of(const model::NodeSample& sample) {
  return {{"sample", Writer::json_of(sample)}};
}

Json others_line(const decide::Wants* others) {
  return {{"others", others != nullptr ? Writer::json_of(*others) : Json(nullptr)}};
}

Json relief_line(const model::FastMemoryCounters& counters, const decide::ReliefInput& input,
                 const decide::ReliefDecision& decision) {
  return {{"counters", Writer::json_of(counters)},
          {"input", Writer::json_of(input)},
          {"decision", Writer::json_of(decision)}};
}

Json json_of(const decide::ReliefState& state) {
  return Writer::json_of(state);
}

Json memory_node_line(const decide::MemoryRoundInput& input) {
  Writer v;
  memory_node_fields(v, input);
  return v.take();
}

Json memory_line(const decide::MemoryRoundInput& input, const std::vector<decide::EvictState::Asked>& asked) {
  Writer v;
  memory_fields(v, input);
  static const std::map<model::GroupRef, model::Bytes> kNone;
  group_bytes<Writer>(v, "in_force", input.in_force != nullptr ? *input.in_force : kNone);
  v("relief", input.relief != nullptr ? Writer::json_of(*input.relief) : Json(nullptr));
  v("asked", asked);
  return v.take();
}

Json json_of(const decide::MemoryRoundState& state) {
  return Writer::json_of(state);
}

Json json_of(const decide::MemoryRoundDecision& decision) {
  return Writer::json_of(decision);
}

}  // namespace tideline::recording
