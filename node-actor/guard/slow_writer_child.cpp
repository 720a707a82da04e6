// The slow writer's process: what it does with an order, and when it ends.

#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node-actor/guard/lease.h"
#include "node-actor/guard/reclaim.h"
#include "node-actor/guard/slow_wire.h"
#include "node-actor/guard/slow_writer.h"
#include "node-actor/kernel/clock.h"

namespace tideline::guard {
namespace {

/// False: whoever made the socket is not there any more, and nobody would end this process.
bool follow_maker(int socket) {
  ucred maker{};
  socklen_t size = sizeof maker;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &maker, &size) != 0) return false;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == maker.pid;
}

SlowAnswer carry_out(const SlowOrder& order, const model::Result<Lease>& lease) {
  SlowAnswer answer;
  answer.number = order.number;
  const auto begun = kernel::monotonic_now();
  const auto& request = order.request;
  const auto may_write = [&] { return lease.ok() && lease->still_mine(); };
  if (!lease) {
    answer.result = lease.error();
  } else if (!may_write()) {
    answer.result = model::Error(model::ErrorCode::kFenced,
                                 fmt::format("{} not written: epoch {} is over, another owner took the lease",
                                             request.file.path, lease->epoch()));
  } else if (request.kind == SlowRequest::Kind::kWrite) {
    answer.result = kernel::write_identified(request.file, request.value);
  } else if (request.kind == SlowRequest::Kind::kLower) {
    auto done = lower_v1(request.file, request.value, may_write);
    answer.result = std::move(done.result);
    answer.freed_bytes = done.freed_bytes;
  } else {
    const bool v1 = request.file.path.ends_with("/memory.limit_in_bytes");
    auto done =
        v1 ? reclaim_v1(request.file, request.value, may_write) : reclaim_v2(request.file, request.bytes, may_write);
    answer.result = std::move(done.result);
    answer.freed_bytes = done.freed_bytes;
  }
  answer.took = kernel::monotonic_now() - begun;
  return answer;
}

}  // namespace

int run_slow_writer(int socket, const std::string& state_dir, std::uint64_t epoch) {
  if (!follow_maker(socket)) return kSlowWriterUsage;
  const auto lease = Lease::join(state_dir, epoch);
  std::array<char, kMostSlowMessage> buffer;
  for (;;) {
    const auto got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return 1;
    if (got == 0) return 0;
    const auto order = slow_order({buffer.data(), static_cast<std::size_t>(got)});
    if (!order) return 1;
    const auto answer = slow_bytes(carry_out(*order, lease));
    if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return errno == EPIPE ? 0 : 1;
  }
}

}  // namespace tideline::guard
