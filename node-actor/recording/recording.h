#pragma once
// The lines of a recording (tideline-node --record), one JSON object each, and what they were made of.
//
//   policy, node, memory_node, pods, hands_off, sample, others
//                                   what holds from here on; each is there again when it changed, and in each file.
//                                   `others`: what the memory side wants, which the CPU side settles
//   host                            the raw counters of a pod round
//   suppress                        one round of CPU suppress: raw counters, input, decision
//   relief                          one round of the memory side's relief ladder: the same
//   memory                          one pod round of the memory side: input and decision; `wants` of "same" are those
//                                   of the round before
//   cpu                             one pod round of the CPU side: input and decision; a `settlement` of "same" is that
//                                   of the round before
// Rounds of each kind hold `state`, before the round, at the begin of a file and where something but the round before
// changed it. Under dry run CPU suppress decides twice: what it would do, and with `off` what it does.
//
//   write                           a kernel file that was changed
// CPU is in millicores, memory in bytes, stamps of the monotonic clock and durations in ns, of the wall clock in ms.
// From lines with `state` on, replay decides what the node decided, byte for byte.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/model/action.h"
#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"
#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/memory_relief.h"
#include "node-actor/decide/memory_round.h"

namespace tideline::recording {

using Json = nlohmann::json;

/// One round of CPU suppress.
struct SuppressRound {
  model::FastCounters counters;
  std::optional<decide::SuppressState> state;  // nullopt: as the round before with the same `off` left it
  decide::SuppressInput input;                 // without single pods
  bool off = false;                            // decided with `enable` false, as `policy` says
  std::optional<model::NodePolicy> policy;
  Json decision;
};

/// One pod round of the CPU side; owns what decide::CpuRoundInput points to.
struct CpuRound {
  model::MonoTime now;
  decide::NodeFacts node;
  std::vector<model::Pod> pods;
  model::NodeSample sample;
  model::Duration pod_interval{0};
  model::KnobSet knobs;
  model::Topology topology;
  decide::NodeCpus cpus;
  decide::SuppressTerms suppress;
  decide::CurrentLimit be_limit;
  std::optional<model::CpuSet> be_cpus_current;
  bool is_v1 = false;
  std::string boot_id;
  std::vector<decide::HandsOff> hands_off;
  std::optional<model::MilliCpu> allocatable_batch_cpu;
  std::vector<decide::PodWork> work;
  std::optional<model::MilliCpu> be_whole;
  std::vector<decide::OutsidePod> outside;
  std::vector<model::PodUid> lingering;
  std::optional<decide::Wants> others;
  std::optional<model::NodePolicy> policy;
  std::optional<decide::CpuRoundState> state;  // nullopt: as the round before left it
  Json decision;

  decide::CpuRoundInput input() const;
};

/// One round of relief.
struct ReliefRound {
  model::FastMemoryCounters counters;
  std::optional<decide::ReliefState> state;  // nullopt: as the round before left it
  decide::ReliefInput input;
  std::optional<model::NodePolicy> policy;
  Json decision;
};

/// One pod round of the memory side; owns what decide::MemoryRoundInput points to.
struct MemoryRound {
  model::MonoTime now;
  std::vector<model::Pod> pods;
  model::NodeSample sample;
  model::KnobSet knobs;
  bool is_v1 = false;
  std::string boot_id;
  std::optional<model::Bytes> memory_allocatable;
  std::optional<model::Bytes> allocatable_batch_memory;
  std::map<model::GroupRef, model::Bytes> own_limits;
  std::map<model::GroupRef, model::Bytes> used;
  std::map<model::GroupRef, model::Bytes> in_force;
  std::optional<decide::ReliefDecision> relief;
  std::vector<decide::PodWork> work;
  std::vector<model::PodUid> held;
  std::vector<decide::EvictState::Asked> asked;  // before the round
  std::optional<model::NodePolicy> policy;
  std::optional<decide::MemoryRoundState> state;  // nullopt: as the round before left it
  Json decision;

  decide::MemoryRoundInput input() const;
};

struct Write {
  model::KernelWrite write;
  std::string old_value;
};

using Entry = std::variant<SuppressRound, CpuRound, ReliefRound, MemoryRound, model::HostCounters, Write>;

/// Reads line by line, FILE.1 before FILE.
class Reading {
 public:
  /// nullopt: a line that later ones rest on. kMalformed names what is wrong; the next line may be read all the same.
  model::Result<std::optional<Entry>> line(std::string_view text);

 private:
  struct MemoryNode {
    std::string boot_id;
    bool is_v1 = false;
    model::KnobSet knobs;
  };
  /// What lines hold for those after them.
  struct Context {
    std::optional<model::NodePolicy> policy;
    decide::NodeFacts node;
    std::string boot_id;
    bool is_v1 = false;
    model::Duration pod_interval{0};
    model::KnobSet knobs;
    model::Topology topology;
    decide::NodeCpus cpus;
    std::vector<model::Pod> pods;
    std::vector<decide::HandsOff> hands_off;
    model::NodeSample sample;
    std::optional<decide::Wants> others;
    MemoryNode memory;
    Json settlement;
    Json wants;
  };
  Context context_;
};

/// What the controllers remember between two lines.
struct Memory {
  decide::SuppressState suppress;
  decide::SuppressState suppress_off;  // of rounds with `off`
  decide::CpuRoundState cpu;
  decide::ReliefState relief;
  decide::MemoryRoundState memory;
};
/// What decide says to it now, as the recording has it. A round that brings its state is judged by that.
Json replay(Memory& memory, const SuppressRound& round);
Json replay(Memory& memory, const CpuRound& round);
Json replay(Memory& memory, const ReliefRound& round);
Json replay(Memory& memory, const MemoryRound& round);

/// Names in kernel text need not be UTF-8: what is not is replaced.
std::string text_of(const Json& line);

// For the recorder: lines without their "type".
Json json_of(const std::optional<model::NodePolicy>& policy);
Json json_of(const std::vector<model::Pod>& pods);
Json json_of(const std::vector<decide::HandsOff>& hands_off);
Json json_of(const decide::CpuRoundState& state);
Json json_of(const decide::CpuRoundDecision& decision);
Json host_line(const model::HostCounters& counters);
Json write_line(const model::KernelWrite& write, const std::string& old_value);
/// `off`: decided with a policy that is as the one in force, but for `enable` false.
Json suppress_line(const model::FastCounters& counters, const decide::SuppressInput& input, bool off,
                   const decide::SuppressDecision& decision);
Json json_of(const decide::SuppressState& state);
/// What seldom changes of a round, and the rest of it but the sample.
Json node_line(const decide::CpuRoundInput& input);
Json cpu_line(const decide::CpuRoundInput& input);
Json json_of(const model::NodeSample& sample);
/// nullptr: there is no memory side.
Json others_line(const decide::Wants* others);
Json relief_line(const model::FastMemoryCounters& counters, const decide::ReliefInput& input,
                 const decide::ReliefDecision& decision);
Json json_of(const decide::ReliefState& state);
Json memory_node_line(const decide::MemoryRoundInput& input);
Json memory_line(const decide::MemoryRoundInput& input, const std::vector<decide::EvictState::Asked>& asked);
Json json_of(const decide::MemoryRoundState& state);
Json json_of(const decide::MemoryRoundDecision& decision);

}  // namespace tideline::recording
