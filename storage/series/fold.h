#pragma once
// Reports of one node -> tables of all tiers. Adding is all there is to it: what reports give together is merge() of
// what each gives, in whatever order and however they are divided (but for rounding of means where tables were kept
// between).

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "storage/series/table.h"
#include "storage/store/history_store.h"

namespace tideline::series {

struct Folded {
  std::array<std::vector<Table>, kTiers.size()> tiers;  // by kTiers; in each by subject, none empty
  std::vector<PodInfo> pods;                            // by uid
};

class Fold {
 public:
  Fold();
  ~Fold();
  Fold(Fold&&) noexcept;
  Fold& operator=(Fold&&) noexcept;
  Fold(const Fold&) = delete;
  Fold& operator=(const Fold&) = delete;

  /// One row for each step that a sample's corrected time (store::sample_time) is in and of which something is known; a
  /// pod's summary belongs to the step that the middle of the report's window is in, with its least, mean and most, as
  /// many samples as the window has seconds, at least 1. Numbers beyond ReportLimits' are cut to them, sums over pods
  /// to 2^53.
  /// Precision: CPU of a node 1/2048 of its capacity, memory likewise, of pods 1/8192, at least 1; all else 1.
  /// Fields of tables: of a node each known metric, kReports, kReportsLost, capacities; of pods and workloads the
  /// others. Capacities are one sample with each of the node's, or one in a report without any; kReports is 1 and
  /// kReportsLost its gap (times scale_of, to 2^53), once a report: what counts of both is their sum.
  /// Of a workload: sums over its pods of one report, as one value for all of the report's seconds. Pods that have
  /// ended count for what they still used, and for nothing else.
  /// Sketches: of a node each sample; of pods and workloads each report's mean, as often as it has seconds; where and
  /// of what: has_sketch.
  void add(const store::StoredReport& stored);
  Folded finish() &&;
  bool empty() const;        // nothing was added
  std::size_t pods() const;  // that reports told of, each once

 private:
  struct Cells;
  std::unique_ptr<Cells> cells_;
};

}  // namespace tideline::series
