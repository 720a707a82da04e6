#include "node-actor/fleet/state_lock.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace tideline::rehearsal {

using model::Error;
using model::ErrorCode;

model::Result<StateLock> StateLock::take(const std::string& dir) {
  std::error_code problem;
  std::filesystem::create_directories(dir, problem);
  if (problem) return Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be made: {}", dir, problem.message()));
  const std::string file = dir + "/lock";
  constexpr mode_t kOwnerOnly = 0600;
  StateLock lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly));
  if (lock.fd_ < 0) {
    return Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be opened: {}", file, std::strerror(errno)));
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
  const std::string why = errno == EWOULDBLOCK ? "another process holds it" : std::strerror(errno);
  return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", file, why));
}

StateLock::~StateLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace tideline::rehearsal
