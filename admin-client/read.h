#pragma once
// Admin schema -> plain values. Errors name the field; readers may throw kj::Exception on bad bytes.

#include "admin-client/answers.h"
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

}  // namespace tideline::tidectl
