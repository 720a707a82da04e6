#pragma once
// Why something was done or not done. One enum for log, metric, status and test. Values are stored: never renumber.

#include <cstdint>
#include <string_view>

namespace tideline::model {

enum class Reason : std::uint16_t {
  kNone = 0,
  // CPU suppress
  kDisabled = 1,          // the policy switches the feature off
  kThresholdFormula = 2,  // limit is the threshold formula's answer
  kMinPercentFloor = 3,   // limit is cpuSuppressMinPercent
  kKernelMinimum = 4,     // limit is the smallest quota (20 millicores)
  kGrowthCapped = 5,      // a rise was cut to 10 % of capacity per second
  kWithinDeadBand = 6,    // change too small to write
  kNotPressed = 7,        // work-conserving: LS feels nothing, weights only
  kPressed = 8,           // work-conserving: LS scheduling delay above its bound
  kPressureUnknown = 9,   // work-conserving: no usable signal -> quota
  kUnprotected = 10,      // kernel ordering not verified -> quota
  kStaleSample = 11,      // data too old or missing: BE is not raised
  kNoPolicy = 12,         // no policy was ever received
  kPressedHold = 13,      // work-conserving: quiet, but not for long enough
  kPaced = 14,            // a change that is not urgent waits for the quota's next period
  // guard and release
  kSafeState = 20,  // worker dead or hung: declared safe state
  kRestore = 21,    // original value put back
  kRelease = 22,    // operator asked for release
  kDrift = 23,      // a controlled file held a value that was not ours
  // coordinator
  kPolicyApplied = 40,
  kPolicyRejected = 41,
  kReclaimedChanged = 42,
  kClockSkew = 43,
  kGap = 44,  // reports lost on a node: dropped by a full spool, or refused for good
  kNodeConnected = 45,
  kNodeDisconnected = 46,
};

/// kebab-case name, e.g. "threshold-formula"; "unknown" for a number this build does not know.
std::string_view name_of(Reason reason);

}  // namespace tideline::model
