#pragma once
// The extended resources as a row of numbers, and what an account says of each; and what is written beside them as
// Koordinator's manager would.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "k8s-bridge/publish/publication.h"
#include "k8s-bridge/translate/batch_names.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/reclaimed.h"

namespace tideline::publish {

inline constexpr std::array kResourceNames{k8s::kBatchCpu,     k8s::kBatchMemory,    k8s::kMidCpu,
                                           k8s::kMidMemory,    k8s::kOlderBatchCpu,  k8s::kOlderBatchMemory,
                                           k8s::kReclaimedCpu, k8s::kReclaimedMemory};
inline constexpr std::size_t kResources = kResourceNames.size();

/// kKubernetes: the resource is no older name of batch's.
constexpr k8s::BatchName batch_name_of(std::size_t resource) {
  if (resource < 4) return k8s::BatchName::kKubernetes;
  return resource < 6 ? k8s::BatchName::kKoordinator : k8s::BatchName::kAlibaba;
}

/// Millicores or bytes, in the order of kResourceNames; nullopt = nothing.
using Values = std::array<std::optional<std::int64_t>, kResources>;

Values values_of(const k8s::Extended& extended);
k8s::Extended extended_of(const Values& values);

struct Terms {
  std::optional<std::int64_t> wanted = {};  // nullopt: withdrawn
  bool is_known = true;                     // false: it is 0 because something is not known
  std::int64_t committed = 0;               // requested of it by pods
  std::int64_t safe = 0;                    // the node's capacity less its margin
  std::int64_t by_others = 0;               // of batch, requested by its other names
};
/// Of batch each name that is published has what pods do not request by the others, published or not; nothing, where it
/// is not published. `requested` absent counts as nothing requested by others.
std::array<Terms, kResources> terms_of(const model::Reclaimed& account, const k8s::OlderNames& older = {},
                                       const std::optional<k8s::BatchRequests>& requested = {});

/// Texts of annotations as Koordinator's manager writes them; "" = none.
struct Notes {
  std::string origin;         // kOriginAnnotation: batch before third parties, while it is offered
  std::string normalization;  // kNormalizationAnnotation, where a CPU of the node is worth more than one
  std::string amplification;  // kAmplificationAnnotation, of the resources that are amplified
  friend bool operator==(const Notes&, const Notes&) = default;
};
/// None where colocation is off for the node.
Notes notes_of(const Offer& offer);

}  // namespace tideline::publish
