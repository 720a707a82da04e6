#pragma once
// What the admin API asks of the coordinator. One method per method of schema::Admin; the server has already checked
// the caller's role and the arguments' form.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/fleet/explain.h"
#include "coordinator/fleet/view.h"
#include "coordinator/policy/check.h"
#include "messages/link/identity.h"
#include "messages/link/reply.h"
#include "messages/model/action.h"
#include "messages/model/cluster.h"
#include "messages/model/explained.h"
#include "messages/model/hands_off.h"
#include "messages/model/ids.h"
#include "messages/model/metric.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "storage/series/question.h"
#include "storage/series/series_store.h"
#include "storage/series/store_care.h"
#include "storage/series/table.h"

namespace tideline::admin {

template <class T>
using Reply = link::Reply<T>;

/// Who calls, for the log and for policy changes' events.
struct Caller {
  link::Operator identity;
  std::string via;  // "10.0.0.9:40112" or "unix:/run/tideline/admin.sock pid 4711"
};

struct ReclaimedReport {
  model::Reclaimed cluster;  // node name empty; nodes that are gone are left out
  std::vector<model::Reclaimed> nodes;
};

struct HistoryQuery {
  model::NodeName node;
  std::vector<model::Metric> metrics;  // 1..16, each once
  model::WallTime from;                // inclusive
  model::WallTime to;                  // exclusive; > from
  std::size_t max_points = 0;          // per series, 1..AdminLimits::kMaxPoints
};

struct Point {
  model::WallTime at;
  double value = 0;  // in unit_of(metric)
};

struct Series {
  model::Metric metric = model::Metric::kNodeCpu;
  std::vector<Point> points;  // oldest first; instants where the metric was not known are left out
  bool truncated = false;     // more points exist than max_points
};

struct NodeEvent {
  model::NodeName node;
  model::Event event;
};

struct EventsQuery {
  model::NodeName node;  // empty = all nodes
  model::WallTime from;
  model::WallTime to;
};

struct EventsReport {
  std::vector<NodeEvent> events;  // oldest first, at most AdminLimits::kMaxEvents
  bool truncated = false;
};

/// One ConfigMap data key (or "configmap") and its JSON text.
struct PolicyDocument {
  std::string key;
  std::string json;
};

struct PolicyState {
  std::string source;  // "dir:/etc/tideline/policy"
  model::PolicyVersion version;
  model::Epoch epoch;
  model::WallTime loaded;
  std::string problem;  // why the newest input was refused; "" = it is in force
  std::vector<PolicyDocument> documents;
};

struct PolicyReport {
  PolicyState state;
  model::NodePolicy effective;
  model::PolicyContent content;  // of `effective`; 0 = no policy was loaded
};

struct PolicyCheck {
  model::PolicyVersion version;  // in force, and compared with
  policy::CheckReport report;
};

struct PolicyApplied {
  model::PolicyVersion version;  // now in force; for a dry run the version in force stays
  std::string report;            // for people: what changes, and notices of accepted keys that are not acted on
};

struct PolicyStatus {
  PolicyState state;
  std::vector<fleet::NodeView> nodes;
};

struct ExplainQuery {
  model::NodeName node;
  std::optional<model::WallTime> at;  // nullopt = now
  std::string file_part;              // only files, pods and groups whose name has it; "" = all
};

struct Explanation {
  model::WallTime at;
  fleet::Explanation what;
  std::optional<model::WallTime> events_from;   // all events since then were looked at; nullopt = there is none
  std::optional<model::WallTime> history_from;  // how far back history of the node reaches; nullopt = there is none
  bool events_cut = false;                      // older events exist that were not looked at
  std::optional<model::NodeStatus> status;      // of the newest report at or before `at`
  model::WallTime status_at;
};

struct ExplainReclaimedQuery {
  model::NodeName node;
  std::optional<model::WallTime> at;  // nullopt = now
};

struct ClusterQuery {
  model::WallTime from;                             // of the trend, inclusive
  model::WallTime to;                               // exclusive; > from
  std::size_t max_points = 0;                       // 1..ClusterLimits::kMaxTrendPoints
  std::vector<std::string> labels;                  // to group by; at most ClusterLimits::kMaxLabels, each once
  std::optional<model::ClusterPart> trend_of = {};  // by one of kClusterLabels; nullopt = the whole cluster
};

struct HandsOffRow {
  model::NodeName node;
  model::HandsOff hands_off;  // `remaining` as of the answer
  bool told = false;          // the node says that it obeys
  std::string problem;        // why it does not; "" = no answer yet, or it does
};

/// One page of a question about history in tiers.
struct SeriesQuery {
  series::Question question;                     // series::check takes it; without nodes: of all, or of the label's
  std::optional<model::ClusterPart> label = {};  // nodes that tell this of themselves now; then none is named
  std::int64_t page_from_s = 0;                  // where the page begins: a step's begin in the question's range
};

struct SeriesPage {
  std::vector<series::AnswerSeries> answer;
  std::optional<std::int64_t> next_s;  // where the next page begins; nullopt = this was the last
  std::int64_t kept_from_s = 0;        // retention leaves the tier what is asked of from about then on; 0 = not known
};

struct HistoryPodsQuery {
  model::NodeName node;
  std::int64_t from_s = 0;  // s since the epoch, inclusive
  std::int64_t to_s = 0;    // exclusive; > from_s
};

struct HistoryState {
  series::SeriesState tables;
  std::array<model::Duration, series::kTiers.size()> tiers_kept{};  // by series::kTiers
  std::array<model::Duration, series::kTiers.size()> pods_kept{};   // what they have of pods and jobs
  model::Duration reports_kept{0};
  model::Duration events_kept{0};
  model::Duration accounts_kept{0};
  std::uint64_t disk_bytes = 0;  // all of the store
  std::string backups;           // the directory that they go to; "" = none is set
  std::string problem;           // why the newest fold, retention or commit failed; "" = none did
};

struct VerifyQuery {
  std::string from;         // "" = the beginning, else a VerifySlice::next
  std::uint64_t bytes = 0;  // 1..AdminLimits::kMaxVerifyBytes
};

struct BackupMade {
  series::BackupInfo backup;
  std::string directory;
};

/// Bounds of one answer; the client narrows its question to see more.
struct AdminLimits {
  static constexpr std::size_t kMaxPods = 20'000;    // of all nodes together
  static constexpr std::size_t kMaxPoints = 20'000;  // per series
  static constexpr std::size_t kMaxMetrics = 16;     // per query
  static constexpr std::size_t kMaxEvents = 10'000;
  static constexpr std::uint32_t kMaxWatchSeconds = 3600;
  static constexpr std::size_t kMaxFilePartBytes = 1024;
  static constexpr std::uint64_t kMaxVerifyBytes = 16 << 20;       // per slice
  static constexpr std::size_t kMaxVerifyFromBytes = 4096;         // of where a slice begins
  static constexpr std::int64_t kMaxSeriesTime = 253'402'300'800;  // s since the epoch: the end of the year 9999
  static constexpr std::size_t kMaxDocuments = 16;                 // per policyApply
  static constexpr std::size_t kMaxDocumentKeyBytes = 253;         // as Kubernetes bounds a ConfigMap's data key
  static constexpr std::size_t kMaxDocumentBytes = 1 << 20;        // all of one policyApply together
};

/// Called on the admin server's thread: must return at once and must not throw. An unknown node is kNotFound with its
/// name; the client sees code and text as they are.
class AdminBackend {
 public:
  virtual ~AdminBackend() = default;
  virtual void nodes(Reply<std::vector<fleet::NodeView>> reply) = 0;
  virtual void node(const model::NodeName& name, Reply<fleet::NodeView> reply) = 0;
  /// Empty name = all nodes; kOverloaded when they have more than AdminLimits::kMaxPods.
  virtual void pods(const model::NodeName& name, Reply<std::vector<fleet::PodView>> reply) = 0;
  virtual void reclaimed(Reply<ReclaimedReport> reply) = 0;
  virtual void history(const HistoryQuery& query, Reply<std::vector<Series>> reply) = 0;
  virtual void events(const EventsQuery& query, Reply<EventsReport> reply) = 0;
  /// Empty name = the cluster strategy.
  virtual void policy_get(const model::NodeName& name, Reply<PolicyReport> reply) = 0;
  /// kUnsupported, naming the directory or object to edit, where the policy source is not the coordinator's own; a dry
  /// run works with every source.
  virtual void policy_apply(const Caller& caller, std::vector<PolicyDocument> documents, bool dry_run,
                            Reply<PolicyApplied> reply) = 0;
  virtual void policy_status(Reply<PolicyStatus> reply) = 0;
  /// Changes nothing, whatever the policy source is. The documents are a whole new policy; an empty name = all nodes.
  virtual void policy_check(std::vector<PolicyDocument> documents, const model::NodeName& node,
                            Reply<PolicyCheck> reply) = 0;
  /// kNotFound for a node without a session. The node (empty name = all) reports for `seconds`,
  /// 1..AdminLimits::kMaxWatchSeconds, at least as often as the answer says: each second, or less often where that
  /// would be more reports than the coordinator takes for somebody who watches.
  virtual void watch(const model::NodeName& name, std::uint32_t seconds, Reply<model::Duration> reply) = 0;
  virtual void explain(const ExplainQuery& query, Reply<Explanation> reply) = 0;
  /// Answers when it is durable; the node is told as soon as it has a session. Replaces an earlier one of the same node
  /// and group. `hands_off` is valid. kOverloaded beyond HandsOffLimits::kMaxPerNode.
  virtual void hands_off_begin(const Caller& caller, const model::NodeName& node, model::HandsOff hands_off,
                               Reply<void> reply) = 0;
  /// Empty name = all nodes; by node, then by group.
  virtual void hands_off_list(const model::NodeName& node, Reply<std::vector<HandsOffRow>> reply) = 0;
  /// kNotFound when there is none. `release`: the one of the whole tree, whatever `group` says.
  virtual void hands_off_end(const Caller& caller, const model::NodeName& node, const std::string& group, bool release,
                             Reply<void> reply) = 0;
  /// Of now as the live view has it, of an instant as history has it: then kNotFound where there is no account by then.
  virtual void explain_reclaimed(const ExplainReclaimedQuery& query, Reply<model::ExplainedAccount> reply) = 0;
  /// kNotFound for a trend of a part that is not there now and of which history has nothing in the range; the text
  /// names those that are.
  virtual void cluster(const ClusterQuery& query, Reply<model::ClusterReport> reply) = 0;

  // History in tiers. kUnsupported where the store has reports alone.

  /// kNotFound for a node without history and for a label that no node has; kOverloaded where a page would take too
  /// long or have too many series.
  virtual void history_query(const SeriesQuery& query, Reply<SeriesPage> reply) = 0;
  /// By uid; kOverloaded beyond AdminLimits::kMaxPods.
  virtual void history_pods(const HistoryPodsQuery& query, Reply<std::vector<series::PodInfo>> reply) = 0;
  virtual void history_state(Reply<HistoryState> reply) = 0;
  virtual void history_verify(const VerifyQuery& query, Reply<series::VerifySlice> reply) = 0;
  /// Answers when the backup is whole, which may take AdminServerConfig::backup_deadline. kUnsupported where no
  /// directory is set, kOverloaded while another backup is under way.
  virtual void history_backup(const Caller& caller, Reply<BackupMade> reply) = 0;
};

}  // namespace tideline::admin
