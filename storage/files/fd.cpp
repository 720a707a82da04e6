#include "storage/files/fd.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace tideline::files {
namespace {

model::ErrorCode code_of_errno(int problem) {
  switch (problem) {
    case ENOENT:
    case ENOTDIR:
      return model::ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return model::ErrorCode::kPermissionDenied;
    default:
      return model::ErrorCode::kUnavailable;
  }
}

}  // namespace

bool Fd::close() {
  const int mine = std::exchange(number_, -1);
  return mine < 0 || ::close(mine) == 0;
}

model::Error io_error(std::string_view path, std::string_view what) {
  const int problem = errno;
  return {code_of_errno(problem), fmt::format("{}: {}: {}", path, what, std::strerror(problem))};
}

model::Result<std::size_t> read_some(int fd, char* into, std::size_t size, std::string_view name) {
  while (true) {
    const auto got = ::read(fd, into, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return io_error(name, "read");
  }
}

}  // namespace tideline::files
