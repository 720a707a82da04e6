#include "node-actor/kernel/thread_delay.h"

#include <algorithm>
#include <array>
#include <limits>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

using model::Duration;
using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

// A pod has containers, and a container at most an init system's own groups.
constexpr std::size_t kMaxGroups = 256;
// A changed number of children or a vanished child makes a scan at once; file systems without such a count need this.
constexpr int kReadsBetweenScans = 300;
// For each list cgroup v1 collects and sorts the ids anew (pidlist_array_load). Runtimes keep a pod's threads in its
// containers' groups (cgroup v2 allows nothing else), so that a group which has groups and was found empty is not
// listed each time.
constexpr int kReadsWithoutParents = 9;
constexpr auto kClockSlack = std::chrono::milliseconds(20);
constexpr auto kCpuOfUnseenThreads = std::chrono::milliseconds(5);

Result<std::uint64_t> links_of(const Fd& fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return error_from(errno, "stat", path);
  return status.st_nlink;
}

bool is_gone(const Error& error) {
  return error.code() == ErrorCode::kNotFound;
}

}  // namespace

ThreadDelay::ThreadDelay(ThreadContext& context, std::string directory)
    : context_(context), directory_(std::move(directory)) {}

ThreadDelay::~ThreadDelay() {
  forget();
}

void ThreadDelay::forget() {
  context_.followed -= threads_.size();
  threads_.clear();
  groups_.clear();
  primed_ = false;
}

Result<void> ThreadDelay::scan(const std::string& path) {
  if (groups_.size() == kMaxGroups) {
    return Error(ErrorCode::kOverloaded, fmt::format("{}: more than {} groups below it", directory_, kMaxGroups));
  }
  auto directory = open_directory(path);
  if (!directory) return directory.error();
  const auto links = links_of(directory->fd, path);
  if (!links) return links.error();
  const int fd = directory->fd.get();
  const std::size_t own = groups_.size();
  groups_.push_back(
      {.directory = std::move(*directory), .links = *links, .list = KeptFile(path + "/" + context_.list)});
  alignas(dirent64) std::array<char, 8192> entries;
  while (true) {
    const auto got = ::getdents64(fd, entries.data(), entries.size());
    if (got < 0) return error_from(errno, "list", path);
    if (got == 0) return {};
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      at += entry->d_reclen;
      const std::string_view name = static_cast<const char*>(entry->d_name);
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      groups_[own].is_parent = true;
      auto below = scan(fmt::format("{}/{}", path, name));
      if (!below && !is_gone(below.error())) return below;
    }
  }
}

bool ThreadDelay::children_changed() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const Group& group) {
    const auto links = links_of(group.directory.fd, group.list.path());
    return !links || *links != group.links;
  });
}

Result<void> ThreadDelay::list_threads() {
  context_.tids.clear();
  for (auto& group : groups_) {
    if (group.reads_to_skip > 0) {
      --group.reads_to_skip;
      continue;
    }
    const auto text = group.list.read_list(context_.buffer.data(), context_.buffer.size());
    if (!text) {
      if (!is_gone(text.error())) return text.error();
      reads_since_scan_ = kReadsBetweenScans;
      continue;
    }
    auto rest = *text;
    if (rest.empty() && group.is_parent) group.reads_to_skip = kReadsWithoutParents;
    while (!rest.empty()) {
      const auto line = next_line(rest);
      const auto tid = parse_number(line);
      if (!tid || *tid < 0 || *tid > std::numeric_limits<int>::max()) return malformed(group.list.path(), line);
      if (*tid > 0) context_.tids.push_back(static_cast<int>(*tid));  // 0: in a pid namespace we do not see
    }
  }
  std::sort(context_.tids.begin(), context_.tids.end());
  context_.tids.erase(std::unique(context_.tids.begin(), context_.tids.end()), context_.tids.end());
  return {};
}

Result<bool> ThreadDelay::update(Thread& thread, bool fresh, model::MonoTime now) {
  std::array<char, 128> buffer;
  auto text = thread.schedstat.read_once(buffer.data(), buffer.size());
  if (!text && is_gone(text.error()) && !fresh) {
    // The thread exited, and another one was given its number.
    fresh = true;
    text = thread.schedstat.read_once(buffer.data(), buffer.size());
  }
  if (!text) {
    if (is_gone(text.error())) return false;
    return text.error();
  }
  const auto stat = parse_schedstat(*text);
  if (!stat) return malformed(thread.schedstat.path(), *text);
  if (!fresh && stat->delay >= thread.delay) {
    total_ += stat->delay - thread.delay;
  } else if (primed_ && stat->run <= now - last_ + kClockSlack && stat->delay <= now - last_ + kClockSlack) {
    total_ += stat->delay;  // young enough to have been born here since the last read
  }
  thread.delay = stat->delay;
  return true;
}

Result<void> ThreadDelay::follow(model::MonoTime now) {
  const auto& tids = context_.tids;
  for (auto& thread : threads_) {
    bool there = std::binary_search(tids.begin(), tids.end(), thread.tid);
    if (there) {
      const auto updated = update(thread, false, now);
      if (!updated) return updated.error();
      there = *updated;
    }
    if (!there) thread.tid = 0;
  }
  context_.followed -= std::erase_if(threads_, [](const Thread& thread) { return thread.tid == 0; });

  for (const int tid : tids) {
    const auto place = std::lower_bound(threads_.begin(), threads_.end(), tid,
                                        [](const Thread& thread, int wanted) { return thread.tid < wanted; });
    if (place != threads_.end() && place->tid == tid) continue;
    if (context_.followed == context_.max_threads) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("{}: more than {} threads to follow", directory_, context_.max_threads));
    }
    Thread thread{.tid = tid, .schedstat = KeptFile(fmt::format("{}/{}/schedstat", context_.proc, tid))};
    const auto there = update(thread, true, now);
    if (!there) return there.error();
    if (!*there) continue;
    threads_.insert(place, std::move(thread));
    ++context_.followed;
  }
  return {};
}

Result<std::optional<Duration>> ThreadDelay::read(model::MonoTime now, std::optional<Duration> cpu) {
  if (groups_.empty() || reads_since_scan_ >= kReadsBetweenScans || children_changed()) {
    groups_.clear();
    reads_since_scan_ = 0;
    if (auto scanned = scan(directory_); !scanned) {
      forget();
      if (is_gone(scanned.error())) return std::optional<Duration>();
      return scanned.error();
    }
  }
  ++reads_since_scan_;
  const bool had_threads = !threads_.empty();
  auto done = list_threads();
  if (done) done = follow(now);
  if (!done) {
    forget();
    return done.error();
  }
  const bool unseen =
      !had_threads && threads_.empty() && primed_ && last_cpu_ && cpu && *cpu - *last_cpu_ > kCpuOfUnseenThreads;
  primed_ = true;
  last_ = now;
  last_cpu_ = cpu;
  if (unseen) return std::optional<Duration>();
  return std::optional(total_);
}

}  // namespace tideline::kernel
