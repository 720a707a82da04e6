#include "node-actor/kernel/fd.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error error_from(int error, std::string_view action, std::string_view path) {
  ErrorCode code = ErrorCode::kUnavailable;
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENOTDIR:
    case ESRCH:
      code = ErrorCode::kNotFound;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = ErrorCode::kPermissionDenied;
      break;
    case EINVAL:
    case ERANGE:
      code = ErrorCode::kInvalidArgument;
      break;
    case EOPNOTSUPP:
      code = ErrorCode::kUnsupported;
      break;
    default:
      break;
  }
  return {code, fmt::format("{} {}: {}", action, path, std::strerror(error))};
}

Result<Directory> open_directory(const std::string& path) {
  Directory directory{.fd = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))};
  if (!directory.fd.open()) return error_from(errno, "open", path);
  struct stat status {};
  if (::fstat(directory.fd.get(), &status) != 0) return error_from(errno, "stat", path);
  directory.device = status.st_dev;
  directory.inode = status.st_ino;
  return directory;
}

Result<std::string_view> KeptFile::read_once(char* buffer, std::size_t size) {
  if (!fd_.open()) {
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_.open()) return error_from(errno, "open", path_);
    in_cgroup_.reset();
  }
  ssize_t got = 0;
  do {
    got = ::pread(fd_.get(), buffer, size, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    const int error = errno;
    fd_.reset();
    return error_from(error, "read", path_);
  }
  return std::string_view(buffer, static_cast<std::size_t>(got));
}

Result<std::string_view> KeptFile::read_start(char* buffer, std::size_t size) {
  const bool was_open = fd_.open();
  auto text = read_once(buffer, size);
  if (!text && text.error().code() == ErrorCode::kNotFound && was_open) text = read_once(buffer, size);
  return text;
}

Result<std::string_view> KeptFile::read(char* buffer, std::size_t size) {
  auto text = read_start(buffer, size);
  if (text && text->size() == size) {
    fd_.reset();
    return Error(ErrorCode::kMalformed, fmt::format("{}: longer than {} bytes", path_, size - 1));
  }
  return text;
}

bool KeptFile::unlinked() {
  if (!fd_.open()) return false;
  if (!in_cgroup_) {
    struct statfs system {};
    in_cgroup_ = ::fstatfs(fd_.get(), &system) == 0 &&
                 (system.f_type == CGROUP_SUPER_MAGIC || system.f_type == CGROUP2_SUPER_MAGIC);
  }
  if (*in_cgroup_) return false;
  struct stat status {};
  return ::fstat(fd_.get(), &status) == 0 && status.st_nlink == 0;
}

Result<std::string_view> KeptFile::read_list(char* buffer, std::size_t size) {
  // One read returns at most what fits a page (seq_file), and less than this only at the end.
  constexpr std::size_t kNearlyPage = 4000;
  const auto first = read(buffer, size);
  if (!first) return first;
  std::size_t filled = first->size();
  std::size_t last = filled;
  while (last >= kNearlyPage) {
    const ssize_t got = ::pread(fd_.get(), buffer + filled, size - filled, static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      fd_.reset();
      return error_from(error, "read", path_);
    }
    last = static_cast<std::size_t>(got);
    filled += last;
    if (filled == size) {
      fd_.reset();
      return Error(ErrorCode::kOverloaded, fmt::format("{}: longer than {} bytes", path_, size - 1));
    }
  }
  return std::string_view(buffer, filled);
}

}  // namespace tideline::kernel
