#pragma once
// Rules between keys of one document, which the key table cannot say.

#include <string>
#include <vector>

#include "coordinator/policy/policy.h"
#include "messages/model/result.h"

namespace tideline::policy {

/// resource-threshold-config, of the cluster strategy and of each entry laid over it. An error names place, keys and
/// values: a lower bound above its upper one, an eviction that would stop where it starts or above. What is set but
/// lacks the key without which nothing acts on it is a notice under `origin`, one for each rule.
/// Rules: Koordinator's validation of ResourceThresholdStrategy, and what its evictions need to be set.
model::Result<void> check_threshold(const Section& section, const std::string& origin, std::vector<Notice>& notices);

/// A key of the whole fleet in a node's entry is an error that names both.
model::Result<void> check_fleet_keys(const Section& section);

}  // namespace tideline::policy
