#pragma once
// Every configuration key in one table: what is parsed, checked, documented and printed by `tidectl policy keys`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "coordinator/policy/scaling.h"
#include "coordinator/profile/prediction_policy.h"
#include "messages/model/eviction.h"
#include "messages/model/host_application.h"
#include "messages/model/policy.h"

namespace tideline::policy {

inline constexpr std::string_view kColocationKey = "colocation-config";
inline constexpr std::string_view kThresholdKey = "resource-threshold-config";
inline constexpr std::string_view kQosKey = "resource-qos-config";
inline constexpr std::string_view kBurstKey = "cpu-burst-config";
inline constexpr std::string_view kHostApplicationsKey = "host-application-config";
inline constexpr std::string_view kTidelineKey = "tideline-config";  // Tideline's own
inline constexpr std::string_view kNormalizationKey = "cpu-normalization-config";
inline constexpr std::string_view kAmplificationKey = "resource-amplification-config";

enum class KeyType {
  kBool,
  kInteger,
  kNumber,
  kText,
  kTextList,
  kObject,
  kIntegerOrText,
  kObjectList,
  kApplications,
  kRatioModel
};
std::string_view name_of(KeyType type);  // "bool", "integer", ...

/// kActive: acted on. kAccepted: a Koordinator key this version reads and checks but does not act on.
enum class KeyStatus { kActive, kAccepted };
std::string_view name_of(KeyStatus status);  // "active", "accepted, not acted on yet"

using Scalar = std::variant<bool, std::int64_t, double, std::string, std::vector<model::HostApplication>, RatioModel>;

/// What is of the whole fleet and travels to no node.
struct FleetPolicy {
  model::EvictionRates evictions;
  profile::PredictionPolicy prediction;
  friend bool operator==(const FleetPolicy&, const FleetPolicy&) = default;
};

struct KeySpec {
  std::string_view document;  // "resource-qos-config"
  std::string_view path;      // within a strategy: "beClass.cpuQOS.groupIdentity"
  KeyType type = KeyType::kBool;
  KeyStatus status = KeyStatus::kAccepted;
  std::string_view default_text;  // as JSON would write it; "unset" where there is none
  std::optional<double> min;      // kInteger, kNumber
  std::optional<double> max;
  bool min_excluded = false;
  std::vector<std::string_view> choices;  // kText: empty = any
  /// Of an active key's choices, those acted on; empty = all. The others are accepted with a notice.
  std::vector<std::string_view> acted_choices;
  std::string_view meaning;  // one line, with unit
  /// Puts a checked value into the policy; null where the model has no field for it.
  void (*apply)(model::NodePolicy&, const Scalar&) = nullptr;
  /// The same field's value, nullopt = unset; null where `apply` is.
  std::optional<Scalar> (*read)(const model::NodePolicy&) = nullptr;
  /// Of a key of the whole fleet, which no node has its own way; null for all others.
  void (*apply_fleet)(FleetPolicy&, const Scalar&) = nullptr;
  std::optional<Scalar> (*read_fleet)(const FleetPolicy&) = nullptr;
  /// Of a key that comes to something on a node only with what the node is: see result_table().
  void (*apply_scaling)(ScalingStrategy&, const Scalar&) = nullptr;
};

/// All keys, by document and then path as Koordinator lists them; Tideline's own document comes last.
const std::vector<KeySpec>& key_table();

/// What keys with apply_scaling come to on a node, under the name of the annotation that Koordinator writes it to. No
/// input: compared, shown and part of a policy's content like the keys that are.
const std::vector<KeySpec>& result_table();

/// As JSON would write it: 65, true, "cpuset"; unset. Host applications as model::text_of has them.
std::string text_of(const std::optional<Scalar>& value);

/// Range or choices as people read them: "0..100", "> 0, <= 1", "cpuset | cfsQuota | workConserving", "" if any.
std::string range_of(const KeySpec& key);

/// Data keys of the ConfigMap that Koordinator knows and this version does not act on: accepted with one notice each.
const std::vector<std::string_view>& known_other_documents();

}  // namespace tideline::policy
