#pragma once
// The backend's values <-> the admin schema. Writing never fails; what comes from a client is checked here.

#include <string>
#include <vector>

#include <capnp/list.h>

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

/// kInvalidArgument names the argument and its bound.
model::Result<model::NodeName> read_node(capnp::Text::Reader name, bool may_be_empty);
model::Result<HistoryQuery> read(schema::HistoryQuery::Reader in);
model::Result<std::vector<PolicyDocument>> read(capnp::List<schema::PolicyState::Document>::Reader in);
/// Of a call of `caller`; ends with model::validate.
model::Result<model::HandsOff> read_hands_off(const Caller& caller, capnp::Text::Reader group, std::int64_t for_ms,
                                              capnp::Text::Reader reason);
model::Result<model::HandsOff> read_release(const Caller& caller, capnp::Text::Reader reason);
model::Result<void> check_range(std::int64_t from_ms, std::int64_t to_ms);

}  // namespace tideline::admin
