#include "messages/link/client_core.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <capnp/serialize.h>
#include <fmt/format.h>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "messages/link/clocks.h"
#include "messages/log/log.h"

namespace tideline::link {
namespace {

using codec::ptr;
using model::Error;
using model::ErrorCode;

// A session shorter than this did not prove that the coordinator is well: the next wait grows as after a failure.
constexpr kj::Duration kShortSession = 5 * kj::SECONDS;
constexpr std::size_t kMaxPendingPolicies = 4;
constexpr std::size_t kMaxPendingNumbers = 4;  // of a kind
constexpr model::Duration kShortestInterval = std::chrono::milliseconds(100);
constexpr model::Duration kLongestInterval = std::chrono::hours(24);

class NodeAgentServer final : public schema::NodeAgent::Server {
 public:
  explicit NodeAgentServer(std::shared_ptr<ClientCore*> core) : core_(std::move(core)) {}
  kj::Promise<void> setPolicy(SetPolicyContext context) override {
    return *core_ == nullptr ? stopped() : (*core_)->set_policy(context);
  }
  kj::Promise<void> setReportInterval(SetReportIntervalContext context) override {
    return *core_ == nullptr ? stopped() : (*core_)->set_report_interval(context);
  }
  kj::Promise<void> setHandsOff(SetHandsOffContext context) override {
    return *core_ == nullptr ? stopped() : (*core_)->set_hands_off(context);
  }
  kj::Promise<void> setObjects(SetObjectsContext context) override {
    return *core_ == nullptr ? stopped() : (*core_)->set_objects(context);
  }

 private:
  static kj::Promise<void> stopped() { return to_exception(Error(ErrorCode::kUnavailable, "the agent stops")); }
  std::shared_ptr<ClientCore*> core_;
};

std::string_view text_of(const kj::Exception& exception) {
  return {exception.getDescription().cStr(), exception.getDescription().size()};
}

}  // namespace

void ClientCore::Connection::taskFailed(kj::Exception&& exception) {
  log::error("link-task-failed", "{}", exception.getDescription().cStr());
}

ClientCore::ClientCore(KjContext& context, const NodeClientConfig& config, NodeClientEvents& events, ClientState& state)
    : context_(context),
      self_(std::make_shared<ClientCore*>(this)),
      config_(config),
      events_(events),
      state_(state),
      random_(config.seed != 0 ? config.seed : (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()),
      connected_at_(context.timer.now()),
      files_({config.tls.certificate, config.tls.key, config.tls.ca}),
      tasks_(*this) {}

void ClientCore::start() {
  // Before the first attempt's deadline runs; it tells what is wrong.
  (void)renew_connector().ok();
  plan_attempt(config_.first_attempt_now ? model::kZeroDuration : config_.reconnect_spread);
}

void ClientCore::plan_attempt(model::Duration longest_wait) {
  const auto wait = std::uniform_int_distribution<std::int64_t>(0, longest_wait.count())(random_);
  tasks_.add(context_.timer.afterDelay(wait * kj::NANOSECONDS).then([this]() { attempt(); }));
}

model::Result<void> ClientCore::renew_connector() {
  // Certificates are renewed under a running agent. To read and check them costs more than the handshake does.
  if (connector_.get() != nullptr && !files_.changed() && wall_now() < connector_until_) return {};
  const auto material = load(config_.tls, TlsUse::kClient);
  if (!material) return material.error();
  const auto until = speaks_for(*material, config_.node);
  if (!until) return until.error().in(config_.tls.certificate);
  auto connector = TlsConnector::create(context_, *material, config_.server_name);
  if (!connector) return connector.error();
  files_.taken();
  connector_ = *std::move(connector);
  connector_until_ = *until;
  return {};
}

void ClientCore::attempt() {
  trying_ = true;
  const std::string address = config_.coordinators[next_address_++ % config_.coordinators.size()];
  if (const auto ready = renew_connector(); !ready) return ended(ready.error().message());
  auto reached = kj::newPromiseAndFulfiller<void>();
  auto answered = kj::newPromiseAndFulfiller<void>();
  auto enrolment = connector_->connect(address, {kj::mv(reached.fulfiller), kj::mv(answered.fulfiller)})
                       .then([this, address](TlsStream stream) { return enroll(kj::mv(stream), address); });
  // To wait in a backlog costs neither end anything. To give up there, and come again behind all others, costs both.
  // But one that hangs is not to be waited for so long where there is another.
  const auto patience = config_.coordinators.size() > 1 ? std::min(config_.queue_deadline, 3 * config_.connect_deadline)
                                                        : config_.queue_deadline;
  auto timeout = within(config_.connect_deadline, kj::mv(reached.promise), address + ": no connection")
                     .then([this, address, patience, word = kj::mv(answered.promise)]() mutable {
                       return within(patience, kj::mv(word), address + ": connected, but no answer");
                     })
                     .then([this, address]() {
                       return within(config_.connect_deadline, kj::NEVER_DONE, address + ": no session");
                     });
  tasks_.add(enrolment.exclusiveJoin(kj::mv(timeout))
                 .then([this]() { watch_disconnect(); },
                       [this](kj::Exception&& exception) { ended(error_from(exception).message()); }));
}

kj::Promise<void> ClientCore::within(model::Duration deadline, kj::Promise<void> stage, const std::string& missing) {
  auto late = context_.timer.afterDelay(to_kj(deadline))
                  .then([text = fmt::format("{} within {} ms", missing, to_ms(deadline))]() -> kj::Promise<void> {
                    return to_exception(Error(ErrorCode::kUnavailable, text));
                  });
  // A stage that is dropped belongs to an attempt that failed: it says why itself.
  auto reached = stage.catch_([](kj::Exception&&) -> kj::Promise<void> { return kj::NEVER_DONE; });
  return reached.exclusiveJoin(kj::mv(late));
}

kj::Promise<void> ClientCore::enroll(TlsStream stream, const std::string& address) {
  connection_ = kj::heap<Connection>(RpcClient::create(kj::mv(stream.stream), config_.rpc));
  auto request = connection_->rpc->bootstrap().castAs<schema::Coordinator>().enrollRequest();
  auto hello = request.initHello();
  hello.setNode(ptr(config_.node.str()));
  hello.setIncarnation(config_.incarnation.value());
  hello.setProtocol(kProtocolVersion);
  hello.setAgentVersion(ptr(config_.agent_version));
  hello.setMonoNs(mono_now().ns);
  hello.setWallMs(wall_now().ms);
  request.setAgent(kj::heap<NodeAgentServer>(self_));
  return request.send().then(
      [this, address](capnp::Response<schema::Coordinator::EnrollResults> response) {
        enrolled(response.getWelcome(), address);
      },
      [address](kj::Exception&& exception) {
        Error why = error_from(exception);
        // TLS 1.3 lets the client finish first: a refused certificate shows only as the end of the connection.
        if (!text_of(exception).starts_with("remote exception: ")) {
          why = why.in("the coordinator ended the connection, as it does when it refuses this node's certificate");
        }
        kj::throwFatalException(to_exception(why.in(fmt::format("{}: not enrolled", address))));
      });
}

void ClientCore::enrolled(schema::Welcome::Reader welcome, const std::string& address) {
  connection_->session = welcome.getSession();
  // A peer's numbers: kept where they make sense.
  connection_->heartbeat = std::chrono::milliseconds(std::clamp<std::uint32_t>(welcome.getHeartbeatMs(), 10, 600'000));
  connection_->deadline = std::max<model::Duration>(
      std::chrono::milliseconds(std::min(welcome.getDeadlineMs(), 3'600'000u)), 2 * connection_->heartbeat);
  connection_->keeps_pods = welcome.getKeepsPods();
  session_up_ = true;
  connected_at_ = context_.timer.now();
  said(false);
  {
    const std::lock_guard lock(state_.mutex);
    state_.connected = true;
    state_.in_flight = 0;
    state_.asking = false;
    ++state_.generation;
  }
  beat();
  events_.on_connected({.epoch = model::Epoch(welcome.getEpoch()),
                        .acked_through = model::Seq(welcome.getAckedThrough()),
                        .heartbeat = connection_->heartbeat,
                        .deadline = connection_->deadline,
                        .address = address});
}

void ClientCore::watch_disconnect() {
  connection_->tasks.add(connection_->rpc->on_disconnect().then(
      [this]() { ended("the coordinator closed the connection"); },
      [this](kj::Exception&& exception) { ended(error_from(exception).message()); }));
}

void ClientCore::said(bool by_report) {
  connection_->said = context_.timer.now();
  // A report that is due a heartbeat after the last one goes first, and makes it needless.
  connection_->next_beat = connection_->heartbeat + (by_report ? model::kZeroDuration : connection_->heartbeat / 5);
}

void ClientCore::beat() {
  const kj::Duration silent = context_.timer.now() - connection_->said;
  const kj::Duration wait = std::max(to_kj(connection_->next_beat) - silent, 0 * kj::NANOSECONDS);
  connection_->tasks.add(context_.timer.afterDelay(wait)
                             .then([this]() -> kj::Promise<void> {
                               // It ended in this very turn, or a report was sent meanwhile.
                               if (connection_.get() == nullptr) return kj::READY_NOW;
                               const kj::Duration quiet = context_.timer.now() - connection_->said;
                               if (quiet < to_kj(connection_->next_beat)) return kj::READY_NOW;
                               said(false);
                               auto request = KJ_ASSERT_NONNULL(connection_->session).heartbeatRequest();
                               request.setMonoNs(mono_now().ns);
                               request.setWallMs(wall_now().ms);
                               return context_.timer.timeoutAfter(to_kj(connection_->deadline - connection_->heartbeat),
                                                                  request.send().ignoreResult());
                             })
                             .then(
                                 [this]() {
                                   if (connection_.get() != nullptr) beat();
                                 },
                                 [this](kj::Exception&& exception) {
                                   if (connection_.get() == nullptr) return;
                                   const Error why = error_from(exception);
                                   ended(why.code() == ErrorCode::kOverloaded
                                             ? fmt::format("no answer to a heartbeat within {} ms",
                                                           to_ms(connection_->deadline - connection_->heartbeat))
                                             : why.message());
                                 }));
}

void ClientCore::ended(const std::string& why) {
  // A heartbeat without an answer and the end of the connection may come in one turn: a second plan would be a second
  // attempt beside the first, and take its connector from under it.
  if (!std::exchange(trying_, false)) return;
  const bool was_up = std::exchange(session_up_, false);
  if (was_up) {
    const std::lock_guard lock(state_.mutex);
    state_.connected = false;
    state_.in_flight = 0;
    state_.asking = false;
    ++state_.generation;
  }
  if (connection_.get() != nullptr) {
    // Often called from inside one of its own tasks.
    tasks_.add(kj::evalLater([dead = kj::mv(connection_)]() {}));
  }
  const bool proved = was_up && context_.timer.now() - connected_at_ > kShortSession;
  failures_ = proved ? 0 : failures_ + 1;
  events_.on_disconnected(why, failures_);
  if (proved) return plan_attempt(config_.reconnect_spread);
  const unsigned doublings = std::min(failures_ - 1, 20u);
  plan_attempt(std::min(config_.backoff_max, config_.backoff_min * (std::int64_t{1} << doublings)));
}

void ClientCore::send_report(std::uint64_t generation, model::Seq seq, const std::vector<std::byte>& bytes,
                             std::uint64_t pods) {
  {
    const std::lock_guard lock(state_.mutex);
    if (!state_.connected || state_.generation != generation) return;  // on_disconnected answered for it
  }
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), bytes.data(), bytes.size());
  capnp::FlatArrayMessageReader message(words, codec::reader_options());
  const auto report = message.getRoot<schema::Report>();
  auto request = KJ_ASSERT_NONNULL(connection_->session).reportRequest();
  const bool leave_out = pods != 0 && connection_->pods_known == pods;
  if (leave_out) {
    codec::write_without_pods(report, pods, request.initReport());
  } else {
    request.setReport(report);
    if (connection_->keeps_pods) request.getReport().setPodList(pods);
    connection_->pods_sent = pods;
    connection_->pods_known = 0;
  }
  // One that follows others without an answer does not show that the coordinator is there.
  if (connection_->unanswered++ == 0) said(true);
  connection_->tasks.add(request.send().then(
      [this, generation, seq, pods](capnp::Response<schema::NodeSession::ReportResults> response) {
        report_answered(generation);
        pods_answered(pods, true);
        events_.on_acked(seq);
        if (response.hasBatch()) {
          const auto batch = codec::guarded("batch", [&]() { return codec::read(response.getBatch()); });
          if (batch) events_.on_batch(*batch);
        }
        if (connection_.get() != nullptr) connection_->last_ack = kj::mv(response);
      },
      [this, generation, seq, pods](kj::Exception&& exception) {
        // A lost connection is told by on_disconnected alone.
        if (exception.getType() == kj::Exception::Type::DISCONNECTED) return;
        report_answered(generation);
        pods_answered(pods, false);
        events_.on_refused(seq, error_from(exception));
      }));
  connection_->last_ack = nullptr;
}

void ClientCore::pods_answered(std::uint64_t pods, bool acked) {
  if (connection_.get() == nullptr || !connection_->keeps_pods) return;
  // Of several on their way the last counts: no other than it can the coordinator have.
  if (connection_->pods_sent == pods) connection_->pods_known = acked ? pods : 0;
}

void ClientCore::ask_evictions(std::uint64_t generation, const model::EvictionAsk& ask) {
  {
    const std::lock_guard lock(state_.mutex);
    if (!state_.connected || state_.generation != generation) return;  // on_disconnected answered for it
  }
  auto request = KJ_ASSERT_NONNULL(connection_->session).evictRequest();
  codec::write(ask, request.initAsk());
  connection_->tasks.add(request.send().then(
      [this, generation](capnp::Response<schema::NodeSession::EvictResults> response) {
        evictions_answered(generation,
                           codec::guarded("eviction answer", [&]() { return codec::read(response.getAnswer()); }));
      },
      [this, generation](kj::Exception&& exception) {
        if (exception.getType() == kj::Exception::Type::DISCONNECTED) return;
        const bool unknown = exception.getType() == kj::Exception::Type::UNIMPLEMENTED;
        evictions_answered(generation, unknown
                                           ? Error(ErrorCode::kUnsupported, "the coordinator arbitrates no evictions")
                                           : error_from(exception));
      }));
}

void ClientCore::evictions_answered(std::uint64_t generation, const model::Result<model::EvictionAnswer>& answer) {
  {
    const std::lock_guard lock(state_.mutex);
    if (state_.generation == generation) state_.asking = false;
  }
  events_.on_evictions(answer);
}

void ClientCore::report_answered(std::uint64_t generation) {
  if (connection_.get() != nullptr && connection_->unanswered > 0) --connection_->unanswered;
  const std::lock_guard lock(state_.mutex);
  if (state_.generation == generation && state_.in_flight > 0) --state_.in_flight;
}

kj::Promise<void> ClientCore::set_policy(SetPolicyContext context) {
  const auto policy = codec::guarded("policy", [&]() { return codec::read(context.getParams().getPolicy()); });
  if (!policy) return to_exception(policy.error());
  if (connection_.get() == nullptr) return to_exception(Error(ErrorCode::kUnavailable, "the session has ended"));
  auto& waiting = connection_->policies;
  if (waiting.size() >= kMaxPendingPolicies) {
    waiting.front().answer->fulfill(
        {model::PolicyVersion(), fmt::format("superseded by version {}", policy->version.value())});
    waiting.erase(waiting.begin());
  }
  auto answer = kj::newPromiseAndFulfiller<Outcome>();
  waiting.push_back({policy->version, kj::mv(answer.fulfiller)});
  context.releaseParams();
  context.allowCancellation();
  events_.on_policy(*policy);
  return answer.promise.then([context](const Outcome& outcome) mutable {
    auto results = context.getResults();
    results.setAppliedVersion(outcome.applied.value());
    results.setProblem(ptr(outcome.problem));
  });
}

void ClientCore::answer_policy(model::PolicyVersion version, const std::string& problem) {
  if (connection_.get() == nullptr) return;
  auto& waiting = connection_->policies;
  for (auto& pending : waiting) {
    if (pending.version != version) continue;
    pending.answer->fulfill({problem.empty() ? version : model::PolicyVersion(), problem});
  }
  std::erase_if(waiting, [version](const PendingPolicy& pending) { return pending.version == version; });
}

kj::Promise<void> ClientCore::set_report_interval(SetReportIntervalContext context) {
  const auto params = context.getParams();
  const model::Duration interval = std::chrono::milliseconds(params.getIntervalMs());
  const model::Duration duration = std::chrono::milliseconds(params.getForMs());
  if (interval < kShortestInterval || interval > kLongestInterval || duration > kLongestInterval) {
    return to_exception(
        Error(ErrorCode::kInvalidArgument,
              fmt::format("report interval {} ms for {} ms: want {} ms .. {} ms", params.getIntervalMs(),
                          params.getForMs(), to_ms(kShortestInterval), to_ms(kLongestInterval))));
  }
  events_.on_report_interval(interval, duration);
  return kj::READY_NOW;
}

kj::Promise<void> ClientCore::set_hands_off(SetHandsOffContext context) {
  const auto order = codec::guarded("hands-off", [&]() { return codec::read(context.getParams().getOrder()); });
  if (!order) return to_exception(order.error());
  if (connection_.get() == nullptr) return to_exception(Error(ErrorCode::kUnavailable, "the session has ended"));
  auto answer = wait_in(connection_->hands_off, order->number, fmt::format("superseded by order {}", order->number));
  context.releaseParams();
  context.allowCancellation();
  events_.on_hands_off(*order);
  return answer.then([context](const std::string& problem) mutable { context.getResults().setProblem(ptr(problem)); });
}

void ClientCore::answer_hands_off(std::uint64_t number, const std::string& problem) {
  if (connection_.get() != nullptr) answer_in(connection_->hands_off, number, problem);
}

kj::Promise<void> ClientCore::set_objects(SetObjectsContext context) {
  const auto objects = codec::guarded("objects", [&]() -> model::Result<model::NodeObjects> {
    const auto params = context.getParams();
    const auto bytes = params.totalSize().wordCount * sizeof(capnp::word);
    if (bytes > model::ReportLimits::kMaxWireBytes) {
      return Error(ErrorCode::kMalformed, fmt::format("{} bytes, limit {}", bytes, model::ReportLimits::kMaxWireBytes));
    }
    return codec::read(params.getObjects());
  });
  if (!objects) return to_exception(objects.error());
  if (connection_.get() == nullptr) return to_exception(Error(ErrorCode::kUnavailable, "the session has ended"));
  auto answer = wait_in(connection_->objects, objects->number, fmt::format("superseded by set {}", objects->number));
  context.releaseParams();
  context.allowCancellation();
  events_.on_objects(*objects);
  return answer.then([context](const std::string& problem) mutable { context.getResults().setProblem(ptr(problem)); });
}

void ClientCore::answer_objects(std::uint64_t number, const std::string& problem) {
  if (connection_.get() != nullptr) answer_in(connection_->objects, number, problem);
}

kj::Promise<std::string> ClientCore::wait_in(std::vector<PendingNumber>& waiting, std::uint64_t number,
                                             const std::string& superseded) {
  if (waiting.size() >= kMaxPendingNumbers) {
    waiting.front().answer->fulfill(std::string(superseded));
    waiting.erase(waiting.begin());
  }
  auto answer = kj::newPromiseAndFulfiller<std::string>();
  waiting.push_back({number, kj::mv(answer.fulfiller)});
  return kj::mv(answer.promise);
}

void ClientCore::answer_in(std::vector<PendingNumber>& waiting, std::uint64_t number, const std::string& problem) {
  for (auto& pending : waiting) {
    if (pending.number == number) pending.answer->fulfill(std::string(problem));
  }
  std::erase_if(waiting, [number](const PendingNumber& pending) { return pending.number == number; });
}

void ClientCore::taskFailed(kj::Exception&& exception) {
  log::error("link-task-failed", "{}", exception.getDescription().cStr());
}

}  // namespace tideline::link
