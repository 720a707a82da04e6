#pragma once
// Pods that a node no longer lists, and whose use its system's average does not hold yet.
//
// The system's use is told as that outside of the pods which were listed then. So what a pod used before it went is in
// its own average alone. If its group runs on, each report from then on tells its use as the system's, and as much as
// that average holds of it, its own part must shrink: it counts with the share of the system's average that is from
// before it went. So the sum stays level if it runs on, and falls to what the others use if it has ended, which of the
// two nobody tells.

#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "coordinator/fleet/usage_average.h"
#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/qos.h"
#include "messages/model/units.h"

namespace tideline::fleet {

class GonePods {
 public:
  struct Row {
    model::PodUid uid;
    std::string name;  // "namespace/name"
    model::QosClass qos = model::QosClass::kLs;
    std::optional<int> priority;
    Averages use;
    Averages system;  // as it was with the first report that did not list the pod
  };

  /// A pod of the report before that the one taken at `slot`, of `window`, does not list; `system` holds that report's.
  /// One that has ended is not kept, as it was charged nothing any more; nor are those of batch and free, which never
  /// were. What it did until it went is told nowhere: it counts as if it had gone on through that report.
  void add(const model::Pod& pod, const Averages& use, const Averages& system, std::int64_t slot,
           model::Duration window);
  /// What is known of a pod that is listed again; it is no longer gone.
  std::optional<Averages> take_back(const model::PodUid& uid);
  /// Drops those of which nothing counts as of `slot`.
  void drop_ended(std::int64_t slot);
  /// Newest last, at most kMaxGonePods. What is dropped for that is the system's as its average comes to hold it.
  const std::list<Row>& rows() const { return rows_; }

 private:
  std::list<Row> rows_;
};

/// What counts of a gone pod's `use` as of `slot`: `before` is the system's average as kept with it, `system` that of
/// now. nullopt = nothing.
std::optional<double> left_of(const UsageAverage& use, const UsageAverage& before, const UsageAverage& system,
                              std::int64_t slot);

}  // namespace tideline::fleet
