#pragma once
// cpu-normalization-config -> what a node's CPU is worth, by what kind of CPU it has; resource-amplification-config ->
// how much more than there is schedulers are to see (Koordinator's plugins CPUNormalization and ResourceAmplification).

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/policy/selector.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::policy {

struct ScalingLimits {
  static constexpr double kMinNormalization = 1;
  static constexpr double kMaxNormalization = 5;
  static constexpr double kMinAmplification = 1;
  static constexpr double kMaxAmplification = 100;
  static constexpr std::size_t kMaxModels = 256;
  static constexpr std::size_t kMaxModelBytes = 256;
};

/// Of one CPU model, by what of it is on. Absent: not measured.
struct ModelRatios {
  std::optional<model::Ratio> base{};
  std::optional<model::Ratio> hyper_threads{};
  std::optional<model::Ratio> turbo{};
  std::optional<model::Ratio> both{};
  friend bool operator==(const ModelRatios&, const ModelRatios&) = default;
};
/// By "model name" as /proc/cpuinfo has it.
using RatioModel = std::map<std::string, ModelRatios>;

/// The documents' side of it, laid over one another for one node: an entry's models replace the cluster's of the same
/// name as a whole.
struct ScalingStrategy {
  bool normalize = false;
  std::optional<model::Ratio> default_ratio;
  RatioModel models;
  bool amplify = false;
  std::optional<model::Ratio> cpu_amplification;
  std::optional<model::Ratio> memory_amplification;
  friend bool operator==(const ScalingStrategy&, const ScalingStrategy&) = default;
};

struct Normalization {
  model::Ratio ratio;
  std::string by;  // for people: the key that gave it, or why it is 1
};

/// The label node.koordinator.sh/cpu-normalization-enabled beats the strategy; a value that is no bool does not count
/// and is described in `label_problems` if given. The ratio is that of the node's model for hyper-threads and turbo as
/// they are; of those that may apply where one of the two is not known, the smallest, where one without a ratio is
/// worth what comes next. Then defaultRatio, then 1. A node that did not tell its model is 1: what is not known must
/// not sell more.
Normalization normalization_of(const ScalingStrategy& strategy, const Labels& labels, const model::CpuKind& cpu,
                               std::vector<std::string>* label_problems = nullptr);

/// All of a node's ratios, its CPU worth `normalization`: amplification of CPU is the configured ratio times that, to
/// two decimals; of memory the configured ratio. What is not configured, or with amplification off, is 1.
model::ScalingPolicy scaling_of(const ScalingStrategy& strategy, model::Ratio normalization);

/// The label's word, nullopt without one that can be used.
std::optional<bool> normalization_label(const Labels& labels);
inline constexpr std::string_view kNormalizationLabel = "node.koordinator.sh/cpu-normalization-enabled";

}  // namespace tideline::policy
