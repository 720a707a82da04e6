#pragma once
// Seeds and rounds of a simulation. TIDELINE_SEED is the first seed, TIDELINE_ROUNDS how many follow.

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tideline::sim {

/// The same numbers on every library, which the standard distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// low <= result <= high.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool percent(std::int64_t chance) { return between(0, 99) < chance; }

 private:
  std::mt19937_64 engine_;
};

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  const std::uint64_t parsed = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  return parsed > 0 ? parsed : otherwise;
}

/// Runs `round(seed)` for each seed and stops at the first that fails; the failure names the seed. True when none
/// failed and there were enough of them to expect that each rare thing came up.
template <class Round>
bool each_seed(std::uint64_t usual_rounds, const Round& round) {
  const std::uint64_t first = number_from_environment("TIDELINE_SEED", 1);
  const std::uint64_t rounds = number_from_environment("TIDELINE_ROUNDS", usual_rounds);
  for (std::uint64_t seed = first; seed < first + rounds; ++seed) {
    SCOPED_TRACE("again with TIDELINE_ROUNDS=1 TIDELINE_SEED=" + std::to_string(seed));
    round(seed);
    if (testing::Test::HasFailure()) return false;
  }
  return rounds >= usual_rounds;
}

}  // namespace tideline::sim
