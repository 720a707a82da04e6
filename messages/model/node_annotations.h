#pragma once
// What a node's annotations take from what it may be offered for, by the keys that Koordinator's manager reads, whoever
// supplies them. A plain function of the annotations.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/cpu_set.h"
#include "messages/model/pod_metadata.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::model {

inline constexpr std::string_view kReservationAnnotation = "node.koordinator.sh/reservation";
inline constexpr std::string_view kThirdPartyAnnotation = "node.koordinator.sh/thirdPartyAllocations";
inline constexpr std::string_view kSystemQosAnnotation = "node.koordinator.sh/system-qos-resource";
inline constexpr std::string_view kColocationStrategyAnnotation = "node.koordinator.sh/colocation-strategy";

using NodeAnnotations = std::map<std::string, std::string>;

/// Of one node. Beyond them they are refused, never cut.
struct AnnotationLimits {
  static constexpr std::size_t kMaxCount = 64;
  static constexpr std::size_t kMaxKeyBytes = 317;        // as Kubernetes: a DNS name, a slash and a name
  static constexpr std::size_t kMaxValueBytes = 4 << 10;  // of one
  static constexpr std::size_t kMaxBytes = 16 << 10;      // keys and values of all
};
/// The error names the bound, the key and the size.
Result<void> check_annotations(const NodeAnnotations& annotations);

/// node.koordinator.sh/reservation: kept from batch and mid, used or not. `applyPolicy` says what schedulers make of it
/// and changes nothing here.
struct NodeReservation {
  MilliCpu cpu;  // reservedCPUs counted, where there are any; else resources.cpu
  Bytes memory;
  CpuSet cpus;  // reservedCPUs
  friend bool operator==(const NodeReservation&, const NodeReservation&) = default;
};

/// node.koordinator.sh/thirdPartyAllocations: kubernetes.io/batch-cpu and batch-memory that other schedulers gave away,
/// the sum over the allocations with priority koord-batch. Those of other priorities are not batch's.
struct ThirdPartyBatch {
  MilliCpu cpu;
  Bytes memory;
  friend bool operator==(const ThirdPartyBatch&, const ThirdPartyBatch&) = default;
};

struct NodeClaims {
  NodeReservation reservation;
  ThirdPartyBatch third_party;
  /// node.koordinator.sh/system-qos-resource: `cpuset`, unless `cpusetExclusive` is false: CPUs that belong to pods of
  /// class SYSTEM. Nothing is taken off what is offered: what these use is charged as measured.
  CpuSet system_cpus;
  std::vector<MetadataProblem> problems;    // that withhold nothing
  std::vector<MetadataProblem> unreadable;  // how much these take is not known, so nothing may be offered
  friend bool operator==(const NodeClaims&, const NodeClaims&) = default;
};

/// Each is read as a whole or not at all: a quantity that is none, a list of CPUs that is none, more than any host has
/// and a member that is not known (a misspelt one would reserve nothing) make one unreadable; of system-qos-resource
/// that is a problem alone, as is an unknown applyPolicy. Resources that none names are not looked at.
NodeClaims read_claims(const NodeAnnotations& annotations);

/// "annotation KEY is "VALUE": why".
std::string text_of(const MetadataProblem& problem);

}  // namespace tideline::model
