#pragma once

#include <cstdint>
#include <string>

#include "storage/store/history_store.h"

namespace tideline::store {

/// A fixed instant that the tests count from.
inline constexpr std::int64_t kStart = 1'700'000'000'000;

/// Report `seq` of `node`: 10 s long, ends at kStart + seq * 10 s, one sample a second with node_cpu = seq * 100 + i.
model::Report make_report(const std::string& node, std::uint64_t incarnation, std::uint64_t seq);
/// The report, arrived as it ended, from a node whose clock is right.
IncomingReport arrive(model::Report report);

}  // namespace tideline::store
