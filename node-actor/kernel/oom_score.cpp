#include "node-actor/kernel/oom_score.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "node-actor/kernel/child_groups.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

constexpr const char* kScoreFile = "oom_score_adj";
/// Of one list of processes, room for kMostScored of them.
constexpr std::size_t kMostProcsBytes = 1 << 20;

Result<std::string> text_beside(const Fd& directory, const char* name, const std::string& path) {
  const Fd fd(::openat(directory.get(), name, O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, "open", path);
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  do {
    got = ::read(fd.get(), buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return error_from(errno, "read", path);
  return std::string(buffer.data(), static_cast<std::size_t>(got));
}

/// Word `index` of those that follow, from 0.
std::string_view word_at(std::string_view text, int index) {
  std::string_view word;
  for (int i = 0; i <= index; ++i)
    word = next_word(text);
  return word;
}

Result<void> add_processes(const std::string& list, std::vector<int>& pids) {
  const auto text = read_file(list, kMostProcsBytes);
  if (!text) {
    // A group that went meanwhile has none, and of one whose list the kernel does not give it is further up.
    const auto code = text.error().code();
    return code == ErrorCode::kNotFound || code == ErrorCode::kUnsupported ? Result<void>() : text.error();
  }
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto pid = parse_number(next_line(rest));
    // 0: a process that this namespace has no number for.
    if (pid && *pid > 0 && *pid <= INT32_MAX) pids.push_back(static_cast<int>(*pid));
  }
  return {};
}

}  // namespace

Result<OomScore> OomScore::open(const std::string& proc, int pid) {
  OomScore made;
  made.pid_ = pid;
  made.path_ = fmt::format("{}/{}", proc, pid);
  auto held = open_directory(made.path_);
  if (!held) return held.error();
  made.directory_ = std::move(held->fd);
  const auto path = made.path_ + "/stat";
  const auto text = text_beside(made.directory_, "stat", path);
  if (!text) return text.error();
  // The command may hold anything, also ")": fields count from the last one, which ends field 2.
  const auto end = text->rfind(')');
  const auto fields = end == std::string::npos ? std::string_view() : std::string_view(*text).substr(end + 1);
  const auto parent = parse_number(word_at(fields, 1));
  const auto start = word_at(fields, 19);
  const auto [rest, problem] = std::from_chars(start.data(), start.data() + start.size(), made.start_);
  if (!parent || start.empty() || problem != std::errc{} || rest != start.data() + start.size()) {
    return malformed(path, *text);
  }
  made.parent_ = static_cast<int>(*parent);
  return made;
}

Result<int> OomScore::read() const {
  const auto path = fmt::format("{}/{}", path_, kScoreFile);
  const auto text = text_beside(directory_, kScoreFile, path);
  if (!text) return text.error();
  const auto score = parse_number(trimmed(*text));
  if (!score || *score < -1000 || *score > 1000) return malformed(path, *text);
  return static_cast<int>(*score);
}

Result<void> OomScore::write(int score) const {
  const auto path = fmt::format("{}/{}", path_, kScoreFile);
  const auto value = std::to_string(score);
  const auto action = fmt::format("write '{}' to", value);
  const Fd fd(::openat(directory_.get(), kScoreFile, O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, action, path);
  ssize_t put = 0;
  do {
    put = ::write(fd.get(), value.data(), value.size());
  } while (put < 0 && errno == EINTR);
  if (put < 0) return error_from(errno, action, path);
  return {};
}

std::string proc_of_scores(const std::string& proc) {
  struct statfs system {};
  return ::statfs(proc.c_str(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC ? "/proc" : proc;
}

Result<std::vector<int>> processes_below(const CgroupTree& tree, const std::string& group) {
  const auto directory = tree.directory(group, "cgroup.procs");
  if (!directory) return directory.error();
  const auto groups = all_groups_of(*directory);
  if (!groups) return groups.error();
  std::vector<int> pids;
  for (const auto& each : *groups) {
    if (const auto added = add_processes(each + "/cgroup.procs", pids); !added) return added.error();
    if (pids.size() > kMostScored) {
      return Error(ErrorCode::kOverloaded, fmt::format("{}: more than {} processes", *directory, kMostScored));
    }
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

}  // namespace tideline::kernel
