// Of ServerCore: the sets of objects that nodes are told.

#include <fmt/format.h>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "messages/link/clocks.h"
#include "messages/link/server_core.h"

namespace tideline::link {
namespace {

constexpr std::size_t kMaxProblemBytes = model::ReportLimits::kMaxTextBytes;

}  // namespace

void ServerCore::push_objects(std::vector<std::pair<SessionId, std::shared_ptr<const model::NodeObjects>>> sets) {
  for (auto& [id, objects] : sets) {
    Session* session = find(id);
    if (session == nullptr || !session->enrolled || !objects) continue;
    session->objects_wanted = std::move(objects);
    queue_objects(*session);
  }
}

void ServerCore::queue_objects(Session& session) {
  // While one is in flight, its answer brings the next to the queue.
  if (session.objects_queued || session.objects_in_flight) return;
  session.objects_queued = true;
  objects_.add(session.id);
}

std::size_t ServerCore::unread_objects() {
  std::size_t bytes = 0;
  for (const SessionId id : with_objects_in_flight_) {
    if (const Session* session = find(id)) bytes += connections_->unread_bytes(session->connection);
  }
  return bytes;
}

bool ServerCore::send_objects(SessionId id) {
  Session* session = find(id);
  if (session == nullptr) return false;
  session->objects_queued = false;
  const auto objects = std::exchange(session->objects_wanted, nullptr);
  const std::uint64_t number = objects->number;
  const auto refuse = [&](const std::string& why) {
    events_.on_objects_ack(id, session->hello.node, number, ("not sent: " + why).substr(0, kMaxProblemBytes));
    return true;
  };
  if (const auto valid = model::validate(*objects); !valid) return refuse(valid.error().message());
  auto request = KJ_ASSERT_NONNULL(session->agent).setObjectsRequest();
  codec::write(*objects, request.initObjects());
  const auto of_report = codec::bytes_in_report(request.getObjects().asReader());
  if (of_report > model::ReportLimits::kMaxPodsWireBytes) {
    return refuse(fmt::format("its {} pods take {} bytes of a report, limit {}", objects->pods.size(), of_report,
                              model::ReportLimits::kMaxPodsWireBytes));
  }
  session->objects_in_flight = true;
  with_objects_in_flight_.insert(id);
  const auto bytes = request.asReader().totalSize().wordCount * sizeof(capnp::word);
  connections_->allow_unread(session->connection, bytes, config_.session.objects_deadline);
  tasks_.add(context_.timer.timeoutAfter(to_kj(config_.session.idle_deadline), request.send().dropPipeline())
                 .then(
                     [this, id, number](capnp::Response<schema::NodeAgent::SetObjectsResults> response) {
                       objects_answered(id, number, codec::str(response.getProblem()).substr(0, kMaxProblemBytes));
                     },
                     [this, id, number](kj::Exception&& exception) {
                       const bool unknown = exception.getType() == kj::Exception::Type::UNIMPLEMENTED;
                       objects_answered(id, number,
                                        unknown ? "the agent is too old to take its pods from the coordinator"
                                                : "no answer: " + error_from(exception).message());
                     }));
  connections_->drop_if_clogged(session->connection);
  return true;
}

void ServerCore::objects_answered(SessionId id, std::uint64_t number, const std::string& problem) {
  with_objects_in_flight_.erase(id);
  Session* session = find(id);
  if (session == nullptr) return;
  session->objects_in_flight = false;
  connections_->allow_unread(session->connection, 0, model::kZeroDuration);
  if (session->objects_wanted) queue_objects(*session);
  events_.on_objects_ack(id, session->hello.node, number, problem);
}

}  // namespace tideline::link
