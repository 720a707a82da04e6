#include "coordinator/admin/service.h"

#include <algorithm>
#include <utility>

#include <capnp/schema.h>
#include <fmt/format.h>

#include "coordinator/admin/convert.h"
#include "coordinator/admin/roles.h"
#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "messages/link/kj_rpc.h"

namespace tideline::admin {
namespace {

using codec::ptr;
using model::Error;
using model::ErrorCode;
using model::Result;

kj::Promise<void> failed(const Error& error) {
  return link::to_exception(error);
}

template <class Rows, class Init>
void fill_list(const Rows& rows, Init&& init) {
  auto list = init(static_cast<unsigned>(rows.size()));
  for (unsigned i = 0; i < list.size(); ++i)
    write(rows[i], list[i]);
}

}  // namespace

AdminService::AdminService(AdminBackend& backend, std::shared_ptr<link::Pending> pending,
                           std::shared_ptr<ConnectionState> state, ServiceHooks hooks)
    : backend_(backend), pending_(std::move(pending)), state_(std::move(state)), hooks_(std::move(hooks)) {}

Result<void> AdminService::admit(std::uint64_t interface_id, std::uint16_t method_id) {
  if (!state_->identity) return state_->identity.error();
  const auto schema = capnp::Schema::from<schema::Admin>();
  const auto methods = schema.getMethods();
  // The generated dispatcher answers these with "unimplemented".
  if (interface_id != schema.getProto().getId() || method_id >= methods.size()) return {};
  const kj::StringPtr method = methods[method_id].getProto().getName();
  auto permitted = permit(method.cStr(), *state_->identity);
  if (!permitted) return permitted;
  if (state_->outstanding >= hooks_.max_calls) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("{} calls wait for an answer on this connection already", state_->outstanding));
  }
  return {};
}

capnp::Capability::Server::DispatchCallResult AdminService::dispatchCall(
    std::uint64_t interface_id, std::uint16_t method_id,
    capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context) {
  state_->last_call = hooks_.now();
  if (hooks_.clogged()) {
    return {failed(Error(ErrorCode::kOverloaded, "earlier answers were not read")), false};
  }
  if (auto admitted = admit(interface_id, method_id); !admitted) {
    ++state_->refusals;
    hooks_.refused(admitted.error());
    return {failed(admitted.error()), false};
  }
  // Without it a call would run on after its connection is gone.
  context.allowCancellation();
  auto result = schema::Admin::Server::dispatchCall(interface_id, method_id, context);
  ++state_->outstanding;
  return {result.promise.attach(kj::defer([state = state_, now = hooks_.now]() {
            --state->outstanding;
            state->last_call = now();
          })),
          result.isStreaming};
}

Caller AdminService::caller() const {
  return {*state_->identity, state_->peer};
}

template <class T, class Context, class Ask, class Fill>
kj::Promise<void> AdminService::answer(Context context, Ask&& ask, Fill&& fill,
                                       std::optional<model::Duration> instead) {
  return pending_->ask<T>(std::forward<Ask>(ask), instead)
      .then([context, most = hooks_.max_answer_bytes,
             fill = std::forward<Fill>(fill)](Result<T>&& result) mutable -> kj::Promise<void> {
        if (!result) return failed(result.error());
        auto results = context.getResults();
        if constexpr (std::is_void_v<T>) {
          fill(results);
        } else {
          fill(results, result.value());
        }
        if (const auto bytes = results.totalSize().wordCount * sizeof(capnp::word); bytes > most) {
          return failed(
              Error(ErrorCode::kOverloaded,
                    fmt::format("the answer has {} bytes, more than the {} of one; ask for less", bytes, most)));
        }
        return kj::READY_NOW;
      });
}

kj::Promise<void> AdminService::nodes(NodesContext context) {
  return answer<std::vector<fleet::NodeView>>(
      context, [&](auto reply) { backend_.nodes(std::move(reply)); },
      [](auto& results, const auto& nodes) {
        fill_list(nodes, [&](unsigned size) { return results.initNodes(size); });
      });
}

kj::Promise<void> AdminService::node(NodeContext context) {
  auto name = read(context.getParams());
  if (!name) return failed(name.error());
  return answer<fleet::NodeView>(
      context, [&](auto reply) { backend_.node(*name, std::move(reply)); },
      [](auto& results, const auto& node) { write(node, results.initNode()); });
}

kj::Promise<void> AdminService::pods(PodsContext context) {
  auto name = read(context.getParams());
  if (!name) return failed(name.error());
  return answer<std::vector<fleet::PodView>>(
      context, [&](auto reply) { backend_.pods(*name, std::move(reply)); },
      [](auto& results, const auto& pods) { fill_list(pods, [&](unsigned size) { return results.initPods(size); }); });
}

kj::Promise<void> AdminService::reclaimed(ReclaimedContext context) {
  return answer<ReclaimedReport>(
      context, [&](auto reply) { backend_.reclaimed(std::move(reply)); },
      [](auto& results, const ReclaimedReport& report) {
        codec::write(report.cluster, results.initCluster());
        auto nodes = results.initNodes(static_cast<unsigned>(report.nodes.size()));
        for (unsigned i = 0; i < nodes.size(); ++i) {
          codec::write(report.nodes[i], nodes[i]);
        }
      });
}

kj::Promise<void> AdminService::history(HistoryContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<std::vector<Series>>(
      context, [&](auto reply) { backend_.history(*query, std::move(reply)); },
      [](auto& results, const auto& series) {
        fill_list(series, [&](unsigned size) { return results.initSeries(size); });
      });
}

kj::Promise<void> AdminService::events(EventsContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<EventsReport>(
      context, [&](auto reply) { backend_.events(*query, std::move(reply)); },
      [](auto& results, const EventsReport& report) {
        fill_list(report.events, [&](unsigned size) { return results.initEvents(size); });
        results.setTruncated(report.truncated);
      });
}

kj::Promise<void> AdminService::policyGet(PolicyGetContext context) {
  auto node = read(context.getParams());
  if (!node) return failed(node.error());
  return answer<PolicyReport>(
      context, [&](auto reply) { backend_.policy_get(*node, std::move(reply)); },
      [](auto& results, const PolicyReport& report) {
        write(report.state, results.initState());
        codec::write(report.effective, results.initEffective());
        results.setContent(report.content.value());
      });
}

kj::Promise<void> AdminService::policyApply(PolicyApplyContext context) {
  auto call = read(context.getParams());
  if (!call) return failed(call.error());
  return answer<PolicyApplied>(
      context,
      [&](auto reply) { backend_.policy_apply(caller(), std::move(call->documents), call->dry_run, std::move(reply)); },
      [](auto& results, const PolicyApplied& applied) {
        results.setVersion(applied.version.value());
        results.setReport(ptr(applied.report));
      });
}

kj::Promise<void> AdminService::policyStatus(PolicyStatusContext context) {
  return answer<PolicyStatus>(
      context, [&](auto reply) { backend_.policy_status(std::move(reply)); },
      [](auto& results, const PolicyStatus& status) {
        write(status.state, results.initState());
        fill_list(status.nodes, [&](unsigned size) { return results.initNodes(size); });
      });
}

kj::Promise<void> AdminService::watch(WatchContext context) {
  auto call = read(context.getParams());
  if (!call) return failed(call.error());
  return answer<model::Duration>(
      context, [&](auto reply) { backend_.watch(call->node, call->seconds, std::move(reply)); },
      [](auto& results, const model::Duration& every) {
        results.setEveryMs(static_cast<std::uint32_t>(model::to_ms(every)));
      });
}

kj::Promise<void> AdminService::whoami(WhoamiContext context) {
  auto results = context.getResults();
  results.setRole(link::name_of(state_->identity->role).data());
  results.setName(ptr(state_->identity->name));
  return kj::READY_NOW;
}

kj::Promise<void> AdminService::explain(ExplainContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<Explanation>(
      context, [&](auto reply) { backend_.explain(*query, std::move(reply)); },
      [](auto& results, const Explanation& explanation) { write(explanation, results.initExplanation()); });
}

kj::Promise<void> AdminService::handsOffBegin(HandsOffBeginContext context) {
  auto call = read(context.getParams(), caller());
  if (!call) return failed(call.error());
  return answer<void>(
      context,
      [&](auto reply) { backend_.hands_off_begin(caller(), call->node, std::move(call->hands_off), std::move(reply)); },
      [](auto&) {});
}

kj::Promise<void> AdminService::handsOffList(HandsOffListContext context) {
  auto node = read(context.getParams());
  if (!node) return failed(node.error());
  return answer<std::vector<HandsOffRow>>(
      context, [&](auto reply) { backend_.hands_off_list(*node, std::move(reply)); },
      [](auto& results, const auto& rows) {
        fill_list(rows, [&](unsigned size) { return results.initEntries(size); });
      });
}

kj::Promise<void> AdminService::handsOffEnd(HandsOffEndContext context) {
  auto call = read(context.getParams());
  if (!call) return failed(call.error());
  return answer<void>(
      context, [&](auto reply) { backend_.hands_off_end(caller(), call->node, call->group, false, std::move(reply)); },
      [](auto&) {});
}

kj::Promise<void> AdminService::release(ReleaseContext context) {
  auto call = read(context.getParams(), caller());
  if (!call) return failed(call.error());
  return answer<void>(
      context,
      [&](auto reply) { backend_.hands_off_begin(caller(), call->node, std::move(call->hands_off), std::move(reply)); },
      [](auto&) {});
}

kj::Promise<void> AdminService::resume(ResumeContext context) {
  auto node = read(context.getParams());
  if (!node) return failed(node.error());
  return answer<void>(
      context, [&](auto reply) { backend_.hands_off_end(caller(), *node, "", true, std::move(reply)); }, [](auto&) {});
}

kj::Promise<void> AdminService::explainReclaimed(ExplainReclaimedContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<model::ExplainedAccount>(
      context, [&](auto reply) { backend_.explain_reclaimed(*query, std::move(reply)); },
      [](auto& results, const auto& explained) { codec::write(explained, results.initExplained()); });
}

kj::Promise<void> AdminService::cluster(ClusterContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<model::ClusterReport>(
      context, [&](auto reply) { backend_.cluster(*query, std::move(reply)); },
      [](auto& results, const auto& report) { codec::write(report, results.initReport()); });
}

kj::Promise<void> AdminService::historyQuery(HistoryQueryContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<SeriesPage>(
      context, [&](auto reply) { backend_.history_query(*query, std::move(reply)); },
      [tier = query->question.tier](auto& results, const SeriesPage& page) {
        fill_list(page.answer, [&](unsigned size) { return results.initSeries(size); });
        results.setNextS(page.next_s.value_or(0));
        results.setTier(static_cast<std::uint8_t>(tier));
        results.setKeptFromS(page.kept_from_s);
      });
}

kj::Promise<void> AdminService::historyPods(HistoryPodsContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<std::vector<series::PodInfo>>(
      context, [&](auto reply) { backend_.history_pods(*query, std::move(reply)); },
      [](auto& results, const auto& pods) { fill_list(pods, [&](unsigned size) { return results.initPods(size); }); });
}

kj::Promise<void> AdminService::historyState(HistoryStateContext context) {
  return answer<HistoryState>(
      context, [&](auto reply) { backend_.history_state(std::move(reply)); },
      [](auto& results, const HistoryState& state) { write(state, results.initState()); });
}

kj::Promise<void> AdminService::historyVerify(HistoryVerifyContext context) {
  auto query = read(context.getParams());
  if (!query) return failed(query.error());
  return answer<series::VerifySlice>(
      context, [&](auto reply) { backend_.history_verify(*query, std::move(reply)); },
      [](auto& results, const series::VerifySlice& slice) { write(slice, results); });
}

kj::Promise<void> AdminService::historyBackup(HistoryBackupContext context) {
  return answer<BackupMade>(
      context, [&](auto reply) { backend_.history_backup(caller(), std::move(reply)); },
      [](auto& results, const BackupMade& made) { write(made, results); }, hooks_.backup_deadline);
}

kj::Promise<void> AdminService::policyCheck(PolicyCheckContext context) {
  auto call = read(context.getParams());
  if (!call) return failed(call.error());
  return answer<PolicyCheck>(
      context, [&](auto reply) { backend_.policy_check(std::move(call->documents), call->node, std::move(reply)); },
      [](auto& results, const PolicyCheck& checked) {
        results.setVersion(checked.version.value());
        write(checked.report, results.initCheck());
      });
}

}  // namespace tideline::admin
