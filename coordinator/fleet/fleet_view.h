#pragma once
// The fleet as the newest live reports tell it. A plain value: every time comes in, nothing goes out but return values.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/limits.h"
#include "coordinator/fleet/summary.h"
#include "coordinator/fleet/view.h"
#include "coordinator/fleet/zone_book.h"
#include "messages/model/action.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::fleet {

enum class IntakeOutcome : std::uint8_t {
  kLive,      // now the newest of its node
  kBackfill,  // sent from the spool: only its gaps are counted, usage and liveness ignore it
  kOld,       // seq not above the newest of its incarnation, or of an incarnation before it: only its gaps are counted
};

struct Intake {
  IntakeOutcome outcome = IntakeOutcome::kOld;
  std::vector<model::Event> events;  // kClockSkew, kGap; at the receiver's wall time; for HistoryStore::append_events
};

/// Averages over FleetOptions::aggregate ending at the newest live report; nullopt = nothing known in that time.
/// A pod of prod or mid that is no longer listed stays with what of its average is not in the system's yet
/// (gone_pods.h), without requests.
struct PodUsage {
  model::PodUid uid;
  model::QosClass qos = model::QosClass::kLs;
  std::optional<int> priority;
  model::PodPhase phase = model::PodPhase::kRunning;
  model::Resources requests;
  model::MidRequests mid_requests;
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
  bool listed = true;     // in the newest live report
  std::string name = {};  // "namespace/name", of one that is not
  friend bool operator==(const PodUsage&, const PodUsage&) = default;
};
/// A host application of the newest live report, or of one before: what is no longer told of counts for as long as its
/// average lasts.
struct ApplicationUsage {
  std::string name;
  model::Tier tier = model::Tier::kProd;
  model::ApplicationState state = model::ApplicationState::kNotFound;
  bool listed = true;  // in the newest live report
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
  model::QosClass qos = model::QosClass::kSystem;
  friend bool operator==(const ApplicationUsage&, const ApplicationUsage&) = default;
};
struct NodeUsage {
  model::NodeName node;
  model::MonoTime arrived;  // of the newest live report
  model::MilliCpu cpu_capacity;
  model::MilliCpu cpu_allocatable;
  model::Bytes memory_capacity;
  model::Bytes memory_allocatable;
  std::optional<model::MilliCpu> node_cpu;
  std::optional<model::Bytes> node_memory;
  std::optional<model::MilliCpu> system_cpu;  // not in any pod, nor in a host application as far as known
  std::optional<model::Bytes> system_memory;  // node - known use of pods and host applications, >= 0
  std::vector<PodUsage> pods;                 // those of the newest live report, then those that are gone
  model::NodeAnnotations annotations;         // as it has them
  std::vector<ApplicationUsage> applications;
  int zone_count = 0;  // NUMA zones of the host; 0 = not told
  std::vector<ZoneUsage> zones;
  friend bool operator==(const NodeUsage&, const NodeUsage&) = default;
};

class FleetView {
 public:
  explicit FleetView(FleetOptions options = {});
  ~FleetView();
  FleetView(FleetView&&) noexcept;
  FleetView& operator=(FleetView&&) noexcept;
  FleetView(const FleetView&) = delete;
  FleetView& operator=(const FleetView&) = delete;

  /// Takes a validated report that was stored now: once for each AppendOutcome::kStored, never for a duplicate. Errors:
  /// kOverloaded when max_nodes is reached and the node is new.
  /// Of a node's newest live report its status and its pods are kept; what the pods are is shared with the report.
  model::Result<Intake> intake(const model::Report& report, const Arrival& arrival);

  /// A node of which an earlier life of the coordinator heard last at `heard`. Until its first live report nothing else
  /// is known of it. One that is known already stays as it is. Same error as intake.
  model::Result<void> remember(const model::NodeName& name, model::MonoTime heard);

  /// A session of the node opened or closed; gives the event to keep. Same error as intake.
  /// While the session is open its incarnation is the node's, also where the node had left it, and live reports of
  /// another are old: two agents may take turns under one name. 0 = not told.
  model::Result<model::Event> connected(const model::NodeName& node, const Arrival& arrival,
                                        model::Incarnation incarnation = {});
  model::Result<model::Event> disconnected(const model::NodeName& node, const Arrival& arrival);

  /// The policy computed for the node, and what it says. A new version clears the problem of the one before. Same error
  /// as intake.
  model::Result<void> policy_wanted(const model::NodeName& node, model::PolicyVersion version,
                                    model::PolicyContent content = {});
  /// The node's answer to the push of version `pushed`: problem "" = it is in force there, else why it is not; what is
  /// in force then stays as last told. A problem of another version than the wanted one says nothing any more. Unknown
  /// nodes are ignored.
  void policy_answered(const model::NodeName& node, model::PolicyVersion pushed, const std::string& problem);

  /// Keeps the ledger's result, which is of `now`, for the node's view; its data's age grows there. Unknown nodes are
  /// ignored.
  void set_reclaimed(const model::Reclaimed& reclaimed, model::MonoTime now);

  const FleetOptions& options() const { return options_; }
  std::size_t size() const;
  std::size_t pod_count() const;  // rows of pods("")
  Summary summary(model::MonoTime now) const;
  std::optional<Liveness> liveness(const model::NodeName& name, model::MonoTime now) const;
  /// By name, at most `most` of those after `after`; "" = from the first on.
  std::vector<model::NodeName> names(const model::NodeName& after, std::size_t most) const;
  /// As names(): of all, or a slice of them.
  std::vector<NodeView> nodes(model::MonoTime now, const model::NodeName& after = {},
                              std::size_t most = SIZE_MAX) const;
  std::optional<NodeView> node(const model::NodeName& name, model::MonoTime now) const;
  /// Of the node's newest live report; null before the first, and of one that is not known.
  std::shared_ptr<const model::NodeStatus> status(const model::NodeName& name) const;
  /// The status of one node's newest live report, or of each node's with an empty name, by name; null before the first.
  std::vector<std::pair<model::NodeName, std::shared_ptr<const model::NodeStatus>>> newest_statuses(
      const model::NodeName& name) const;
  /// Pods of one node, or of all with an empty name; by node, then as reported.
  std::vector<PodView> pods(const model::NodeName& name) const;

  /// A label of the node's newest live report; "" = it has none of that key, or is unknown.
  std::string label(const model::NodeName& name, const std::string& key) const;

  /// Whether the node's newest live report is of the host that speaks for it. Not before the first one, nor from a
  /// session of another incarnation than that report's on until the next: it may be another host's.
  bool knows_host(const model::NodeName& name) const;
  /// Input of the ledger; nullopt = knows_host() is false. Averages begin anew with another incarnation and boot.
  std::optional<NodeUsage> usage(const model::NodeName& name) const;

  /// Nodes without an open session that were not heard of for longer than FleetOptions::forget_after.
  std::vector<model::NodeName> long_gone(model::MonoTime now) const;
  /// Drops a node that has no open session. False if it has one or is unknown.
  bool forget(const model::NodeName& name);

 private:
  struct Node;
  model::Result<Node*> find_or_add(const model::NodeName& name);

  FleetOptions options_;
  std::map<model::NodeName, std::unique_ptr<Node>> nodes_;
};

}  // namespace tideline::fleet
