#pragma once
// The four extended resources as a row of numbers, and what an account says of each.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/reclaimed.h"

namespace tideline::publish {

inline constexpr std::array kResourceNames{k8s::kBatchCpu, k8s::kBatchMemory, k8s::kMidCpu, k8s::kMidMemory};
inline constexpr std::size_t kResources = kResourceNames.size();

/// Millicores or bytes, in the order of kResourceNames; nullopt = nothing.
using Values = std::array<std::optional<std::int64_t>, kResources>;

Values values_of(const k8s::Extended& extended);
k8s::Extended extended_of(const Values& values);

struct Terms {
  std::optional<std::int64_t> wanted;  // nullopt: withdrawn
  bool is_known = true;                // false: it is 0 because something is not known
  std::int64_t committed = 0;          // requested of it by pods
  std::int64_t safe = 0;               // the node's capacity less its margin
};
std::array<Terms, kResources> terms_of(const model::Reclaimed& account);

/// node.koordinator.sh/originExtendedAllocatable of the account; "" while no third party has a part of batch.
std::string origin_annotation(const model::Reclaimed& account);

}  // namespace tideline::publish
