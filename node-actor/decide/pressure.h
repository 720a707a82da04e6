#pragma once
// Work-conserving mode: is LS kept waiting for a CPU by more than its own crowd? Judged once per pod sample (1 s).

#include <optional>
#include <string_view>

#include "messages/model/sample.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// LS below this with no known delay uses nothing that could be delayed: not pressed.
constexpr model::MilliCpu kLsIdle{10};
/// BE at most this much of capacity leaves LS alone: its delay then is its own, and teaches the baseline ...
constexpr double kBeIdlePercent = 2;
/// ... unless the host is this full without BE: an overloaded LS would teach a bound that nothing ever exceeds.
constexpr double kCrowdedPercent = 80;
/// Pressed means a delay above max(kDelayFloor, min(kDelayFactor x baseline, baseline + kDelayMargin)), in seconds
/// waited per second of LS CPU. Measured on 2 CPUs, nginx with gzip beside stress-ng --matrix 2, run delay of the nginx
/// threads, 1 s windows:
///                               LS at 75 % of the host     LS at 12 %
///   nginx alone                 0.02 (0.28 disturbed)      0 - 0.03
///   batch at cpu.shares=2       0.01 - 0.04                0.006 - 0.03
///   batch at equal weight       1.02 - 1.09                0.45 - 0.64
/// The floor lies 5x above what protected LS sees and 2x below the least that LS at equal weight sees.
constexpr double kDelayFloor = 0.2;
/// Many threads on few CPUs wait for each other: such an LS is judged against itself.
constexpr double kDelayFactor = 3.0;
/// What LS at equal weight waits more than alone at least, however crowded it is by itself: see the table.
constexpr double kDelayMargin = 0.4;
/// Seconds waited per second below which no ratio matters: 20 ms spread over all requests of a second.
constexpr double kWaitFloor = 0.02;
/// Share of a new reading in the baseline: about 30 readings (30 s of idle BE) to follow a change. Of fewer it is their
/// plain mean, and of fewer than kBaselineLeast none: one second of warming up must not teach a bound.
constexpr int kBaselineReadings = 30;
constexpr int kBaselineLeast = 5;
/// Consecutive pressed samples before the quota comes: one second alone may be one burst of LS itself.
constexpr int kPressedSamples = 2;
/// Consecutive quiet samples before the quota goes. Must be >> kPressedSamples, so that a load that comes back each few
/// seconds does not make the limit flap.
constexpr int kQuietSamples = 10;

struct PressureState {
  bool pressed = false;
  int over = 0;                                // consecutive samples above the bound
  int quiet = 0;                               // consecutive samples below it
  double baseline = 0;                         // LS delay per CPU while BE is idle, slow mean of `taught` readings
  int taught = 0;                              // at most kBaselineReadings
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
