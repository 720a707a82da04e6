#include "messages/link/small_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace tideline::link {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

}  // namespace

model::Result<std::string> read_small_file(const std::string& what, const std::string& path) {
  const auto failed = [&](int why) {
    const auto code = why == ENOENT                   ? model::ErrorCode::kNotFound
                      : why == EACCES || why == EPERM ? model::ErrorCode::kPermissionDenied
                                                      : model::ErrorCode::kInvalidArgument;
    return model::Error(code, fmt::format("{} {}: {}", what, path, std::strerror(why)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(errno);
  std::string text;
  char buffer[16 * 1024];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMaxFileBytes) {
      ::close(fd);
      return model::invalid(fmt::format("{} {}: larger than {} bytes", what, path, kMaxFileBytes));
    }
  }
  const int why = errno;
  ::close(fd);
  if (got < 0) return failed(why);
  return text;
}

}  // namespace tideline::link
