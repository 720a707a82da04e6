#include "node-actor/decide/be_satisfaction.h"

#include <algorithm>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::MilliCpu;
using model::Reason;

struct Judged {
  Reason reason = Reason::kNone;
  MilliCpu release;
};

Judged judge(const BeView& be, int lower_percent, int upper_percent, int usage_percent) {
  if (be.request <= MilliCpu(0)) return {Reason::kSatisfied, {}};
  // A share of a few millicores is truncated to none, which idle BE would use.
  const MilliCpu gate = std::max(be.limit.percent(usage_percent), MilliCpu(usage_percent > 0 ? 1 : 0));
  if (be.limit <= MilliCpu(0) || be.use < gate) return {Reason::kNotUsing, {}};
  if (be.limit > be.request.percent(lower_percent)) return {Reason::kSatisfied, {}};
  const MilliCpu release = be.request.percent(upper_percent) - be.limit;
  if (release <= MilliCpu(0)) return {Reason::kSatisfied, {}};
  return {Reason::kBeStarved, release};
}

/// "" when the bounds can act.
std::string fault_of(const model::ThresholdPolicy& policy) {
  const auto lower = policy.cpu_evict_be_satisfaction_lower_percent;
  const auto upper = policy.cpu_evict_be_satisfaction_upper_percent;
  if (!lower) return "cpuEvictBESatisfactionUpperPercent is set and cpuEvictBESatisfactionLowerPercent is not";
  if (!upper) return "cpuEvictBESatisfactionLowerPercent is set and cpuEvictBESatisfactionUpperPercent is not";
  if (*lower <= 0 || *lower > 60) {
    return fmt::format("cpuEvictBESatisfactionLowerPercent {} is not within 1..60", *lower);
  }
  if (*upper <= 0 || *upper >= 100) {
    return fmt::format("cpuEvictBESatisfactionUpperPercent {} is not within 1..99", *upper);
  }
  if (*upper < *lower) {
    return fmt::format("cpuEvictBESatisfactionUpperPercent {} is less than cpuEvictBESatisfactionLowerPercent {}",
                       *upper, *lower);
  }
  return "";
}

std::string text_of(const BeView& be, Reason reason) {
  return fmt::format("BE asks for {} millicores, may have {} and uses {}: {}", be.request.value(), be.limit.value(),
                     be.use.value(), name_of(reason));
}

}  // namespace

BeSatisfaction judge_be_satisfaction(const model::ThresholdPolicy& policy, model::Duration window, const BeMean& mean,
                                     const std::optional<BeView>& newest, const std::string& missing) {
  BeSatisfaction answer;
  auto& terms = answer.terms;
  terms.limit_kind = policy.cpu_evict_policy;
  terms.lower_percent = policy.cpu_evict_be_satisfaction_lower_percent;
  terms.upper_percent = policy.cpu_evict_be_satisfaction_upper_percent;
  terms.usage_percent = policy.cpu_evict_be_usage_threshold_percent;
  terms.window = window;
  terms.covered = mean.covered;
  if (mean.covered > model::kZeroDuration) terms.mean = mean.view;
  terms.newest = newest;

  const auto say = [&](Reason reason, std::string why) {
    answer.reason = reason;
    answer.why = std::move(why);
    return answer;
  };
  if (!policy.enable) return say(Reason::kDisabled, "resource-threshold-config enable is false");
  if (!terms.lower_percent && !terms.upper_percent) {
    return say(Reason::kDisabled,
               "cpuEvictBESatisfactionLowerPercent and cpuEvictBESatisfactionUpperPercent are not set");
  }
  if (auto fault = fault_of(policy); !fault.empty()) return say(Reason::kBadEvictPolicy, std::move(fault));
  if (!newest) return say(Reason::kStaleSample, missing);
  if (!terms.mean || mean.covered * 3 < window) {
    using Seconds = std::chrono::duration<double>;
    return say(Reason::kTooFewSamples, fmt::format("{:.1f} s of the last {:.1f} s were watched, a third is needed",
                                                   Seconds(mean.covered).count(), Seconds(window).count()));
  }

  const auto judged = [&](const BeView& view) {
    return judge(view, *terms.lower_percent, *terms.upper_percent, terms.usage_percent);
  };
  const Judged over_window = judged(*terms.mean);
  const Judged now = judged(*newest);
  if (over_window.reason == Reason::kBeStarved) terms.mean_release = over_window.release;
  if (now.reason == Reason::kBeStarved) terms.newest_release = now.release;
  if (over_window.reason != Reason::kBeStarved) {
    return say(over_window.reason, text_of(*terms.mean, over_window.reason));
  }
  if (now.reason != Reason::kBeStarved) return say(now.reason, text_of(*newest, now.reason));
  answer.release = std::min(over_window.release, now.release);
  return say(Reason::kBeStarved,
             text_of(*terms.mean, Reason::kBeStarved) + "; it may hold kernel locks that services wait for");
}

}  // namespace tideline::decide
