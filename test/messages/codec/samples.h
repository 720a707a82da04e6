#pragma once
// Reports for the codec's tests: one written out by hand, and any number drawn from a seed.

#include <random>

#include "messages/model/eviction.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"

namespace tideline::codec {

/// Small, with every kind of field in use.
model::Report known_report();
/// Anything model::validate accepts.
model::Report random_report(std::mt19937_64& random);
/// Of version 0.1, and with what came after it; without host applications.
model::NodePolicy known_policy();
model::NodePolicy known_full_policy();
model::NodePolicy random_policy(std::mt19937_64& random);

/// With the pod of known_report(), and one that ended.
model::NodeObjects known_objects();

model::EvictionAsk known_ask();
model::EvictionAnswer known_answer();

}  // namespace tideline::codec
