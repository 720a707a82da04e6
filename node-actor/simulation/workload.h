#pragma once
// The pods of one simulated host and what they want over time: drawn from a seed, or as a trace has it. What a trace
// does not tell is drawn: batch where it has none, and the system.
//
// Drawn services follow the hour of the day, each host by its own phase, with noise, and now and then one of them wants
// three times as much for 5 to 20 s. Drawn batch wants from four fifths to one and a half of its limit, all the time.

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/simulation/generated_pod.h"
#include "node-actor/simulation/simulated_host.h"
#include "node-actor/simulation/trace.h"

namespace tideline::simulation {

/// A host's part of a trace.
struct TraceShare {
  std::shared_ptr<const Trace> trace;  // nullptr: all is drawn
  std::size_t host = 0;
  model::Duration begin{0};  // into the trace
};

class Workload {
 public:
  /// A pod that was evicted comes back as another one of its workload after this.
  static constexpr model::Duration kComesBackAfter = std::chrono::minutes(1);

  /// Hosts of one seed and different names differ; the same seed and name give the same loads again.
  Workload(const model::NodeName& node, std::uint64_t seed, const HostShape& shape, TraceShare share = {});

  const std::vector<model::Pod>& pods() const { return pods_; }
  /// The load `elapsed` after the begin, at that hour. True: pods() changed since the last call, or this is the first.
  bool advance(model::Duration elapsed, model::WallTime wall);
  /// As of the last advance(); its pods are in the order of pods().
  const HostDemand& demand() const { return demand_; }
  /// The pod was evicted, and is not among pods() any more.
  void evicted(const model::PodUid& uid);

 private:
  struct Load {
    double cpu = 0;       // drawn: share of the services' CPU; of batch, of its own limit
    model::Bytes memory;  // that it holds
    std::optional<model::Duration> spike_until;
    const TracePod* traced = nullptr;
  };
  struct Coming {
    model::Pod pod;
    Load load;
    model::Duration at{0};
  };
  double draw(double low, double high);
  void draw_pods(bool services, bool batch);
  void add_traced(const TracePod& traced);
  void wander(model::Duration elapsed);
  bool come_back(model::Duration elapsed);
  double cpu_of(const model::Pod& pod, const Load& load, double services_milli) const;

  model::NodeName node_;
  HostShape shape_;
  TraceShare share_;
  std::minstd_rand random_;  // small: there are thousands of hosts
  std::vector<model::Pod> pods_;
  std::vector<Load> loads_;  // of pods_
  std::vector<Coming> coming_;
  HostDemand demand_;
  double phase_hours_ = 0;
  double noise_ = 0;  // of the services' load; wanders
  std::size_t next_index_ = 0;
  model::Duration elapsed_{0};
  model::Duration wandered_{0};
  bool changed_ = true;
};

}  // namespace tideline::simulation
