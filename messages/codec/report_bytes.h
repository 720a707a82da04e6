#pragma once
// Reports, policies, accounts and sets of objects as bytes: one Cap'n Proto message, flat (segment table first,
// unpacked), as stored in the spool, in state directories and in history. Same value, same bytes. History holds reports
// as they came (wire.h, flat_copy).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::codec {

using ByteView = std::span<const std::byte>;

/// The report as one flat message. kInvalidArgument when model::validate refuses it or it is larger than
/// ReportLimits::kMaxWireBytes: nothing is written that from_bytes would not read.
model::Result<std::vector<std::byte>> to_bytes(const model::Report& report);

/// A report from bytes nobody vouches for: kMalformed for anything that is not one whole message of at most
/// ReportLimits::kMaxWireBytes, for an enum value that steers and that this build does not know (named with its
/// field; an event's controller and reason only inform and keep their number), and for what model::validate refuses.
/// Needs no alignment. Memory is bounded by what ReportLimits allow and a small multiple of the size of `bytes`, which
/// may share one list among many pods.
model::Result<model::Report> report_from_bytes(ByteView bytes);
/// The same of a report that may leave its pods out, as wire.h has it: kNotFound where `pods_of` has none for it.
model::Result<model::Report> report_from_bytes(
    ByteView bytes, const std::function<const model::SharedPods*(std::uint64_t list)>& pods_of);

/// The node's last good policy on disk.
std::vector<std::byte> to_bytes(const model::NodePolicy& policy);
model::Result<model::NodePolicy> policy_from_bytes(ByteView bytes);

/// What the coordinator told a node last, on the node's disk. kInvalidArgument: nothing is written that would not be
/// read.
model::Result<std::vector<std::byte>> to_bytes(const model::NodeObjects& objects);
model::Result<model::NodeObjects> objects_from_bytes(ByteView bytes);

/// An account in history; its data's age is cut to whole ms.
std::vector<std::byte> to_bytes(const model::Reclaimed& account);
model::Result<model::Reclaimed> account_from_bytes(ByteView bytes);

}  // namespace tideline::codec
