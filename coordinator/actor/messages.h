#pragma once
// What the coordinator's actors tell each other. Payloads that are more than a few words travel as shared_ptr<const T>,
// but for those that their one receiver takes apart.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "coordinator/admin/backend.h"
#include "coordinator/fleet/summary.h"
#include "coordinator/policy/policy.h"
#include "coordinator/profile/profile_book.h"
#include "messages/link/session.h"
#include "messages/model/eviction.h"
#include "messages/model/node_metric.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

// -- link -> sessions -> session
struct Enrolled {
  link::SessionInfo session;
};
struct Arrived {
  std::vector<link::ArrivedReport> reports;
};
struct PolicyAnswered {
  link::SessionId session;
  model::NodeName node;
  model::PolicyVersion pushed;  // what is answered
  std::string problem;          // "" = it is in force there
};
struct Closed {
  link::SessionId session;
  model::NodeName node;
  std::string why;
};
/// A report's bytes, only until it is stored; none: the store makes them.
using ReportBytes = std::shared_ptr<const std::vector<std::byte>>;
struct ReportIn {
  std::shared_ptr<const link::ArrivedReport> arrived;  // without its bytes
  ReportBytes bytes = {};
};

// -- session -> history -> session
struct Persist {
  std::shared_ptr<const link::ArrivedReport> arrived;
  caf::actor answer_to;
  ReportBytes bytes = {};
};
struct Persisted {
  std::shared_ptr<const link::ArrivedReport> arrived;
  model::Result<store::AppendOutcome> outcome;
};
// -- session -> fleet
/// A report is durable for the first time: the live view may take it.
struct Durable {
  std::shared_ptr<const link::ArrivedReport> arrived;
};
/// From a session to itself: the ack that waits until the fleet's actor has taken the report before.
struct AckWhenTaken {
  link::Ticket ticket;
};

// -- fleet, policy -> history
struct KeepEvents {
  std::vector<store::CoordinatorEvent> events;
};
struct KeepAccounts {
  std::vector<model::AccountAt> accounts;
};
struct KeepSetting {
  std::string key;
  std::string value;
  /// Called once, on the history actor's thread, when the value is durable or could not be made so; may be empty.
  std::function<void(model::Result<void>)> kept = {};
};

// -- policy -> fleet
struct PolicyLoaded {
  std::shared_ptr<const policy::ClusterPolicy> policy;
  model::PolicyVersion version;
};

// -- link -> sessions -> fleet
struct HandsOffAnswered {
  link::SessionId session;
  model::NodeName node;
  std::uint64_t number = 0;  // of the order that is answered
  std::string problem;       // "" = the node obeys
};
// -- link -> sessions -> fleet
struct EvictionAsked {
  link::ArrivedEvictionAsk ask;
};
// -- history -> fleet
struct EvictionsKept {
  std::uint64_t change = 0;
  model::Result<void> outcome;
};
struct HandsOffKept {
  std::uint64_t change = 0;
  model::Result<void> outcome;
};

// -- fleet -> bridge
/// Granted, durable, and to be evicted through the Kubernetes API; told again each time that the node asks for it.
struct EvictThroughApi {
  model::NodeName node;
  model::EvictionRequest request;
  /// The grant is an old one, and what became of it is not known: it may have been evicted before a restart.
  bool again = false;
};
/// One of those is not to be evicted any more: its node is refused or made to wait, by dry run, a hold or the rate.
/// What the API server has of it already cannot be had back.
struct EvictNoMore {
  model::NodeName node;
  std::string id;
};
// -- bridge -> fleet
/// What became of one of those, told at each change.
struct ApiEvictionChanged {
  model::NodeName node;
  model::EvictionVerdict verdict;  // of its id: kUnderWay, kEvicted or kRefused
};

// -- link -> sessions -> bridge
/// The node's answer to a set of what Kubernetes has of it.
struct ObjectsAnswered {
  link::SessionId session;
  model::NodeName node;
  std::uint64_t number = 0;  // of the set that is answered
  std::string problem;       // "" = the node has it
};
// -- fleet -> bridge
/// With what its node's policy says of publishing it.
struct ComputedAccount {
  model::Reclaimed account;
  double diff_threshold = model::ColocationPolicy().resource_diff_threshold;
  model::Duration update_threshold = std::chrono::seconds(model::ColocationPolicy().update_time_threshold_seconds);
  model::ScalingPolicy scaling = {};
};
struct AccountsComputed {
  std::shared_ptr<const std::vector<ComputedAccount>> accounts;
};
// -- bridge -> fleet
/// What do these use? MeasureDesk::kMostAtOnce at most.
struct MeasureNodes {
  std::vector<model::NodeName> nodes;
};
// -- fleet -> bridge
struct MeasuredNode {
  model::NodeName node;
  model::Duration interval{0};          // metricReportIntervalSeconds of its policy
  model::SharedNodeMetric metric = {};  // null: it is not live, or not known in whole
};
struct NodesMeasured {
  std::shared_ptr<const std::vector<MeasuredNode>> nodes;
};
// -- bridge -> policy
/// The newest input of a source that comes by messages. An error: there is one, and it cannot be read.
struct PolicyInput {
  model::Result<std::vector<policy::Document>> documents;
  std::string subject;           // for people: "configmap kube-system/ack-slo-config"
  std::string resource_version;  // of it
  caf::actor answer_to;          // gets PolicyJudged; null = nobody
};
// -- policy -> bridge
struct PolicyJudged {
  std::string subject;           // of the input
  std::string resource_version;  // likewise
  std::string problem;           // why it is refused: document, place, value; "" = it is in force
  model::PolicyVersion version;  // in force
  bool is_new = false;           // this input made that version
  std::vector<policy::Notice> notices;
};
// -- coordinator -> bridge
/// All its neighbours are there.
struct BridgeBegins {
  caf::actor policy;
  caf::actor fleet;
};

// -- timers
struct CommitTick {};
struct LedgerTick {};
struct LedgerRest {};
struct PushTick {};
struct PaceTick {};
struct SurveyTick {};
struct PolicyTick {};
struct RetentionTick {};
struct RetentionRest {};

// -- admin -> fleet, policy, reader; a question carries its own answer
struct AskNodes {
  admin::Reply<std::vector<fleet::NodeView>> reply;
};
struct AskNode {
  model::NodeName name;
  admin::Reply<fleet::NodeView> reply;
};
struct AskPods {
  model::NodeName name;
  admin::Reply<std::vector<fleet::PodView>> reply;
};
struct AskReclaimed {
  admin::Reply<admin::ReclaimedReport> reply;
};
/// The fleet in numbers, for /metrics.
struct FleetReport {
  fleet::Summary summary;
  model::Reclaimed cluster;     // as ReclaimedReport's
  profile::Summary predicted;   // of the same nodes
  model::PolicyVersion policy;  // in force; 0 before the first
};
struct AskFleetReport {
  admin::Reply<FleetReport> reply;
};
struct AskWatch {
  model::NodeName name;
  std::uint32_t seconds = 0;
  admin::Reply<model::Duration> reply;
};
struct AskEffective {
  model::NodeName name;
  admin::PolicyState state;
  admin::Reply<admin::PolicyReport> reply;
};
struct AskPolicyNodes {
  admin::PolicyState state;
  admin::Reply<admin::PolicyStatus> reply;
};
struct AskHistory {
  admin::HistoryQuery query;
  admin::Reply<std::vector<admin::Series>> reply;
};
struct AskEvents {
  admin::EventsQuery query;
  admin::Reply<admin::EventsReport> reply;
};
struct AskExplain {
  admin::ExplainQuery query;
  admin::Reply<admin::Explanation> reply;
};
/// Of now to the fleet, of an instant to the reader.
struct AskExplainReclaimed {
  admin::ExplainReclaimedQuery query;
  admin::Reply<model::ExplainedAccount> reply;
};
struct AskCluster {
  admin::ClusterQuery query;
  admin::Reply<model::ClusterReport> reply;  // without its trend
};
struct AskTrend {
  admin::ClusterQuery query;
  admin::Reply<std::vector<model::AccountAt>> reply;
};
struct AskHandsOffBegin {
  model::NodeName node;
  model::HandsOff hands_off;
  admin::Reply<void> reply;
};
struct AskHandsOffList {
  model::NodeName node;
  admin::Reply<std::vector<admin::HandsOffRow>> reply;
};
struct AskHandsOffEnd {
  model::NodeName node;
  std::string group;
  bool release = false;
  std::string who;
  admin::Reply<void> reply;
};
struct AskPolicyGet {
  model::NodeName name;
  admin::Reply<admin::PolicyReport> reply;
};
struct AskPolicyStatus {
  admin::Reply<admin::PolicyStatus> reply;
};
struct AskPolicyApply {
  admin::Caller caller;
  std::vector<admin::PolicyDocument> documents;
  bool dry_run = false;
  admin::Reply<admin::PolicyApplied> reply;
};
struct AskPolicyCheck {
  std::vector<admin::PolicyDocument> documents;
  model::NodeName node;  // empty = all
  admin::Reply<admin::PolicyCheck> reply;
};
// -- policy -> fleet -> policy
/// A check that is good as far as the documents go. The fleet's actor only gives the statuses: comparing thousands of
/// nodes is no work for it.
struct CheckJob {
  std::shared_ptr<const policy::ClusterPolicy> now;  // null = none in force
  model::PolicyVersion version;                      // of `now`
  policy::ClusterPolicy then;
  model::NodeName node;
  admin::Reply<admin::PolicyCheck> reply;
};
struct AskCheckNodes {
  std::shared_ptr<const CheckJob> job;
  caf::actor answer_to;
};
struct CheckNodes {
  std::shared_ptr<const CheckJob> job;
  std::vector<std::pair<model::NodeName, std::shared_ptr<const model::NodeStatus>>> statuses;  // as newest_statuses()
};

}  // namespace tideline::coordinator

// These messages never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::Enrolled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::Arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PolicyAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::Closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::ReportIn)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::Persist)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::Persisted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AckWhenTaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::Durable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::KeepEvents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::KeepAccounts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::KeepSetting)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PolicyLoaded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::CommitTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::LedgerTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::LedgerRest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PushTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PaceTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::SurveyTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PolicyTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::RetentionTick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::RetentionRest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskNodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskNode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskPods)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskReclaimed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskFleetReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskWatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskEffective)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskPolicyNodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskHistory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskEvents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskPolicyGet)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskPolicyStatus)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskPolicyApply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskPolicyCheck)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskCheckNodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::CheckNodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskExplain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskExplainReclaimed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskCluster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskTrend)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskHandsOffBegin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskHandsOffList)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AskHandsOffEnd)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::HandsOffAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::HandsOffKept)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::EvictionAsked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::EvictionsKept)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::EvictThroughApi)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::EvictNoMore)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::ApiEvictionChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::ObjectsAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::AccountsComputed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::MeasureNodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::NodesMeasured)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PolicyInput)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::PolicyJudged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::coordinator::BridgeBegins)
