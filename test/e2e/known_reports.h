#pragma once
// Reports of which is known what history must say: whole numbers that no tier rounds.

#include <cstddef>
#include <cstdint>
#include <string>

#include "messages/model/report.h"

namespace tideline::test {

inline constexpr std::int64_t kMinuteMs = 60'000;
inline constexpr std::int64_t kHourMinutes = 60;
inline constexpr std::int64_t kQuarterMinutes = 15;

std::int64_t minute_now();
/// TIDELINE_SEED, else another one each time.
unsigned campaign_seed();

/// CPU of the feed's node in a minute since the epoch: its mean; the least is 2 lower, and the most 2 higher. Even, as
/// is the mean of a quarter of an hour, and of any minutes in a row of one.
std::int64_t known_milli(std::size_t node, std::int64_t minute);
std::int64_t known_quarter_milli(std::size_t node, std::int64_t quarter);

/// What a node told at the end of a minute: six samples of it; one pod, shop/web-<node> of Deployment/web with the uid
/// "uid-<node>", which used half of the node's CPU.
model::Report known_report(std::size_t node, std::int64_t minute);

}  // namespace tideline::test
