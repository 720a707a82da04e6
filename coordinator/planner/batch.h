#pragma once
// Batch pods on a host: what they hold, how they get on, who has to go.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "messages/model/units.h"

namespace tideline::planner {

/// CPU time in core-seconds. A pod uses what it requests where it may, and all of its memory all the time.
struct PlacedPod {
  model::MilliCpu cpu{};      // requested, > 0
  model::Bytes memory{};      // requested
  double work = 0;            // CPU time that it takes to its end, > 0
  double done = 0;            // of it
  std::int64_t queued_s = 0;  // since the epoch: when it came, from which its completion time counts
  std::uint32_t task = 0;     // whose instance it is, where there are tasks
  model::MilliCpu got{};      // CPU in the last step
};

/// Times that pods took from their coming to their end, in whole seconds begun.
class CompletionTimes {
 public:
  struct Row {
    std::int64_t seconds = 0;
    std::uint64_t pods = 0;
    friend bool operator==(const Row&, const Row&) = default;
  };
  void add(double seconds, std::uint64_t pods);
  void add(const CompletionTimes& other);
  void add(const Row& row);
  /// The least that a share q of all did not exceed; 0 without any.
  double quantile(double q);
  /// Each time that there was, ascending.
  const std::vector<Row>& rows();

 private:
  void merge_equal();

  std::vector<Row> rows_;
  std::size_t merge_at_ = 1'024;  // rows: as many as there are times, or few
};

/// What batch gets in a step.
struct BatchStep {
  double share = 0;          // 0..1: of what each pod requests
  std::int64_t begin_s = 0;  // since the epoch
  std::int64_t length_s = 0;
  bool refills = false;  // a pod that ends within it makes room for another like it at once
};

/// In the order in which they came.
class HostBatch {
 public:
  std::span<const PlacedPod> pods() const { return pods_; }
  model::MilliCpu cpu() const { return cpu_; }     // requested by all
  model::Bytes memory() const { return memory_; }  // likewise
  void place(const PlacedPod& pod);

  struct Progress {
    double used = 0;  // CPU time
    std::uint64_t completed = 0;
  };
  /// Each pod gets its share, to its end at most; those that end go.
  Progress advance(const BatchStep& step, CompletionTimes& completions);

  /// Takes the youngest until what they request comes to `release`, and puts them behind `evicted`.
  void evict_cpu(model::MilliCpu release, std::vector<PlacedPod>& evicted);
  /// Those with most memory first, of equals the youngest.
  void evict_memory(model::Bytes release, std::vector<PlacedPod>& evicted);

 private:
  void take(std::size_t index, std::vector<PlacedPod>& evicted);

  std::vector<PlacedPod> pods_;
  std::vector<PlacedPod> fresh_;  // of advance()
  model::MilliCpu cpu_;
  model::Bytes memory_;
};

}  // namespace tideline::planner
