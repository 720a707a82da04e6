#pragma once
// What a node and its pods use, as it is told to Kubernetes in a NodeMetric object. nullopt always means "not known".

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/qos.h"
#include "messages/model/units.h"

namespace tideline::model {

struct MetricUse {
  std::optional<MilliCpu> cpu = {};
  std::optional<Bytes> memory = {};
  friend bool operator==(const MetricUse&, const MetricUse&) = default;
};

/// Of the values of one span of time, each resource by itself.
struct MetricSpread {
  Duration span{0};
  MetricUse average;
  MetricUse p50;
  MetricUse p90;
  MetricUse p95;
  MetricUse p99;
  friend bool operator==(const MetricSpread&, const MetricSpread&) = default;
};

struct PodMetric {
  std::string name_space;
  std::string name;
  Tier tier = Tier::kProd;
  QosClass qos = QosClass::kLs;
  MetricUse use;
  friend bool operator==(const PodMetric&, const PodMetric&) = default;
};

/// Of a host application.
struct ApplicationMetric {
  std::string name;
  Tier tier = Tier::kProd;
  QosClass qos = QosClass::kSystem;
  MetricUse use;
  friend bool operator==(const ApplicationMetric&, const ApplicationMetric&) = default;
};

struct NodeMetric {
  NodeName node;
  MonoTime arrived;      // of the report that it is as of, by the coordinator's clocks
  WallTime at;           // likewise
  Duration averaged{0};  // the span of all averages but those of `spreads`
  MetricUse use;
  MetricUse system;                   // outside of pods and host applications
  std::vector<MetricSpread> spreads;  // of the whole node's use, the shortest span first
  std::vector<PodMetric> pods;        // that have not ended, and of which something is known
  std::vector<ApplicationMetric> applications;
  MetricUse prod_reclaimable;  // requested by prod, and predicted not to be needed
  friend bool operator==(const NodeMetric&, const NodeMetric&) = default;
};
using SharedNodeMetric = std::shared_ptr<const NodeMetric>;

}  // namespace tideline::model
