#pragma once
// The memory side of a node and of the policy, for people and for programs. Pure.

#include <string>

#include <nlohmann/json.hpp>

#include "admin-client/table.h"
#include "messages/model/policy.h"
#include "messages/model/sample.h"

namespace tideline::tidectl {

/// Nothing of an agent that tells nothing of it.
void add_memory(Facts& facts, const model::MemorySample& memory);
/// The same by itself; "" where there is nothing.
std::string render_memory(const model::MemorySample& memory);
/// Memory QoS, relief and eviction as the policy has them.
void add_memory(Facts& facts, const model::NodePolicy& policy);

nlohmann::ordered_json memory_json(const model::MemorySample& memory);
nlohmann::ordered_json memory_json(const model::MemorySignals& signals);
nlohmann::ordered_json memory_json(const model::MemoryQosPolicy& qos);
nlohmann::ordered_json memory_json(const model::MemoryReliefPolicy& relief);

}  // namespace tideline::tidectl
