#pragma once
// What a node's recording (tideline-node --record) tells of it, in steps of its wall clock: as history would have it,
// and the limit on batch that was in force.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/qos.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/recording/recording.h"
#include "storage/columns/chunk.h"

namespace tideline::planner_program {

class RecordedRun {
 public:
  static constexpr std::int64_t kStepS = 10;
  /// Lines beyond it are cut by their reader, and so counted as bad.
  static constexpr std::size_t kMaxLine = std::size_t{64} << 20;

  /// Line by line, FILE.1 before FILE. A line that is none of a recording's is counted. kOverloaded: more pods than one
  /// host has.
  model::Result<void> line(std::string_view text);

  std::uint64_t rounds() const { return rounds_; }  // of pods: each is a row of what it is the mean of
  std::uint64_t bad_lines() const { return bad_lines_; }
  const std::string& first_bad() const { return first_bad_; }  // why
  std::size_t pods() const { return pods_.size(); }
  /// Begins of the first step and of the last; 0 without any.
  std::int64_t first_s() const { return host_.empty() ? 0 : host_.begin()->first; }
  std::int64_t last_s() const { return host_.empty() ? 0 : host_.rbegin()->first; }

  /// As an export of history of the tier of 10 s: the host, whose name that is, and its pods.
  std::vector<columns::Chunk> chunks(const std::string& host) const;
  /// Mean over [from_s, until_s), where no limit counts as the host's capacity; nullopt: there is no round in it.
  std::optional<double> limit_millicores(std::int64_t from_s, std::int64_t until_s) const;

 private:
  struct Mean {
    double sum = 0;
    std::uint64_t known = 0;
    void add(std::int64_t value) {
      sum += static_cast<double>(value);
      ++known;
    }
    std::int64_t value() const;  // kMissing where nothing is known
  };
  struct HostStep {
    Mean cpu;
    Mean memory;
    Mean limit;
    Mean quota;  // of rounds with one
    std::int64_t capacity = columns::kMissing;
    std::int64_t memory_capacity = columns::kMissing;
  };
  struct PodStep {
    Mean cpu;
    Mean memory;
    std::int64_t cpu_request = columns::kMissing;
    std::int64_t memory_request = columns::kMissing;
  };
  struct Pod {
    model::QosClass qos = model::QosClass::kLs;
    std::map<std::int64_t, PodStep> steps;  // by begin
  };
  model::Result<void> add(const recording::CpuRound& round);

  recording::Reading reading_;
  std::optional<model::Bytes> memory_total_;
  std::map<std::int64_t, HostStep> host_;  // by begin
  std::map<std::string, Pod> pods_;        // by uid
  std::uint64_t rounds_ = 0;
  std::uint64_t bad_lines_ = 0;
  std::string first_bad_;
};

/// Of FILE.1, where it is there, and FILE. Errors name the path.
model::Result<void> for_each_recorded_line(const std::string& path,
                                           const std::function<model::Result<void>(std::string_view line)>& line);
model::Result<void> read_recording(const std::string& path, RecordedRun& run);

}  // namespace tideline::planner_program
