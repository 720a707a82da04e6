#include "node-actor/kernel/pod_kill.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

/// Pidfds held at a time, well below the usual limit of open files.
constexpr std::size_t kBatch = 128;
/// A forking group may be read anew this often in one step.
constexpr int kKillPasses = 3;
constexpr std::size_t kMaxProcsBytes = 1 << 20;
constexpr const char* kProcs = "cgroup.procs";

/// Ascending. An empty list where the kernel lists the processes further up (threaded groups of v2).
Result<std::vector<int>> read_pids(int directory, const std::string& path) {
  const Fd fd(::openat(directory, kProcs, O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, "open cgroup.procs of", path);
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kMaxProcsBytes) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EOPNOTSUPP) return std::vector<int>{};
    if (got < 0) return error_from(errno, "read cgroup.procs of", path);
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  std::vector<int> pids;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto pid = parse_number(next_line(rest));
    if (pid && *pid >= 0 && *pid <= INT32_MAX) pids.push_back(static_cast<int>(*pid));
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Result<std::vector<std::string>> names_below(int directory, const std::string& path) {
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return error_from(errno, "list", path);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), [](DIR* open) { return ::closedir(open); });
  if (stream == nullptr) {
    auto problem = error_from(errno, "list", path);
    ::close(copy);
    return problem;
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    errno = 0;
  }
  if (errno != 0) return error_from(errno, "list", path);
  return names;
}

/// Whether a process is in the group or in one below it; nullopt: the kernel does not say, as v1 does not.
std::optional<bool> is_populated(int directory) {
  const Fd fd(::openat(directory, "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return std::nullopt;
  std::array<char, 256> buffer;
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got <= 0) return std::nullopt;
  const auto populated = parse_keyed({buffer.data(), static_cast<std::size_t>(got)}, "populated");
  return populated ? std::optional(*populated != 0) : std::nullopt;
}

bool is_vanished(const Error& error) {
  return error.code() == ErrorCode::kNotFound;
}

Result<void> put(int directory, const char* file, const char* value, const std::string& path) {
  const auto action = fmt::format("write '{}' to {} of", value, file);
  const Fd fd(::openat(directory, file, O_WRONLY | O_CLOEXEC));
  if (!fd.open()) return error_from(errno, action, path);
  const std::string_view text = value;
  if (::write(fd.get(), text.data(), text.size()) < 0) return error_from(errno, action, path);
  return {};
}

bool holds(const std::vector<int>& pids, int pid) {
  return std::binary_search(pids.begin(), pids.end(), pid);
}

}  // namespace

std::string_view name_of(PodKillProgress::Phase phase) {
  switch (phase) {
    case PodKillProgress::Phase::kTerminating:
      return "terminating";
    case PodKillProgress::Phase::kKilling:
      return "killing";
    case PodKillProgress::Phase::kDone:
      return "done";
  }
  return "unknown";
}

Result<PodKillPlace> pod_kill_place(const CgroupTree& tree, const model::Pod& pod) {
  const auto group = tree.pod_group(pod);
  auto directory = tree.directory(group, kProcs);
  if (!directory) return directory.error();
  const auto there = open_directory(*directory);
  if (!there) return there.error();
  PodKillPlace place{
      .directory = std::move(*directory), .freezer_directory = {}, .device = there->device, .inode = there->inode};
  const auto freezer = tree.directory(group, "freezer.state");
  if (!tree.is_unified(kProcs) && freezer && ::access(freezer->c_str(), F_OK) == 0) place.freezer_directory = *freezer;
  return place;
}

Result<PodKill::Groups> PodKill::look(const Directory& root, const std::string& path) {
  Groups found;
  auto& groups = found.all;
  std::vector<int> depths = {0};
  groups.push_back({Fd(::openat(root.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), {}});
  if (!groups[0].directory.open()) return error_from(errno, "open", path);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const int directory = groups[i].directory.get();
    auto pids = read_pids(directory, path);
    if (!pids && (i == 0 || !is_vanished(pids.error()))) return pids.error();
    if (pids) groups[i].pids = std::move(*pids);
    const auto names = names_below(directory, path);
    if (!names && !is_vanished(names.error())) return names.error();
    if (!names) continue;
    for (const auto& name : *names) {
      if (groups.size() == kMaxPodGroups || depths[i] == kMaxPodDepth) {
        found.complete = false;
        break;
      }
      Fd below(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
      if (!below.open()) {
        const auto problem = error_from(errno, "open", path + ": " + name);
        if (!is_vanished(problem)) return problem;
        continue;
      }
      groups.push_back({std::move(below), {}});
      depths.push_back(depths[i] + 1);
    }
  }
  return found;
}

int PodKill::agent_in(const std::vector<Group>& groups) {
  const int parent = ::getppid();
  for (const auto& group : groups) {
    for (const int own : {static_cast<int>(::getpid()), parent}) {
      if (own > 0 && holds(group.pids, own)) return own;
    }
  }
  return 0;
}

Result<bool> PodKill::holds_agent(const PodKillPlace& place) {
  const auto root = open_directory(place.directory);
  if (!root) return root.error();
  const auto groups = look(*root, place.directory);
  if (!groups) return groups.error();
  return agent_in(groups->all) != 0;
}

Result<PodKill::Groups> PodKill::look_at_others(const Directory& root, const std::string& path) {
  auto groups = look(root, path);
  if (!groups) return groups;
  if (const int own = agent_in(groups->all); own != 0) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: this agent is in it, with pid {}", path, own));
  }
  return groups;
}

void PodKill::fail(const Error& error) {
  ++progress_.failures;
  progress_.last_failure = error.message();
}

void PodKill::signal(const std::vector<Group>& groups, const std::vector<int>& spared, int number,
                     std::uint64_t& sent) {
  std::size_t tried = 0;
  for (const auto& group : groups) {
    for (std::size_t first = 0; first < group.pids.size() && tried < kMaxSignalsPerStep; first += kBatch) {
      std::vector<std::pair<int, Fd>> held;
      for (std::size_t i = first; i < std::min(first + kBatch, group.pids.size()); ++i) {
        const int pid = group.pids[i];
        if (holds(spared, pid)) continue;
        if (pid <= 1) {
          // 0 stands for a process of another pid namespace, which has no number here.
          fail(Error(ErrorCode::kUnsupported, fmt::format("{}: no signal to pid {}", place_.directory, pid)));
          continue;
        }
        Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (process.open()) {
          held.emplace_back(pid, std::move(process));
        } else if (errno != ESRCH) {
          fail(error_from(errno, "pidfd_open", std::to_string(pid)));
        }
      }
      const auto still = read_pids(group.directory.get(), place_.directory);
      if (!still) continue;
      for (const auto& [pid, process] : held) {
        if (!holds(*still, pid)) continue;
        ++tried;
        if (::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0) {
          ++sent;
          if (number == SIGTERM) termed_.push_back(pid);
        } else if (errno != ESRCH) {
          fail(error_from(errno, fmt::format("send signal {} to", number), std::to_string(pid)));
        }
      }
    }
  }
}

void PodKill::terminate(const std::vector<Group>& groups) {
  // A pid that left may come back as another process, which then gets a SIGTERM of its own.
  std::erase_if(termed_, [&](int pid) {
    return std::none_of(groups.begin(), groups.end(), [&](const Group& group) { return holds(group.pids, pid); });
  });
  const auto spared = termed_;
  signal(groups, spared, SIGTERM, progress_.terms);
  std::sort(termed_.begin(), termed_.end());
}

bool PodKill::freeze() {
  if (!freezer_.fd.open()) return false;
  const auto groups = look_at_others(freezer_, place_.freezer_directory);
  if (!groups) return false;
  const auto done = put(freezer_.fd.get(), "freezer.state", "FROZEN", place_.freezer_directory);
  if (!done) fail(done.error());
  return done.ok();
}

void PodKill::thaw() {
  const auto done = put(freezer_.fd.get(), "freezer.state", "THAWED", place_.freezer_directory);
  if (!done && done.error().code() != ErrorCode::kNotFound) fail(done.error());
}

void PodKill::kill(const std::vector<Group>& groups) {
  const auto at_once = put(root_.fd.get(), "cgroup.kill", "1", place_.directory);
  if (at_once) {
    progress_.kills += progress_.alive;
    return;
  }
  // A frozen group forks no more; what it forked meanwhile shows in the next pass. Frozen processes die when thawed.
  const bool frozen = freeze();
  signal(groups, {}, SIGKILL, progress_.kills);
  for (int pass = 1; pass < kKillPasses; ++pass) {
    const auto rest = look_at_others(root_, place_.directory);
    if (!rest) break;
    signal(rest->all, {}, SIGKILL, progress_.kills);
  }
  if (frozen) thaw();
}

Result<PodKill> PodKill::begin(const PodKillPlace& place, model::Duration grace, model::MonoTime now) {
  PodKill pod;
  pod.place_ = place;
  auto root = open_directory(place.directory);
  if (!root) return root.error();
  if (place.inode != 0 && (root->device != place.device || root->inode != place.inode)) {
    return Error(ErrorCode::kNotFound, fmt::format("{}: another group of that name", place.directory));
  }
  pod.root_ = std::move(*root);
  if (!place.freezer_directory.empty()) {
    if (auto freezer = open_directory(place.freezer_directory)) pod.freezer_ = std::move(*freezer);
  }
  pod.deadline_ = now + std::max(grace, model::kZeroDuration);
  const auto first = pod.step(now);
  if (!first) return first.error();
  return pod;
}

Result<PodKillProgress> PodKill::step(model::MonoTime now) {
  using Phase = PodKillProgress::Phase;
  if (progress_.done()) return progress_;
  const auto groups = look_at_others(root_, place_.directory);
  if (!groups && !is_vanished(groups.error())) return groups.error();
  progress_.alive = 0;
  if (groups) {
    for (const auto& group : groups->all)
      progress_.alive += group.pids.size();
  }
  const bool sees_all = !groups || groups->complete;
  if (progress_.alive == 0 && (sees_all || !is_populated(root_.fd.get()).value_or(true))) {
    progress_.phase = Phase::kDone;
    return progress_;
  }
  if (!sees_all) {
    fail(Error(ErrorCode::kOverloaded, fmt::format("{}: more groups than {}, or deeper than {}", place_.directory,
                                                   kMaxPodGroups, kMaxPodDepth)));
  }
  if (now < deadline_) {
    terminate(groups->all);
  } else {
    progress_.phase = Phase::kKilling;
    kill(groups->all);
  }
  return progress_;
}

}  // namespace tideline::kernel
