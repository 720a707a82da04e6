#pragma once
// The names that batch's two extended resources have had. The scheduler counts each name by itself: what pods ask for
// by one of them is not missing from another.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::k8s {

/// The newest first.
enum class BatchName : std::uint8_t {
  kKubernetes,   // kubernetes.io/batch-cpu, batch-memory
  kKoordinator,  // koordinator.sh/batch-cpu, batch-memory
  kAlibaba,      // alibabacloud.com/reclaimed-cpu, reclaimed-memory
};
inline constexpr std::size_t kBatchNames = 3;
/// Their domain: "kubernetes.io", "koordinator.sh", "alibabacloud.com".
std::string_view name_of(BatchName name);

/// Older names that are published on Nodes beside the newest.
struct OlderNames {
  bool koordinator = false;
  bool alibaba = false;

  bool any() const { return koordinator || alibaba; }
  bool has(BatchName name) const;
  void add(BatchName name);
  friend bool operator==(const OlderNames&, const OlderNames&) = default;
};
/// "koordinator.sh,alibabacloud.com", in any order; "" = none. The error names the word that is wrong.
model::Result<OlderNames> older_names_from(std::string_view text);

/// What a pod, or a node's pods that did not end, request of batch, by BatchName.
struct BatchRequests {
  std::array<model::MilliCpu, kBatchNames> cpu{};
  std::array<model::Bytes, kBatchNames> memory{};
  friend bool operator==(const BatchRequests&, const BatchRequests&) = default;
};

}  // namespace tideline::k8s
