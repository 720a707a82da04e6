#pragma once
// The backend's values <-> the admin schema. Writing never fails; what comes from a client is checked here, and only
// here.

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/admin/backend.h"
#include "messages/schema/admin.capnp.h"

namespace tideline::admin {

void write(const fleet::NodeView& view, schema::NodeSummary::Builder out);
void write(const fleet::PodView& view, schema::NodePod::Builder out);
void write(const Series& series, schema::Series::Builder out);
void write(const NodeEvent& event, schema::NodeEvent::Builder out);
void write(const Explanation& explanation, schema::Explanation::Builder out);
void write(const HandsOffRow& row, schema::HandsOffEntry::Builder out);
void write(const PolicyState& state, schema::PolicyState::Builder out);
void write(const policy::CheckReport& report, schema::PolicyCheck::Builder out);  // convert_check.cpp
// convert_series.cpp
void write(const series::AnswerSeries& answer, schema::AnswerSeries::Builder out);
void write(const series::PodInfo& pod, schema::PodInfo::Builder out);
void write(const HistoryState& state, schema::HistoryState::Builder out);
void write(const series::VerifySlice& slice, schema::Admin::HistoryVerifyResults::Builder out);
void write(const BackupMade& made, schema::Admin::HistoryBackupResults::Builder out);

struct PolicyApplyCall {
  std::vector<PolicyDocument> documents;
  bool dry_run = false;
};

struct PolicyCheckCall {
  std::vector<PolicyDocument> documents;
  model::NodeName node;  // empty = all
};

struct WatchCall {
  model::NodeName node;       // empty = all
  std::uint32_t seconds = 0;  // 1..AdminLimits::kMaxWatchSeconds
};

struct HandsOffBeginCall {
  model::NodeName node;
  model::HandsOff hands_off;  // valid
};

struct HandsOffEndCall {
  model::NodeName node;
  std::string group;  // at most HandsOffLimits::kMaxGroupBytes
};

/// A call's arguments, for each method that has some -> what backend.h says the backend may be asked. kInvalidArgument
/// names the argument and its bound; kOverloaded: documents of more bytes than theirs. Like codec's readers (wire.h)
/// these may throw what Cap'n Proto throws.
model::Result<model::NodeName> read(schema::Admin::NodeParams::Reader in);
model::Result<model::NodeName> read(schema::Admin::PodsParams::Reader in);
model::Result<HistoryQuery> read(schema::Admin::HistoryParams::Reader in);
model::Result<EventsQuery> read(schema::Admin::EventsParams::Reader in);
model::Result<model::NodeName> read(schema::Admin::PolicyGetParams::Reader in);
model::Result<PolicyApplyCall> read(schema::Admin::PolicyApplyParams::Reader in);
model::Result<PolicyCheckCall> read(schema::Admin::PolicyCheckParams::Reader in);
model::Result<WatchCall> read(schema::Admin::WatchParams::Reader in);
model::Result<ExplainQuery> read(schema::Admin::ExplainParams::Reader in);
model::Result<HandsOffBeginCall> read(schema::Admin::HandsOffBeginParams::Reader in, const Caller& caller);
model::Result<model::NodeName> read(schema::Admin::HandsOffListParams::Reader in);
model::Result<HandsOffEndCall> read(schema::Admin::HandsOffEndParams::Reader in);
/// A release is begun as a hands-off of the whole tree.
model::Result<HandsOffBeginCall> read(schema::Admin::ReleaseParams::Reader in, const Caller& caller);
model::Result<model::NodeName> read(schema::Admin::ResumeParams::Reader in);
model::Result<ExplainReclaimedQuery> read(schema::Admin::ExplainReclaimedParams::Reader in);
model::Result<ClusterQuery> read(schema::Admin::ClusterParams::Reader in);
/// A tier and a page that were left to the server are settled.
model::Result<SeriesQuery> read(schema::Admin::HistoryQueryParams::Reader in);
model::Result<HistoryPodsQuery> read(schema::Admin::HistoryPodsParams::Reader in);
/// More bytes than AdminLimits::kMaxVerifyBytes are cut to them, and 0 stands for them.
model::Result<VerifyQuery> read(schema::Admin::HistoryVerifyParams::Reader in);

}  // namespace tideline::admin
