#pragma once
// What a node's recording tells of its services' CPU second by second, for a demand model.

#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/planner/demand_fit.h"
#include "messages/model/result.h"
#include "node-actor/recording/recording.h"

namespace tideline::planner_program {

/// Pods of QoS LSE, LSR and LS. A round whose sample is not over about a second says nothing of seconds, and is passed
/// over.
class RecordedServices {
 public:
  explicit RecordedServices(std::int64_t window_s) : fit_(window_s) {}

  /// Line by line, FILE.1 before FILE. A line that is none of a recording's is counted. kOverloaded: more services than
  /// one host has.
  model::Result<void> line(std::string_view text);
  /// What comes next is another recording.
  void close();
  model::Result<planner::DemandModel> finish() { return fit_.finish(); }
  bool knows_shared() const { return fit_.knows_shared(); }

  std::uint64_t rounds() const { return rounds_; }              // of pods, a second long
  std::uint64_t other_rounds() const { return other_rounds_; }  // of another length
  std::uint64_t bad_lines() const { return bad_lines_; }
  const std::string& first_bad() const { return first_bad_; }  // why

 private:
  planner::DemandFit fit_;
  recording::Reading reading_;
  std::uint64_t rounds_ = 0;
  std::uint64_t other_rounds_ = 0;
  std::uint64_t bad_lines_ = 0;
  std::string first_bad_;
};

}  // namespace tideline::planner_program
