#pragma once
// --record FILE: what the controller saw and did, one JSON object a line, for replay and for bug reports. Bounded: when
// FILE is full, and when a new worker begins, it becomes FILE.1 and a new FILE begins, which names
// the policy in force anew.

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"
#include "node-actor/decide/cpu_suppress.h"

namespace tideline::node {

class Recorder {
 public:
  /// Does nothing.
  Recorder() = default;
  /// `max_bytes` for FILE and FILE.1 together. Later trouble with the disk is logged and ends the recording.
  static model::Result<Recorder> open(const std::string& path, std::size_t max_bytes);

  bool on() const { return file_ != nullptr; }
  /// The raw counters a pod round read.
  void host(const model::HostCounters& counters);
  /// One round of CPU suppress: raw counters, the policy when it changed, the input, the decision.
  void suppress(const model::FastCounters& counters, const std::optional<model::NodePolicy>& policy,
                const decide::SuppressInput& input, const decide::SuppressDecision& decision);
  /// A write that was made.
  void write(const model::KernelWrite& write, const std::string& old_value);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void line(const std::string& text);
  void begin_next_file();
  void end(int problem);

  std::string path_;
  std::size_t max_bytes_ = 0;
  std::size_t written_ = 0;
  std::unique_ptr<std::FILE, Closer> file_;
  std::optional<std::optional<model::NodePolicy>> last_policy_;
};

}  // namespace tideline::node
