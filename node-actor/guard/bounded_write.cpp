#include "node-actor/guard/bounded_write.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/process.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::guard {
namespace {

std::optional<std::int64_t> limit_bytes(const std::string& text) {
  constexpr auto kNone = std::numeric_limits<std::int64_t>::max();
  if (kernel::trimmed(text) == "max") return kNone;
  const auto number = kernel::parse_number(text);
  return number && *number < 0 ? std::optional(kNone) : number;
}

/// What the file's group uses; nullopt: not known.
std::optional<std::int64_t> use_beside(const std::string& path) {
  const auto group = path.substr(0, path.rfind('/'));
  for (const auto* name : {"/memory.current", "/memory.usage_in_bytes"}) {
    if (const auto text = kernel::read_value(group + name)) return kernel::parse_number(*text);
  }
  return std::nullopt;
}

/// In the child: nothing but system calls, as other threads' locks stay as they were. 0 or an errno.
int write_by_calls(const char* directory, const char* name, const kernel::FileIdentity& file, const char* value,
                   std::size_t size) {
  const int held = ::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (held < 0) return errno;
  struct stat status {};
  if (::fstat(held, &status) != 0) return errno;
  if (status.st_dev != file.device || status.st_ino != file.inode) return ENOENT;
  const int fd = ::openat(held, name, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (fd < 0) return errno;
  return ::write(fd, value, size) < 0 ? errno : 0;
}

bool ended_within(const kernel::Fd& process, model::Duration patience) {
  pollfd poll_on{process.get(), POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  return ::poll(&poll_on, 1, static_cast<int>(ms)) > 0;
}

}  // namespace

bool may_block(const std::string& path, const std::string& from, const std::string& to) {
  const auto name = std::string_view(path).substr(path.rfind('/') + 1);
  if (name != "memory.limit_in_bytes" && name != "memory.max" && name != "memory.high") return false;
  const auto before = limit_bytes(from);
  const auto after = limit_bytes(to);
  if (!before || !after || *after < *before) return true;
  // What v1 has in force is never below the use.
  if (name == "memory.limit_in_bytes" || *after == std::numeric_limits<std::int64_t>::max()) return false;
  const auto use = use_beside(path);
  return !use || *after < *use;
}

model::Result<void> write_within(const kernel::FileIdentity& file, const std::string& value, model::Duration patience,
                                 model::Duration gone_after_kill) {
  const auto action = fmt::format("write '{}' to {}", value, file.path);
  const auto unable = [&](const std::string& why) {
    return model::Error(model::ErrorCode::kUnavailable, fmt::format("{}: {}", action, why));
  };
  if (patience <= model::kZeroDuration) return unable("no time left for what has to be reclaimed");
  const auto slash = file.path.rfind('/');
  const auto directory = file.path.substr(0, slash);
  const auto name = file.path.substr(slash + 1);
  const int parent = ::getpid();
  const int pid = ::fork();
  if (pid < 0) return unable(fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(ECANCELED);
    ::_exit(write_by_calls(directory.c_str(), name.c_str(), file, value.data(), value.size()));
  }
  const auto process = open_process(pid);
  const bool in_time = process.open() && ended_within(process, patience);
  if (!in_time) {
    ::kill(pid, SIGKILL);
    if (process.open() && !ended_within(process, gone_after_kill)) {
      return unable(fmt::format("process {} does not end on SIGKILL (stuck in the kernel)", pid));
    }
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!WIFEXITED(status)) {
    return unable(fmt::format("ended after {} ms, still reclaiming", model::to_ms(patience)));
  }
  const int error = WEXITSTATUS(status);
  return error == 0 ? model::Result<void>() : kernel::error_from(error, fmt::format("write '{}' to", value), file.path);
}

}  // namespace tideline::guard
