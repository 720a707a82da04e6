#pragma once
// Work-conserving mode: is LS kept waiting for a CPU by more than its own crowd? Judged once per pod sample (1 s).

#include <optional>
#include <string_view>

#include "messages/model/sample.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// LS below this uses nothing that could be delayed: not pressed, whatever the ratio of two tiny numbers says.
constexpr model::MilliCpu kLsIdle{10};
/// BE below this much of capacity leaves LS alone: its delay then is its own, and teaches the baseline.
constexpr double kBeIdlePercent = 2;
/// Pressed means a delay above max(kDelayFloor, kDelayFactor x baseline), in seconds waited per second of LS CPU.
constexpr double kDelayFloor = 0.5;
constexpr double kDelayFactor = 3.0;
/// Share of a new reading in the baseline: about 30 readings (30 s of idle BE) to follow a change.
constexpr double kBaselineWeight = 1.0 / 30;
/// Consecutive pressed samples before the quota comes: one second alone may be one burst of LS itself.
constexpr int kPressedSamples = 2;
/// Consecutive quiet samples before the quota goes. Must be >> kPressedSamples, so that a load that comes back each few
/// seconds does not make the limit flap.
constexpr int kQuietSamples = 10;

struct PressureState {
  bool pressed = false;
  int over = 0;                                // consecutive samples above the bound
  int quiet = 0;                               // consecutive samples below it
  std::optional<double> baseline;              // LS delay per CPU while BE is idle, slow mean
  std::optional<model::MonoTime> last_sample;  // `at` of the last sample judged: each counts once
  friend bool operator==(const PressureState&, const PressureState&) = default;
};

struct PressureVerdict {
  enum class Kind {
    kUnknown,
    kNotPressed,
    kPressed,
    kHold
  } kind = Kind::kUnknown;      // kHold: quiet, not for long enough
  std::optional<double> delay;  // seconds waited per second of LS CPU
  std::optional<double> baseline;
  double bound = kDelayFloor;
  friend bool operator==(const PressureVerdict&, const PressureVerdict&) = default;
};
std::string_view name_of(PressureVerdict::Kind kind);  // "unknown", "not-pressed", "pressed", "hold"

struct PressureStep {
  PressureState state;
  PressureVerdict verdict;
};

/// `sample` nullopt: no fresh pod sample. Unknown signals neither count as quiet nor as pressed: a pressed state stays.
PressureStep judge_pressure(const PressureState& state, const std::optional<model::NodeSample>& sample,
                            model::MilliCpu capacity);

}  // namespace tideline::decide
