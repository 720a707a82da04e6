#include "node-actor/actor/policy_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "messages/codec/report_bytes.h"
#include "messages/model/report.h"

namespace tideline::node {
namespace {

/// What the link brings in one message is the most that was ever kept.
constexpr std::size_t kMaxPolicyBytes = model::ReportLimits::kMaxWireBytes;

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
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (status.type() == std::filesystem::file_type::not_found) return std::optional<model::NodePolicy>();
  if (problem) return model::Error(model::ErrorCode::kUnavailable, fmt::format("{}: {}", path, problem.message()));
  if (!std::filesystem::is_regular_file(status)) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: not a regular file", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return io_error(path, "open");
  std::string text(kMaxPolicyBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return io_error(path, "read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxPolicyBytes) {
    return model::Error(model::ErrorCode::kMalformed, fmt::format("{}: over {} bytes", path, kMaxPolicyBytes));
  }
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
