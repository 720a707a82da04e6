#pragma once
// Admin schema -> plain values. Errors name the field; readers may throw kj::Exception on bad bytes.

#include "admin-client/answers.h"
#include "admin-client/history_answers.h"
#include "messages/model/result.h"
#include "messages/schema/admin.capnp.h"

namespace tideline::tidectl {

model::Result<Node> read(schema::NodeSummary::Reader in);
model::Result<Pod> read(schema::NodePod::Reader in);
model::Result<NodeEvent> read(schema::NodeEvent::Reader in);
model::Result<Explanation> read(schema::Explanation::Reader in);
HandsOffEntry read(schema::HandsOffEntry::Reader in);
PolicyState read(schema::PolicyState::Reader in);
policy::CheckReport read(schema::PolicyCheck::Reader in);  // read_check.cpp

// read_history.cpp
model::Result<SeriesPage> read(schema::Admin::HistoryQueryResults::Reader in);
model::Result<series::PodInfo> read(schema::PodInfo::Reader in);
model::Result<HistoryState> read(schema::HistoryState::Reader in);
model::Result<series::VerifySlice> read(schema::Admin::HistoryVerifyResults::Reader in);
model::Result<HistoryBackup> read(schema::Admin::HistoryBackupResults::Reader in);

}  // namespace tideline::tidectl
