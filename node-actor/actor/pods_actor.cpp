#include "node-actor/actor/pods_actor.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "messages/log/log.h"

namespace tideline::node {
namespace {

constexpr auto kLookInterval = std::chrono::seconds(1);
constexpr std::int64_t kMaxFileBytes = 4 << 20;
constexpr std::size_t kMaxProblemsTold = 20;  // of one reading

}  // namespace

model::Result<PodsFile> read_pods_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return model::Error(errno == ENOENT ? model::ErrorCode::kNotFound : model::ErrorCode::kPermissionDenied,
                        fmt::format("pods file {}: {}", path, std::strerror(errno)));
  }
  // A pipe would block whoever opens it.
  if (!S_ISREG(info.st_mode)) {
    return model::Error(model::ErrorCode::kInvalidArgument, fmt::format("pods file {}: not a regular file", path));
  }
  if (info.st_size > kMaxFileBytes) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("pods file {}: {} bytes, limit {}", path, info.st_size, kMaxFileBytes));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return model::Error(model::ErrorCode::kPermissionDenied,
                        fmt::format("pods file {}: {}", path, std::strerror(errno)));
  }
  std::string text(static_cast<std::size_t>(info.st_size) + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) {
    return model::Error(model::ErrorCode::kUnavailable, fmt::format("pods file {}: {}", path, std::strerror(errno)));
  }
  if (in.gcount() > info.st_size) {
    return model::Error(model::ErrorCode::kUnavailable, fmt::format("pods file {}: grows while it is read", path));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_pods_file(text, path);
}

PodsActor::PodsActor(caf::actor_config& config, std::string path, caf::actor tick)
    : caf::event_based_actor(config), path_(std::move(path)), tick_(std::move(tick)) {}

caf::behavior PodsActor::make_behavior() {
  look();
  delayed_send(this, kLookInterval, PodsTick{});
  return {
      [this](const PodsTick&) {
        look();
        delayed_send(this, kLookInterval, PodsTick{});
      },
  };
}

void PodsActor::look() {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    trouble(fmt::format("{}: {}; the last pods stay", path_, std::strerror(errno)));
    seen_.reset();
    return;
  }
  const Stamp stamp{info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec, info.st_ino, info.st_size};
  if (seen_ == stamp) return;
  seen_ = stamp;
  auto file = read_pods_file(path_);
  if (!file) {
    trouble(file.error().message() + "; the last good pods stay");
    return;
  }
  last_trouble_.clear();
  log::info("pods-loaded", "{}: {} pods", path_, file->pods.size());
  tell(*file);
  send(tick_, PodsChanged{std::make_shared<const std::vector<model::Pod>>(std::move(file->pods))});
}

void PodsActor::tell(const PodsFile& file) {
  std::size_t told = 0;
  for (const auto& problem : file.problems) {
    // A tool may write the file anew each second.
    if (std::find(told_problems_.begin(), told_problems_.end(), problem) != told_problems_.end()) continue;
    if (++told > kMaxProblemsTold) {
      log::warn("pod-metadata", "{}: more labels and annotations cannot be used; they are not told", path_);
      break;
    }
    log::warn("pod-metadata", "{}: {}", path_, text_of(problem));
  }
  told_problems_ = file.problems;
}

void PodsActor::trouble(const std::string& what) {
  if (what == last_trouble_) return;
  last_trouble_ = what;
  log::error("pods-file", "{}", what);
}

}  // namespace tideline::node
