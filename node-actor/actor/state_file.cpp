#include "node-actor/actor/state_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace tideline::node {
namespace {

model::Error io_error(const std::string& path, std::string_view what) {
  return {model::ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path, what, std::strerror(errno))};
}

/// Writes all of `bytes` and syncs; false with errno.
bool write_and_sync(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto wrote = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return ::fsync(fd) == 0;
}

}  // namespace

model::Result<std::optional<std::string>> read_state_file(const std::string& path, std::size_t max_bytes) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (status.type() == std::filesystem::file_type::not_found) return std::optional<std::string>();
  if (problem) return model::Error(model::ErrorCode::kUnavailable, fmt::format("{}: {}", path, problem.message()));
  if (!std::filesystem::is_regular_file(status)) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: not a regular file", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return io_error(path, "open");
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return io_error(path, "read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_bytes) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: over {} bytes", path, max_bytes));
  }
  return std::optional(std::move(text));
}

model::Result<void> replace_state_file(const std::string& state_dir, const std::string& name, std::string_view bytes,
                                       unsigned mode) {
  const auto path = state_dir + "/" + name;
  const auto fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return io_error(fresh, "open");
  const bool written = write_and_sync(fd, bytes);
  const int problem = errno;
  ::close(fd);
  if (!written) {
    errno = problem;
    return io_error(fresh, "write");
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return io_error(path, "rename");
  const int dir = ::open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    ::fsync(dir);
    ::close(dir);
  }
  return {};
}

}  // namespace tideline::node
