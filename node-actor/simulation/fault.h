#pragma once
// What goes wrong in a rehearsal, on which nodes and when.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::simulation {

enum class FaultKind : std::uint8_t {
  kLinkLoss,   // the session ends, and none can be begun
  kFlap,       // the link goes and comes, half of `every` each
  kCrash,      // the agent is killed, and started again at the end; its host and its disk stay
  kPowerLoss,  // the host goes down, and boots at the end; what was not synced to its disk is lost
  kClockSkew,  // its wall clock is off by `by`
  kSlowDisk,   // each write of the agent to its disk takes `delay`
  kDuplicate   // a second agent with the node's name and certificate, and an incarnation of its own
};
std::string_view name_of(FaultKind kind);  // "link-loss" ...

struct Fault {
  FaultKind kind = FaultKind::kLinkLoss;
  std::optional<std::size_t> first;  // numbers of the nodes, as in their names; nullopt: all
  std::size_t last = 0;
  model::Duration at{0};                  // after the begin of the rehearsal
  std::optional<model::Duration> length;  // nullopt: to its end
  /// kFlap: `every`. kClockSkew: `by`, may be negative. kSlowDisk: `delay`.
  model::Duration amount{0};
  std::string text;  // as it was given

  bool is_of(std::size_t node) const { return !first || (node >= *first && node <= last); }
  bool is_on(model::Duration now) const { return now >= at && (!length || now - at < *length); }
};

/// "KIND[:nodes=A-B][,at=30s][,for=60s]..." with by=, every= or delay= where the kind wants one:
/// "flap:nodes=7,every=8s", "clock-skew:by=-30s". kInvalidArgument names what is wrong.
model::Result<Fault> parse_fault(std::string_view text);

}  // namespace tideline::simulation
