#pragma once
// --record FILE: what the controllers saw and decided, and what was written, for replay and for bug reports; the lines
// are node-actor/recording's. Bounded: when FILE is full, and when a new worker begins, it becomes FILE.1 and a new
// FILE begins, which says anew all that its rounds rest on.

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"
#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/memory_relief.h"
#include "node-actor/decide/memory_round.h"

namespace tideline::node {

class Recorder {
 public:
  /// Does nothing.
  Recorder() = default;
  /// `max_bytes` for FILE and FILE.1 together. Later trouble with the disk is logged and ends the recording; a round
  /// that alone is larger than a file is left out and logged. kUnavailable with the path, also where a FILE of before
  /// cannot become FILE.1: it stays as it is.
  static model::Result<Recorder> open(const std::string& path, std::size_t max_bytes);

  bool on() const { return file_ != nullptr; }
  /// The raw counters a pod round read.
  void host(const model::HostCounters& counters);
  /// One round of CPU suppress. `off`: it was decided with `enable` false in place of the policy's.
  void suppress(const model::FastCounters& counters, const std::optional<model::NodePolicy>& policy,
                const decide::SuppressState& state, const decide::SuppressInput& input, bool off,
                const decide::SuppressStep& step);
  /// One round of relief.
  void relief(const model::FastMemoryCounters& counters, const std::optional<model::NodePolicy>& policy,
              const decide::ReliefState& state, const decide::ReliefInput& input, const decide::ReliefStep& step);
  /// One pod round of the memory side: what it begins with, and what came of it. `asked`: as before the round.
  void memory_round_begins(const decide::MemoryRoundState& state, const std::vector<decide::EvictState::Asked>& asked,
                           const decide::MemoryRoundInput& input, const std::optional<model::NodePolicy>& policy);
  void memory_round_ends(const decide::MemoryRoundDecision& decision);
  /// Something but a round of relief changed what it remembers.
  void relief_state_changed() { relief_.clear(); }
  /// Something but a round changed what the memory side remembers.
  void memory_state_changed() { memory_is_told_ = false; }
  /// One pod round of the CPU side: what it begins with, and what came of it.
  void cpu_round_begins(const decide::CpuRoundState& state, const decide::CpuRoundInput& input,
                        const std::optional<model::NodePolicy>& policy);
  void cpu_round_ends(const decide::CpuRoundDecision& decision);
  /// Something but a round changed what the CPU side remembers.
  void cpu_state_changed() { state_is_told_ = false; }
  /// A write that was made.
  void write(const model::KernelWrite& write, const std::string& old_value);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  /// Lines that hold until they are there again: text by type.
  using Basis = std::map<std::string, std::string>;
  struct Pending {
    Basis basis;
    nlohmann::json state;
    nlohmann::json line;
  };

  const std::string& policy_text(const std::optional<model::NodePolicy>& policy);
  /// Writes what changed of the basis, and then what `line` makes, in one file: of a new file it is asked again. False:
  /// it was left out, or the recording has ended.
  template <class Line>
  bool put(const Basis& basis, const Line& line);
  void put(const char* type, nlohmann::json line);
  bool fits(std::size_t bytes) const { return written_ + bytes <= max_bytes_ / 2; }
  void append(const std::string& text);
  void begin_next_file();
  void end(int problem);

  std::string path_;
  std::size_t max_bytes_ = 0;
  std::size_t written_ = 0;
  std::unique_ptr<std::FILE, Closer> file_;
  Basis told_;                               // in this file
  std::map<bool, nlohmann::json> suppress_;  // what rounds left to be remembered, in this file, by `off`
  std::string settlement_;                   // of the last round in this file
  bool state_is_told_ = false;
  std::string relief_;  // what the last round of relief left to be remembered, in this file
  std::string wants_;   // of the memory side's last round in this file
  bool memory_is_told_ = false;
  bool left_out_ = false;  // a round that was too large, already logged
  std::optional<std::optional<model::NodePolicy>> policy_;
  std::string policy_text_;
  std::optional<Pending> pending_;
  std::optional<Pending> pending_memory_;
};

}  // namespace tideline::node
