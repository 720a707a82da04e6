#pragma once
// A victim of an eviction in events.

#include <string>

#include "node-actor/decide/evict_serve.h"

namespace tideline::decide {

/// As subject.
std::string subject_of(const EvictVictim& victim);
/// What its eviction costs, for whoever counts wasted work: "running, 1500 millicores, 104857600 bytes, 12.5 s of CPU
/// used so far".
std::string cost_of(const EvictVictim& victim);

}  // namespace tideline::decide
