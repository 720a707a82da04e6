#pragma once
// How much of what a node's prod pods request they are predicted not to need, learnt from its live reports.
//
// After Koordinator's koordlet prediction (a predictor by pods, one by priority class, and the lesser of both), with
// m = 1 + safetyMarginPercent / 100 and peak() by UseRecord:
//   by pods     = sum of max(0, request - m * peak(pod))
//   by tier     = sum of request - m * min(peak(all prod pods together), sum of the most that each pod used)
//   by node     = allocatable - m * max(sum of peak(pod), the same minimum) - what all other prod pods request or use
//   reclaimable = the least of the three, 0 at least
// Sums are over the pods that may spare something: running, not terminating, warm (coldStartMinutes of use known); an
// LSE pod's CPUs are its own. All others only take. So a pod that comes never makes it more. Where it differs from
// Koordinator, and why: docs/concepts.md, Prediction.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "coordinator/profile/bytes.h"
#include "coordinator/profile/prediction_policy.h"
#include "coordinator/profile/scores.h"
#include "coordinator/profile/use_record.h"
#include "messages/model/ids.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::profile {

/// nullopt = not known: no pod is warm.
struct Reclaimable {
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
  friend bool operator==(const Reclaimable&, const Reclaimable&) = default;
};

/// Takes about 270 B a prod pod, 670 B at most; of kMaxPods pods, and the others count as cold for ever.
class NodeProfile {
 public:
  static constexpr std::size_t kMaxPods = 256;
  static constexpr model::Duration kMinute = std::chrono::minutes(1);
  static constexpr model::Duration kDay = std::chrono::hours(24);

  explicit NodeProfile(model::MonoTime now) : minute_began_(now), day_began_(now), heard_(now) {}

  /// A newer live report than all before, which arrived at `at`. That a pod is there and what it requests counts at
  /// once, what it uses from the end of the minute on. Each minute that ends adds to `scores`, unless one of the pods
  /// that were predicted for went away, or had no use known in it.
  void take(const model::Report& report, model::MonoTime at, const PredictionPolicy& policy, Scores& scores);

  /// As of the newest report.
  Reclaimable reclaimable(Predictor predictor) const;
  const std::optional<Prediction>& prediction(Predictor predictor, Resource resource) const {
    return predicted_.at(predictor).at(resource);
  }
  std::size_t pods() const { return rows_.size(); }
  std::size_t warm_pods() const { return warm_pods_; }  // of both resources
  model::MonoTime heard() const { return heard_; }

  /// What was learnt, with ages as of `now`.
  void write(model::MonoTime now, ByteWriter& out) const;
  /// What write() gave, `gap` before `now`; predicts from the first report on. `in` is not ok() afterwards if it held
  /// something else.
  static NodeProfile read(ByteReader& in, model::MonoTime now, model::Duration gap);

 private:
  struct Row {
    model::PodUid uid;
    PerResource<UseRecord> use;
  };
  using Pods = std::span<const model::PodSummary* const>;

  void match(Pods pods);
  void end_minute(model::MonoTime at, const PredictionPolicy& policy, Scores& scores);
  void predict(Resource resource, Pods pods, const model::NodeStatus& status, const PredictionPolicy& policy);
  void stand(Resource resource, Pods pods);
  void see(Resource resource, Pods pods);
  UseRecord* record(std::size_t pod, Resource resource) {
    return pod < rows_.size() ? &rows_[pod].use.at(resource) : nullptr;
  }

  std::vector<Row> rows_;        // of the newest report's prod pods, in their order
  PerResource<UseRecord> tier_;  // of all of them together
  PerPredictor<PerResource<std::optional<Prediction>>> predicted_;
  model::MonoTime minute_began_;
  model::MonoTime day_began_;
  model::MonoTime heard_;
  std::size_t warm_pods_ = 0;

  /// Of the minute that runs: what was predicted at its begin, and for whom is marked in their records.
  PerPredictor<PerResource<std::optional<Prediction>>> standing_;
  PerResource<double> used_{};  // by those pods together, the most in a report so far
  PerResource<bool> comparable_{};
};

}  // namespace tideline::profile
