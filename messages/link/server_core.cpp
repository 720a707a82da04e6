#include "messages/link/server_core.h"

#include <algorithm>

#include <fmt/format.h>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "messages/link/clocks.h"
#include "messages/link/session_claim.h"

namespace tideline::link {
namespace {

using codec::str;
using model::Error;
using model::ErrorCode;

constexpr kj::Duration kFlushEvery = 5 * kj::MILLISECONDS;
constexpr std::size_t kFlushAt = 256;
constexpr std::int64_t kRefusalEveryNs = 100'000'000;
constexpr std::size_t kMaxTextBytes = model::ReportLimits::kMaxTextBytes;
/// Of the answer to a report. Not told, Cap'n Proto takes and zeroes 8 KiB for each.
constexpr capnp::MessageSize kAckSize{24, 0};
/// For the last answers to leave before their connections end.
constexpr kj::Duration kLastAnswers = 10 * kj::MILLISECONDS;

/// Often enough to keep the deadlines within a quarter, never more than once a second unless a deadline is shorter.
kj::Duration sweep_period(const SessionLimits& limits) {
  const auto shortest = std::min(limits.enroll_deadline, limits.idle_deadline) / 4;
  return to_kj(std::clamp<model::Duration>(shortest, std::chrono::milliseconds(10), std::chrono::seconds(1)));
}

Error stopping() {
  return {ErrorCode::kUnavailable, "the server stops"};
}

/// A call that was queued when the server was taken down still comes in.
kj::Exception taken_down() {
  return KJ_EXCEPTION(DISCONNECTED, "the server was taken down");
}

class NodeSessionServer final : public schema::NodeSession::Server {
 public:
  NodeSessionServer(std::shared_ptr<ServerCore*> core, SessionId id) : core_(std::move(core)), id_(id) {}
  kj::Promise<void> report(ReportContext context) override {
    return *core_ ? (*core_)->report(id_, context) : kj::Promise<void>(taken_down());
  }
  kj::Promise<void> heartbeat(HeartbeatContext context) override {
    return *core_ ? (*core_)->heartbeat(id_, context) : kj::Promise<void>(taken_down());
  }
  kj::Promise<void> evict(EvictContext context) override {
    return *core_ ? (*core_)->evict(id_, context) : kj::Promise<void>(taken_down());
  }

 private:
  const std::shared_ptr<ServerCore*> core_;
  const SessionId id_;
};

class CoordinatorServer final : public schema::Coordinator::Server {
 public:
  CoordinatorServer(std::shared_ptr<ServerCore*> core, SessionId id) : core_(std::move(core)), id_(id) {}
  kj::Promise<void> enroll(EnrollContext context) override {
    return *core_ ? (*core_)->enroll(id_, context) : kj::Promise<void>(taken_down());
  }

 private:
  const std::shared_ptr<ServerCore*> core_;
  const SessionId id_;
};

}  // namespace

ServerCore::ServerCore(KjContext& context, const NodeServerConfig& config, NodeServerEvents& events, LinkCounts& counts)
    : context_(context),
      config_(config),
      events_(events),
      counts_(counts),
      sweep_every_(sweep_period(config.session)),
      last_sweep_(context.timer.now()),
      last_reload_(context.timer.now()),
      // Before they are read: a change between the two is then seen as one.
      files_({config.tls.certificate, config.tls.key, config.tls.ca}),
      denied_file_({config.denied_names_file}),
      pace_(config.session.enroll_burst, config.session.enroll_every),
      lag_(context),
      connections_(RpcConnections::create(context, config.rpc, config.term)),
      policies_(
          context, lag_, {config.session.policy_slice, config.session.policy_slice_every, config.session.policy_round},
          [this](SessionId id) { return send_policy(id); }, []() { return true; }),
      objects_(
          context, lag_, {config.session.objects_slice, config.session.policy_slice_every, config.session.policy_round},
          [this](SessionId id) { return send_objects(id); },
          [this]() { return unread_objects() <= config_.session.max_unread_objects; }),
      tasks_(*this) {}

ServerCore::~ServerCore() noexcept(false) {
  *self_ = nullptr;
}

model::Result<std::uint16_t> ServerCore::listen() {
  auto denied = DenyList::load(config_.denied_names_file);
  if (!denied) return denied.error();
  denied_ = *std::move(denied);
  const auto material = load(config_.tls, TlsUse::kServer);
  if (!material) return material.error();
  note_certificate(*material);
  auto listener = TlsListener::listen(
      context_, config_.listen, *material, config_.accept, [this](TlsStream stream) { accept(kj::mv(stream)); },
      [this](const std::string& peer, const Error& why) { refused(peer, why); });
  if (!listener) return listener.error();
  listener_ = *std::move(listener);
  sweep(sweep_every_);
  return listener_->port();
}

void ServerCore::accept(TlsStream stream) {
  const SessionId id(++last_session_);
  Session session;
  session.id = id;
  session.peer = stream.peer;
  session.serial = stream.certificate.serial;
  session.not_after = stream.certificate.not_after;
  // A certificate that speaks for no node is told so when it tries to enrol, which it must do soon anyway.
  session.proved = node_of(stream.certificate);
  session.since = session.last_heard = context_.timer.now();
  session.lifetime = draw_lifetime(session.not_after);
  session.connection = connections_->add(kj::mv(stream.stream), kj::heap<CoordinatorServer>(self_, id),
                                         [this, id](const std::string& why) { end(id, why); });
  sessions_.emplace(id, kj::mv(session));
}

void ServerCore::refused(const std::string& peer, const Error& why) {
  ++counts_.refused;
  auto& rate = refusal_rates_.try_emplace(why.code(), kRefusalEveryNs).first->second;
  if (const auto held = rate.admit(mono_now().ns)) events_.on_peer_refused(peer, why, *held);
}

ServerCore::Session* ServerCore::find(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

ServerCore::Session& ServerCore::heard(SessionId id) {
  Session* session = find(id);
  if (session == nullptr || connections_->drop_if_clogged(session->connection)) {
    kj::throwFatalException(to_exception(Error(ErrorCode::kUnavailable, "the session has ended")));
  }
  session->last_heard = context_.timer.now();
  return *session;
}

void ServerCore::reject(Session& session, Error why) {
  ++counts_.rejected;
  if (++session.rejections >= config_.session.max_rejections) {
    end(session.id, fmt::format("{} calls rejected, the last one: {}", session.rejections, why.message()));
  }
  kj::throwFatalException(to_exception(why));
}

void ServerCore::expel(Session& session, Error why) {
  const SessionId id = session.id;
  end(id, why.message());
  kj::throwFatalException(to_exception(why));
}

kj::Promise<void> ServerCore::enroll(SessionId id, EnrollContext context) {
  Session& session = heard(id);
  if (session.enrolled) reject(session, Error(ErrorCode::kInvalidArgument, "this connection is enrolled already"));
  if (draining_) expel(session, stopping());
  const auto params = context.getParams();
  const auto in = params.getHello();
  if (in.getNode().size() > kMaxTextBytes || in.getAgentVersion().size() > kMaxTextBytes) {
    expel(session, Error(ErrorCode::kMalformed, fmt::format("hello holds a text of over {} bytes", kMaxTextBytes)));
  }
  const Hello hello{.node = model::NodeName(str(in.getNode())),
                    .incarnation = model::Incarnation(in.getIncarnation()),
                    .protocol = in.getProtocol(),
                    .agent_version = str(in.getAgentVersion()),
                    .mono = model::MonoTime{in.getMonoNs()},
                    .wall = model::WallTime{in.getWallMs()}};
  if (!session.proved) expel(session, session.proved.error());
  if (hello.node != *session.proved) {
    expel(session,
          Error(ErrorCode::kPermissionDenied, fmt::format("the hello names node '{}', certificate {} speaks for '{}'",
                                                          hello.node.str(), session.serial, session.proved->str())));
  }
  if (denied_.denies(hello.node)) {
    expel(session, Error(ErrorCode::kPermissionDenied, fmt::format("node '{}' is among the denied names in {}",
                                                                   hello.node.str(), config_.denied_names_file)));
  }
  if (hello.protocol != kProtocolVersion) {
    expel(session, Error(ErrorCode::kUnsupported, fmt::format("node '{}' speaks link protocol {}, this server {}",
                                                              hello.node.str(), hello.protocol, kProtocolVersion)));
  }
  if (!params.hasAgent()) expel(session, Error(ErrorCode::kMalformed, "the hello brings no agent"));
  if (auto room = make_room_for(hello); !room) expel(session, room.error());
  const auto answer = config_.enroll(hello);
  if (!answer) expel(session, answer.error());

  session.enrolled = true;
  session.hello = hello;
  session.agent = params.getAgent();
  by_node_[hello.node] = id;
  ++counts_.sessions;
  ++counts_.opened;
  auto welcome = context.getResults().initWelcome();
  welcome.setSession(kj::heap<NodeSessionServer>(self_, id));
  welcome.setProtocol(kProtocolVersion);
  welcome.setEpoch(answer->epoch.value());
  welcome.setHeartbeatMs(static_cast<std::uint32_t>(to_ms(config_.session.heartbeat)));
  welcome.setDeadlineMs(static_cast<std::uint32_t>(to_ms(config_.session.idle_deadline)));
  welcome.setAckedThrough(answer->acked_through.value());
  welcome.setKeepsPods(true);
  events_.on_enrolled(
      {.id = id, .hello = hello, .peer = session.peer, .certificate_serial = session.serial, .enrolled = mono_now()});
  return kj::READY_NOW;
}

model::Result<void> ServerCore::make_room_for(const Hello& hello) {
  const auto found = by_node_.find(hello.node);
  const Session* old = found == by_node_.end() ? nullptr : find(found->second);
  if (old != nullptr) {
    const model::Duration silent((context_.timer.now() - old->last_heard) / kj::NANOSECONDS);
    // Its connection may have ended, and wait to be taken down.
    const bool is_there = !connections_->drop_if_clogged(old->connection);
    if (is_there && keeps_place(old->hello.incarnation, silent, hello.incarnation, config_.session.heartbeat)) {
      return Error(ErrorCode::kUnavailable,
                   fmt::format("another agent runs as node '{}': incarnation {} at {} was heard from {} ms ago",
                               hello.node.str(), old->hello.incarnation.value(), old->peer, to_ms(silent)));
    }
  }
  // Only now: a second agent must not use up what the one in place may need.
  if (!pace_.admit(hello.node, mono_now())) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("node '{}' opens sessions too often: {} at once, and then one each {} ms",
                             hello.node.str(), config_.session.enroll_burst, to_ms(config_.session.enroll_every)));
  }
  if (old != nullptr) end(old->id, "a newer connection of the same node took over");
  return {};
}

std::uint64_t ServerCore::draw_pod_list() {
  // History holds lists of earlier sessions, and of those before a restart.
  std::uint64_t list = 0;
  while (list == 0)
    list = random_();
  return list;
}

kj::Promise<void> ServerCore::report(SessionId id, ReportContext context) {
  Session& session = heard(id);
  if (draining_) kj::throwFatalException(to_exception(stopping()));
  if (session.waiting.size() >= config_.session.max_outstanding_reports) {
    reject(session, Error(ErrorCode::kOverloaded, fmt::format("{} reports of this session are not acked yet, the limit",
                                                              session.waiting.size())));
  }
  auto read = session.reports.read(context.getParams(), [this]() { return draw_pod_list(); });
  if (!read) reject(session, read.error());
  const auto& report = *read->report;
  if (report.node != session.hello.node || report.incarnation != session.hello.incarnation) {
    expel(session, Error(ErrorCode::kPermissionDenied,
                         fmt::format("node '{}' incarnation {} sent a report as node '{}' incarnation {}",
                                     session.hello.node.str(), session.hello.incarnation.value(), report.node.str(),
                                     report.incarnation.value())));
  }
  ++counts_.reports;
  context.releaseParams();
  context.allowCancellation();
  const model::Seq seq = report.seq;
  const Ticket ticket{.session = id, .seq = seq, .slot = ++last_slot_};
  auto answer = kj::newPromiseAndFulfiller<void>();
  session.waiting.emplace(ticket.slot, Waiting{seq, kj::mv(answer.fulfiller)});
  ++unanswered_;
  arrived_.push_back({.ticket = ticket,
                      .report = std::move(read->report),
                      .mono = mono_now(),
                      .wall = wall_now(),
                      .bytes = std::move(read->bytes),
                      .pods_left_out = read->pods_left_out});
  if (arrived_.size() >= kFlushAt) {
    flush_reports();
  } else if (!flush_planned_) {
    flush_planned_ = true;
    tasks_.add(context_.timer.afterDelay(kFlushEvery).then([this]() {
      flush_planned_ = false;
      flush_reports();
    }));
  }
  return answer.promise.then([core = self_, id, context, seq]() mutable {
    auto results = context.getResults(kAckSize);
    results.setSeq(seq.value());
    const Session* open = *core ? (*core)->find(id) : nullptr;
    if (open == nullptr || !open->batch) return;
    const model::Duration age = std::max(mono_now() - open->batch->data_from, model::kZeroDuration);
    codec::write(model::BatchAllocatable{open->batch->cpu, age, open->batch->memory}, results.initBatch());
  });
}

kj::Promise<void> ServerCore::heartbeat(SessionId id, HeartbeatContext context) {
  heard(id);
  const auto params = context.getParams();
  events_.on_heartbeat(id, model::MonoTime{params.getMonoNs()}, model::WallTime{params.getWallMs()});
  return kj::READY_NOW;
}

kj::Promise<void> ServerCore::evict(SessionId id, EvictContext context) {
  Session& session = heard(id);
  if (session.eviction_ask) {
    reject(session, Error(ErrorCode::kOverloaded, "an eviction ask of this session is not answered yet"));
  }
  auto read = codec::guarded("eviction ask", [&]() { return codec::read(context.getParams().getAsk()); });
  if (!read) reject(session, read.error());
  context.releaseParams();
  context.allowCancellation();
  auto answer = kj::newPromiseAndFulfiller<model::EvictionAnswer>();
  session.eviction_ask = Session::WaitingAsk{++last_slot_, kj::mv(answer.fulfiller)};
  events_.on_eviction_ask(
      {.ticket = {id, session.eviction_ask->slot}, .node = session.hello.node, .ask = *std::move(read)});
  return answer.promise.then([context](const model::EvictionAnswer& verdicts) mutable {
    codec::write(verdicts, context.getResults().initAnswer());
  });
}

void ServerCore::answer_evictions(const EvictionTicket& ticket, const model::EvictionAnswer& answer) {
  Session* session = find(ticket.session);
  if (session == nullptr || !session->eviction_ask || session->eviction_ask->slot != ticket.slot) return;
  std::exchange(session->eviction_ask, std::nullopt)->answer->fulfill(model::EvictionAnswer(answer));
}

void ServerCore::refuse_evictions(const EvictionTicket& ticket, const Error& why) {
  Session* session = find(ticket.session);
  if (session == nullptr || !session->eviction_ask || session->eviction_ask->slot != ticket.slot) return;
  std::exchange(session->eviction_ask, std::nullopt)->answer->reject(to_exception(why));
}

void ServerCore::set_batch(const std::vector<std::pair<SessionId, BatchAccount>>& accounts) {
  for (const auto& [id, account] : accounts) {
    if (Session* session = find(id)) session->batch = account;
  }
}

void ServerCore::flush_reports() {
  if (arrived_.empty()) return;
  events_.on_reports(std::exchange(arrived_, {}));
}

kj::Own<kj::PromiseFulfiller<void>> ServerCore::take_waiting(const Ticket& ticket) {
  Session* session = find(ticket.session);
  if (session == nullptr) return {};
  auto node = session->waiting.extract(ticket.slot);
  if (node.empty()) return {};
  --unanswered_;
  return kj::mv(node.mapped().answer);
}

void ServerCore::acknowledge(const std::vector<Ticket>& tickets) {
  for (const Ticket& ticket : tickets) {
    if (auto answer = take_waiting(ticket); answer.get() != nullptr) answer->fulfill();
  }
  tell_when_drained();
}

void ServerCore::refuse(const Ticket& ticket, const Error& why) {
  if (auto answer = take_waiting(ticket); answer.get() != nullptr) answer->reject(to_exception(why));
  tell_when_drained();
}

void ServerCore::push_policy(std::vector<std::pair<SessionId, model::NodePolicy>> policies) {
  for (auto& [id, policy] : policies) {
    Session* session = find(id);
    if (session == nullptr || !session->enrolled) continue;
    session->policy_wanted = std::move(policy);
    queue_policy(*session);
  }
}

void ServerCore::queue_policy(Session& session) {
  // While one is in flight, its answer brings the next to the queue.
  if (session.policy_queued || session.policy_in_flight) return;
  session.policy_queued = true;
  policies_.add(session.id);
}

bool ServerCore::send_policy(SessionId id) {
  Session* session = find(id);
  if (session == nullptr) return false;
  session->policy_queued = false;
  const model::NodePolicy policy = *std::exchange(session->policy_wanted, std::nullopt);
  session->policy_in_flight = true;
  auto request = KJ_ASSERT_NONNULL(session->agent).setPolicyRequest();
  codec::write(policy, request.initPolicy());
  const model::PolicyVersion version = policy.version;
  tasks_.add(context_.timer.timeoutAfter(to_kj(config_.session.idle_deadline), request.send().dropPipeline())
                 .then(
                     [this, id, version](capnp::Response<schema::NodeAgent::SetPolicyResults> response) {
                       std::string problem = str(response.getProblem()).substr(0, kMaxTextBytes);
                       if (problem.empty() && response.getAppliedVersion() != version.value()) {
                         problem = fmt::format("the node says it applies version {}", response.getAppliedVersion());
                       }
                       policy_answered(id, version, problem);
                     },
                     [this, id, version](kj::Exception&& exception) {
                       policy_answered(id, version, "no answer: " + error_from(exception).message());
                     }));
  connections_->drop_if_clogged(session->connection);
  return true;
}

void ServerCore::policy_answered(SessionId id, model::PolicyVersion version, const std::string& problem) {
  Session* session = find(id);
  if (session == nullptr) return;
  session->policy_in_flight = false;
  if (session->policy_wanted) queue_policy(*session);
  events_.on_policy_ack(id, session->hello.node, version, problem);
}

void ServerCore::push_hands_off(SessionId id, model::HandsOffOrder order) {
  Session* session = find(id);
  if (session == nullptr || !session->enrolled) return;
  session->hands_off_wanted = std::move(order);
  if (!session->hands_off_in_flight) send_hands_off(*session);
}

void ServerCore::send_hands_off(Session& session) {
  const SessionId id = session.id;
  const model::HandsOffOrder order = *std::exchange(session.hands_off_wanted, std::nullopt);
  session.hands_off_in_flight = true;
  auto request = KJ_ASSERT_NONNULL(session.agent).setHandsOffRequest();
  codec::write(order, request.initOrder());
  tasks_.add(
      context_.timer.timeoutAfter(to_kj(config_.session.idle_deadline), request.send().dropPipeline())
          .then(
              [this, id, number = order.number](capnp::Response<schema::NodeAgent::SetHandsOffResults> response) {
                hands_off_answered(id, number, str(response.getProblem()).substr(0, kMaxTextBytes));
              },
              [this, id, number = order.number](kj::Exception&& exception) {
                const bool unknown = exception.getType() == kj::Exception::Type::UNIMPLEMENTED;
                hands_off_answered(id, number,
                                   unknown ? "the agent is too old to keep its hands off"
                                           : "no answer: " + error_from(exception).message());
              }));
  connections_->drop_if_clogged(session.connection);
}

void ServerCore::hands_off_answered(SessionId id, std::uint64_t number, const std::string& problem) {
  Session* session = find(id);
  if (session == nullptr) return;
  session->hands_off_in_flight = false;
  const model::NodeName node = session->hello.node;
  if (session->hands_off_wanted) send_hands_off(*session);
  events_.on_hands_off_ack(id, node, number, problem);
}

void ServerCore::set_report_interval(SessionId id, model::Duration interval, model::Duration duration) {
  Session* session = find(id);
  if (session == nullptr || !session->enrolled || connections_->drop_if_clogged(session->connection)) return;
  auto request = KJ_ASSERT_NONNULL(session->agent).setReportIntervalRequest();
  request.setIntervalMs(static_cast<std::uint32_t>(to_ms(interval)));
  request.setForMs(static_cast<std::uint32_t>(to_ms(duration)));
  tasks_.add(request.send().ignoreResult().catch_([node = session->hello.node](kj::Exception&& exception) {
    log::debug("report-interval-refused", "node {}: {}", node.str(), error_from(exception).message());
  }));
}

void ServerCore::end(SessionId id, const std::string& why) {
  auto node = sessions_.extract(id);
  if (node.empty()) return;
  Session session = kj::mv(node.mapped());
  for (auto& [slot, waiting] : session.waiting)
    waiting.answer->reject(to_exception(Error(ErrorCode::kUnavailable, why)));
  unanswered_ -= session.waiting.size();
  tell_when_drained();
  if (session.eviction_ask) session.eviction_ask->answer->reject(to_exception(Error(ErrorCode::kUnavailable, why)));
  connections_->close(session.connection, why);
  if (!session.enrolled) {
    refused(session.peer,
            session.proved ? Error(ErrorCode::kPermissionDenied, "not enrolled: " + why) : session.proved.error());
    return;
  }
  if (const auto found = by_node_.find(session.hello.node); found != by_node_.end() && found->second == id) {
    by_node_.erase(found);
  }
  --counts_.sessions;
  flush_reports();
  events_.on_closed(id, session.hello.node, why);
}

void ServerCore::end_all(const std::string& why) {
  while (!sessions_.empty())
    end(sessions_.begin()->first, why);
}

void ServerCore::drain(kj::Function<void()> drained) {
  draining_ = true;
  listener_ = nullptr;
  flush_reports();
  drained_ = kj::mv(drained);
  tell_when_drained();
}

void ServerCore::tell_when_drained() {
  if (unanswered_ > 0) return;
  KJ_IF_MAYBE (drained, drained_) {
    tasks_.add(context_.timer.afterDelay(kLastAnswers).then([tell = kj::mv(*drained)]() mutable { tell(); }));
    drained_ = nullptr;
  }
}

void ServerCore::taskFailed(kj::Exception&& exception) {
  log::error("link-task-failed", "{}", exception.getDescription().cStr());
}

}  // namespace tideline::link
