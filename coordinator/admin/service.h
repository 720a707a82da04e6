#pragma once
// schema::Admin for one connection: role, bounds, conversion; the answers are the backend's.

#include <functional>
#include <optional>
#include <string>

#include <capnp/capability.h>
#include <kj/timer.h>

#include "coordinator/admin/backend.h"
#include "messages/link/identity.h"
#include "messages/link/pending.h"
#include "messages/schema/admin.capnp.h"

namespace tideline::admin {

/// What a connection's calls leave behind, for the sweep. Shared by service and server, on the loop's thread.
struct ConnectionState {
  model::Result<link::Operator> identity;  // an error is the answer to every call
  std::string peer;                        // as the log shows it
  kj::TimePoint last_call;
  std::size_t outstanding = 0;
  std::size_t refusals = 0;
};

struct ServiceHooks {
  std::function<bool()> clogged;  // the connection was dropped for not reading
  std::function<void(const model::Error&)> refused;
  std::function<kj::TimePoint()> now;
  std::size_t max_calls = 0;
  std::size_t max_answer_bytes = 0;  // a larger one would get its connection dropped as clogged
  model::Duration backup_deadline{0};
};

// Cap'n Proto's generated servers have no virtual destructor of their own name; kj::Own disposes of the whole object.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class AdminService final : public schema::Admin::Server {
 public:
  AdminService(AdminBackend& backend, std::shared_ptr<link::Pending> pending, std::shared_ptr<ConnectionState> state,
               ServiceHooks hooks);

  DispatchCallResult dispatchCall(std::uint64_t interface_id, std::uint16_t method_id,
                                  capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context) override;

 protected:
  kj::Promise<void> nodes(NodesContext context) override;
  kj::Promise<void> node(NodeContext context) override;
  kj::Promise<void> pods(PodsContext context) override;
  kj::Promise<void> reclaimed(ReclaimedContext context) override;
  kj::Promise<void> history(HistoryContext context) override;
  kj::Promise<void> events(EventsContext context) override;
  kj::Promise<void> policyGet(PolicyGetContext context) override;
  kj::Promise<void> policyApply(PolicyApplyContext context) override;
  kj::Promise<void> policyStatus(PolicyStatusContext context) override;
  kj::Promise<void> watch(WatchContext context) override;
  kj::Promise<void> whoami(WhoamiContext context) override;
  kj::Promise<void> explain(ExplainContext context) override;
  kj::Promise<void> handsOffBegin(HandsOffBeginContext context) override;
  kj::Promise<void> handsOffList(HandsOffListContext context) override;
  kj::Promise<void> handsOffEnd(HandsOffEndContext context) override;
  kj::Promise<void> release(ReleaseContext context) override;
  kj::Promise<void> resume(ResumeContext context) override;
  kj::Promise<void> policyCheck(PolicyCheckContext context) override;
  kj::Promise<void> explainReclaimed(ExplainReclaimedContext context) override;
  kj::Promise<void> cluster(ClusterContext context) override;
  kj::Promise<void> historyQuery(HistoryQueryContext context) override;
  kj::Promise<void> historyPods(HistoryPodsContext context) override;
  kj::Promise<void> historyState(HistoryStateContext context) override;
  kj::Promise<void> historyVerify(HistoryVerifyContext context) override;
  kj::Promise<void> historyBackup(HistoryBackupContext context) override;

 private:
  model::Result<void> admit(std::uint64_t interface_id, std::uint16_t method_id);
  Caller caller() const;  // only after admit()
  /// Asks the backend through `ask(Reply<T>)`; a value goes to `fill` with the results, an error to the client.
  /// `instead`: of the usual deadline.
  template <class T, class Context, class Ask, class Fill>
  kj::Promise<void> answer(Context context, Ask&& ask, Fill&& fill,
                           std::optional<model::Duration> instead = std::nullopt);

  AdminBackend& backend_;
  std::shared_ptr<link::Pending> pending_;
  std::shared_ptr<ConnectionState> state_;
  ServiceHooks hooks_;
};
#pragma GCC diagnostic pop

}  // namespace tideline::admin
