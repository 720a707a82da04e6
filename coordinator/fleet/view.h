#pragma once
// What the coordinator knows of nodes and pods now, as the admin API and `tidectl` show it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::fleet {

/// By the receiver's monotonic age of the newest live report, never by a sender's clock. Values travel as
/// schema::Liveness: never renumber.
enum class Liveness : std::uint8_t {
  kNever = 0,  // known by name or session, no live report yet
  kLive = 1,   // age <= FleetOptions::late_after
  kLate = 2,   // age <= FleetOptions::gone_after; at best, of a node that FleetView::remember() made known
  kGone = 3,
};
std::string_view name_of(Liveness liveness);  // "never", "live", "late", "gone"

struct NodeView {
  model::NodeName name;
  Liveness liveness = Liveness::kNever;
  bool connected = false;                       // a session is open
  std::optional<model::Duration> report_age;    // since the newest live or remembered report arrived; nullopt = never
  std::optional<model::Duration> clock_offset;  // node's wall clock minus the coordinator's; nullopt = not known yet
  model::Incarnation incarnation;               // of the newest live report
  model::Seq last_seq;                          // of the newest live report; 0 = none
  std::uint64_t gap_reports = 0;                // reports this node dropped by a full spool, as far as it told
  model::PolicyVersion policy_wanted;           // 0 = none was computed yet
  model::PolicyVersion policy_applied;          // as the node last said, in an ack or a report
  model::PolicyContent policy_content;          // of the wanted one; 0 = none was computed yet
  model::PolicyContent policy_content_applied;  // of the applied one; 0 = the node has not acked it here
  std::string policy_problem;                   // why the node refused the wanted one; "" = no problem known
  /// Of the newest live report, shared with the view that it comes from; null = none.
  std::shared_ptr<const model::NodeStatus> status;
  /// Newest sample of the newest live report that held one. LS delay, which is not in each: the newest in that report.
  std::optional<model::NodeSample> last;
  std::optional<model::Reclaimed> reclaimed;  // as last computed; nullopt = not yet
  std::size_t pod_count = 0;                  // pods in the newest live report
};

struct PodView {
  model::NodeName node;
  model::PodSummary summary;                   // as in the newest live report
  std::optional<model::MilliCpu> cpu_average;  // over the aggregate duration; nullopt = not known
  std::optional<model::Bytes> memory_average;
  friend bool operator==(const PodView&, const PodView&) = default;
};

}  // namespace tideline::fleet
