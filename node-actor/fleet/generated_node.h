#pragma once
// Reports of a node that does not exist, drawn from a seed: the node's loops are off, the report and all that carries
// it are the real ones.

#include <cstdint>
#include <random>
#include <vector>

#include "messages/model/node_objects.h"
#include "messages/model/pod.h"
#include "messages/model/report.h"
#include "messages/model/units.h"
#include "node-actor/simulation/generated_pod.h"

namespace tideline::rehearsal {

struct NodeShape : simulation::HostShape {
  std::size_t samples = 10;  // in a report
};

class GeneratedNode {
 public:
  /// Nodes of one seed and different names differ; the same seed and name give the same loads again.
  GeneratedNode(const model::NodeName& name, std::uint64_t seed, model::Incarnation incarnation,
                const NodeShape& shape);

  /// The report of the window that ends at these clocks; numbers run from 1. Services follow the hour of the day, each
  /// node by its own phase, and noise; batch takes part of what they leave. Passes model::validate.
  model::Report report(model::MonoTime mono, model::WallTime wall, model::Duration window);

  /// From now on it has these pods, labels, annotations and allocatable, as a node with --pods-from coordinator. Loads
  /// are drawn as before, and shared by the pods that run; of one that was there before it goes on.
  void take(const model::NodeObjects& objects);

  void applied(model::PolicyVersion version) { status_.policy_applied = version; }

 private:
  struct Load {
    model::SharedPod pod;
    double weight = 0;
    double share = 0;  // of its tier's CPU: its weight's of all
  };

  double draw(double low, double high);
  double draw_weight() { return draw(0.2, 1); }
  void share_out();
  model::NodeSample sample(model::MonoTime mono, model::WallTime wall, model::Duration window);

  NodeShape shape_;
  model::NodeName name_;
  std::minstd_rand random_;  // small: there are thousands of nodes
  model::Incarnation incarnation_;
  model::Seq next_{1};
  model::NodeStatus status_;
  std::vector<Load> loads_;
  model::SharedPods pods_;  // of loads_, and those that do not run yet
  double phase_hours_ = 0;
  double noise_ = 0;  // of the services' load; wanders
};

}  // namespace tideline::rehearsal
