#pragma once
// cpuSuppressPolicy cpuset: how many CPUs BE gets. The same threshold formula as cfsQuota (see cpu_suppress.h), in
// whole CPUs.

#include <optional>

#include "messages/model/reason.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_suppress.h"

namespace tideline::decide {

/// BE keeps at least this many CPUs, as Koordinator has it ...
constexpr int kLeastBeCpus = 2;
/// ... but no more than this share of the host, rounded up: two CPUs of two would be no limit at all.
constexpr double kLeastBeMostPercent = 25;
/// A larger number is taken once consecutive rounds have asked for one for this long (two rounds of 1 s): a cpuset is
/// written to every BE group and moves threads, so that a number that comes and goes must not be followed. A smaller
/// one is taken at once.
constexpr model::Duration kGrowAfter = std::chrono::milliseconds(900);
/// The formula must be above a whole number by this much before a CPU more is asked for: as much as a window of 100 ms
/// shows by chance.
constexpr model::MilliCpu kGrowMargin{250};

struct BeCpuCountState {
  std::optional<model::MonoTime> since;    // first of the consecutive rounds that asked for more than BE has
  int least_asked = 0;                     // the least any of them asked for
  std::optional<model::MonoTime> changed;  // when the number last changed; paces growth
  friend bool operator==(const BeCpuCountState&, const BeCpuCountState&) = default;
};

struct BeCpuCountInput {
  model::MonoTime now;
  int host_cpus = 0;           // online
  int pool_cpus = 0;           // that BE may use, > 0
  std::optional<int> current;  // that BE has; nullopt: not known
};

struct BeCpuCount {
  /// 1..pool_cpus. nullopt: neither the formula nor what BE has is known.
  std::optional<int> count;
  int asked = 0;  // by formula and floors alone
  /// kThresholdFormula; kMinPercentFloor; kStarvedHoldingLocks: the least number; kGrowthCapped; kPaced: more is asked
  /// for, and not for long enough; kStaleSample: as it was.
  model::Reason rule = model::Reason::kNone;
  /// What `count` whole CPUs allow beyond formula and cpuSuppressMinPercent, >= 0. A quota may take it off, see
  /// CpusetSide::kComplemented.
  model::MilliCpu beyond;
  friend bool operator==(const BeCpuCount&, const BeCpuCount&) = default;
};

struct BeCpuCountStep {
  BeCpuCountState state;
  BeCpuCount decision;
};

/// One round, at any rate. `terms`: cpu_suppress's of the same round.
///
/// * asked = ceil(max(formula, floor) / 1000 millicores), at least the least number, at most the pool. Of the two
///   formulas (newest window, steady) the lower one.
/// * Growth: kGrowthPercentPerSecond of the host's CPUs, rounded up, counted from the last change and at most one
///   second's worth at once.
/// * No formula: what BE has stays. A formula without fresh pod data may lower the number and never raise it.
/// * Without a known number the answer is what is asked, at once.
BeCpuCountStep be_cpu_count(const BeCpuCountState& state, const BeCpuCountInput& input, const SuppressTerms& terms);

/// min(kLeastBeCpus, kLeastBeMostPercent of the host's CPUs rounded up), >= 1.
int least_be_cpus(int host_cpus);

}  // namespace tideline::decide
