#pragma once
// model <-> Cap'n Proto structs, for rooms that speak RPC. Writing never fails. Reading bytes from outside may throw
// kj::Exception from inside capnp (a pointer out of bounds): call it through `guarded`, or inside an RPC method, where
// the RPC system turns it into the caller's error.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <capnp/message.h>
#include <kj/exception.h>

#include "messages/model/action.h"
#include "messages/model/cluster.h"
#include "messages/model/eviction.h"
#include "messages/model/explained.h"
#include "messages/model/hands_off.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/schema/admin.capnp.h"
#include "messages/schema/eviction.capnp.h"
#include "messages/schema/hands_off.capnp.h"
#include "messages/schema/node_objects.capnp.h"
#include "messages/schema/policy.capnp.h"
#include "messages/schema/report.capnp.h"

namespace tideline::codec {

/// What a message from outside may cost to read: 2 x kMaxWireBytes of traversal (reading a struct twice is allowed
/// for), 16 levels.
capnp::ReaderOptions reader_options();

void write(const model::NodeSample& sample, schema::Sample::Builder out);  // `pods` does not travel
void write(const model::Pod& pod, schema::Pod::Builder out);
void write(const model::PodSummary& summary, schema::PodSummary::Builder out);
void write(const model::NodeStatus& status, schema::NodeStatus::Builder out);
void write(const model::Event& event, schema::Event::Builder out);
void write(const model::Report& report, schema::Report::Builder out);
void write(const model::NodePolicy& policy, schema::NodePolicy::Builder out);
void write(const model::HandsOffOrder& order, schema::HandsOffOrder::Builder out);
void write(const model::NodeObjects& objects, schema::NodeObjects::Builder out);
void write(const model::EvictionAsk& ask, schema::EvictionAsk::Builder out);
void write(const model::EvictionAnswer& answer, schema::EvictionAnswer::Builder out);
void write(const model::BatchAllocatable& allocatable, schema::BatchAllocatable::Builder out);
void write(const model::Reclaimed& reclaimed, schema::Reclaimed::Builder out);
void write(const model::ReclaimTerms<model::MilliCpu>& terms, schema::Terms::Builder out);
void write(const model::ReclaimTerms<model::Bytes>& terms, schema::Terms::Builder out);
void write(const model::ExplainedAccount& explained, schema::ExplainedAccount::Builder out);
void write(const model::ClusterReport& report, schema::ClusterReport::Builder out);

/// kMalformed, naming field and value, for an enum value this build does not know, a number outside its field's range,
/// or a list longer than ReportLimits allows. read(Report) ends with model::validate; read(NodePolicy) checks the
/// ranges that model/policy.h states.
model::Result<model::NodeSample> read(schema::Sample::Reader in);
model::Result<model::Pod> read(schema::Pod::Reader in);
model::Result<model::PodSummary> read(schema::PodSummary::Reader in);
model::Result<model::NodeStatus> read(schema::NodeStatus::Reader in);
model::Result<model::Event> read(schema::Event::Reader in);
model::Result<model::Report> read(schema::Report::Reader in);

// What pods are changes seldom, and is most of a report: it may be left out (Report.podList).

/// The pods of list `number`, of a report that was found good, for as long as the reader runs; null: none is at hand.
using PodsOfList = std::function<const model::SharedPods*(std::uint64_t number)>;
/// Gives whole reports, which share the pods that are left out with their list. kNotFound: the pods are left out, and
/// `pods_of` has none of their list.
model::Result<model::Report> read(schema::Report::Reader in, const PodsOfList& pods_of);
bool leaves_out_pods(schema::Report::Reader report);
void write_without_pods(schema::Report::Reader report, std::uint64_t list, schema::Report::Builder out);
/// The report as report_bytes.h has it, without reading it: what a reader does not know stays in it, and its list of
/// pods is of the number `list`. `words`: its size, or more. Throws as a reader does.
std::vector<std::byte> flat_copy(schema::Report::Reader report, std::uint64_t words, std::uint64_t list);
model::Result<model::NodePolicy> read(schema::NodePolicy::Reader in);
/// Ends with model::validate of each entry.
model::Result<model::HandsOffOrder> read(schema::HandsOffOrder::Reader in);
/// Ends with model::validate.
model::Result<model::NodeObjects> read(schema::NodeObjects::Reader in);
/// What the pods of a set take of a report, in bytes, with room for what they used.
std::uint64_t bytes_in_report(schema::NodeObjects::Reader objects);
/// These three end with model::validate.
model::Result<model::EvictionAsk> read(schema::EvictionAsk::Reader in);
model::Result<model::EvictionAnswer> read(schema::EvictionAnswer::Reader in);
model::Result<model::BatchAllocatable> read(schema::BatchAllocatable::Reader in);
model::Result<model::Reclaimed> read(schema::Reclaimed::Reader in);
/// Of these two a reader shows what it is told: numbers of enums that it does not know are kept.
model::Result<model::ExplainedAccount> read(schema::ExplainedAccount::Reader in);
model::Result<model::ClusterReport> read(schema::ClusterReport::Reader in);

/// OptInt, for fields of the admin structs.
void write(std::optional<std::int64_t> value, schema::OptInt::Builder out);
std::optional<std::int64_t> read(schema::OptInt::Reader in);

/// "file.c++:12: failed: text" cut down to the text that helps a person.
std::string text_of(const kj::Exception& exception);

/// Runs `f` (returning Result<T>); a kj::Exception becomes kMalformed with `what` in front.
template <class F>
auto guarded(std::string_view what, F&& f) -> decltype(f()) {
  using R = decltype(f());
  R result = model::Error(model::ErrorCode::kInternal, "not run");
  auto run = [&]() { result = f(); };
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions(run)) {
    return model::Error(model::ErrorCode::kMalformed, text_of(*exception)).in(what);
  }
  return result;
}

}  // namespace tideline::codec
