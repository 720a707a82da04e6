#include "node-actor/actor/policy_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "messages/codec/report_bytes.h"

namespace tideline::node {
namespace {

std::string path_in(const std::string& state_dir) {
  return state_dir + "/policy";
}

model::Error io_error(const std::string& path, std::string_view what) {
  return {model::ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path, what, std::strerror(errno))};
}

/// Writes all of `bytes` and syncs; false with errno.
bool write_and_sync(int fd, const std::vector<std::byte>& bytes) {
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

model::Result<std::optional<model::NodePolicy>> load_policy(const std::string& state_dir) {
  const auto path = path_in(state_dir);
  if (!std::filesystem::exists(path)) return std::optional<model::NodePolicy>();
  std::ifstream in(path, std::ios::binary);
  if (!in) return io_error(path, "open");
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  auto policy = codec::policy_from_bytes(std::as_bytes(std::span(text)));
  if (!policy) return policy.error().in(path);
  return std::optional<model::NodePolicy>(std::move(*policy));
}

model::Result<void> keep_policy(const std::string& state_dir, const model::NodePolicy& policy) {
  const auto path = path_in(state_dir);
  const auto fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return io_error(fresh, "open");
  const bool written = write_and_sync(fd, codec::to_bytes(policy));
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
