#include "node-actor/kernel/pod_reader.h"

#include <array>
#include <cerrno>
#include <unordered_map>

#include <sys/resource.h>
#include <sys/stat.h>

#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/cpu_counter.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/thread_delay.h"

namespace tideline::kernel {

using model::Duration;
using model::Error;
using model::ErrorCode;
using model::GroupCounters;
using model::Result;

namespace {

using Errors = std::vector<Error>;
using Buffer = std::array<char, 16 * 1024>;
constexpr std::size_t kListBytes = 256 * 1024;

/// Reads and parses; nullopt when the thing is gone, and when it is unreadable or garbled, which is then listed.
template <class Parse>
auto take(KeptFile& file, Buffer& buffer, Errors& errors, Parse parse) -> decltype(parse(std::string_view())) {
  const auto text = file.read(buffer.data(), buffer.size());
  if (!text) {
    if (text.error().code() != ErrorCode::kNotFound) errors.push_back(text.error());
    return std::nullopt;
  }
  auto value = parse(*text);
  if (!value) errors.push_back(malformed(file.path(), *text));
  return value;
}

struct Throttling {
  std::int64_t periods = 0;
  std::int64_t throttled = 0;
};

std::optional<Throttling> parse_throttling(std::string_view text) {
  const auto periods = parse_keyed(text, "nr_periods");
  const auto throttled = parse_keyed(text, "nr_throttled");
  if (!periods || !throttled || *periods < 0 || *throttled < 0) return std::nullopt;
  return Throttling{.periods = *periods, .throttled = *throttled};
}

/// One group's open files.
class GroupFiles {
 public:
  GroupFiles(const CgroupTree& tree, std::string group, std::size_t memory_every, ThreadContext* threads)
      : group_(std::move(group)),
        v1_(!tree.is_unified("cpu.stat")),
        memory_prefix_(tree.is_unified("memory.stat") ? "" : "total_"),
        identity_(tree.directory(group_, group_cpu_file(tree.version()))),
        cpu_path_(tree.path(group_, group_cpu_file(tree.version()))),
        stat_path_(tree.path(group_, "cpu.stat")),
        memory_path_(tree.path(group_, "memory.stat")),
        pressure_path_(tree.path(group_, "cpu.pressure")),
        threads_path_(tree.directory(group_, "tasks")),
        threads_(threads),
        memory_every_(memory_every) {}

  const std::string& group() const { return group_; }

  GroupCounters read(model::MonoTime now, Buffer& buffer, Errors& errors) {
    GroupCounters counters;
    if (!identity_) {
      errors.push_back(identity_.error());
      return counters;
    }
    if (inode_ == 0 && !identify(errors)) return counters;
    auto text = cpu_.read_once(buffer.data(), buffer.size());
    if (cpu_.unlinked() || (!text && text.error().code() == ErrorCode::kNotFound)) {
      if (!identify(errors)) return counters;
      text = cpu_.read_once(buffer.data(), buffer.size());
    }
    counters.inode = inode_;
    if (text) {
      counters.cpu = parse_group_cpu(*text, v1_);
      if (!counters.cpu) errors.push_back(malformed(cpu_.path(), *text));
    } else if (text.error().code() != ErrorCode::kNotFound) {
      errors.push_back(text.error());
    }
    read_throttling(counters, buffer, errors);
    read_memory(counters, buffer, errors);
    if (threads_ != nullptr) read_waiting(counters, now, buffer, errors);
    return counters;
  }

 private:
  /// Looks which group has this name now; false: none.
  bool identify(Errors& errors) {
    struct stat status {};
    if (::stat(identity_->c_str(), &status) != 0) {
      if (errno != ENOENT) errors.push_back(error_from(errno, "stat", *identity_));
      inode_ = 0;
      return false;
    }
    cpu_ = KeptFile(*cpu_path_);
    if (inode_ != status.st_ino) open_anew(status.st_ino);
    return true;
  }

  void read_memory(GroupCounters& counters, Buffer& buffer, Errors& errors) {
    if (!memory_path_) {
      errors.push_back(memory_path_.error());
      return;
    }
    if (reads_to_memory_ == 0) {
      memory_level_ = take(memory_, buffer, errors,
                           [this](std::string_view text) { return parse_memory_without_cache(text, memory_prefix_); });
      reads_to_memory_ = memory_every_;
    }
    --reads_to_memory_;
    counters.memory = memory_level_;
  }

  void open_anew(std::uint64_t inode) {
    inode_ = inode;
    stat_ = KeptFile(stat_path_.value_or(""));
    memory_ = KeptFile(memory_path_.value_or(""));
    pressure_ = KeptFile(pressure_path_.value_or(""));
    has_pressure_ = pressure_path_.ok();
    delay_.reset();
    reads_to_memory_ = 0;
  }

  void read_throttling(GroupCounters& counters, Buffer& buffer, Errors& errors) {
    // v2 leaves the lines out of a group for which the cpu controller is not enabled.
    std::optional<Throttling> found;
    const auto text = stat_.read(buffer.data(), buffer.size());
    if (text) {
      found = parse_throttling(*text);
      const bool absent = !v1_ && text->find("nr_periods") == std::string_view::npos;
      if (!found && !absent) errors.push_back(malformed(stat_.path(), *text));
    } else if (text.error().code() != ErrorCode::kNotFound) {
      errors.push_back(text.error());
    }
    if (!found) return;
    counters.nr_periods = found->periods;
    counters.nr_throttled = found->throttled;
  }

  void read_waiting(GroupCounters& counters, model::MonoTime now, Buffer& buffer, Errors& errors) {
    if (has_pressure_) {
      const auto text = pressure_.read(buffer.data(), buffer.size());
      if (text) {
        counters.cpu_stall = parse_pressure(*text);
        if (!counters.cpu_stall) errors.push_back(malformed(pressure_.path(), *text));
        return;
      }
      // Absent, or there but switched off (psi=0): this kernel's threads have to be asked.
      has_pressure_ = false;
    }
    if (!threads_->counted || !threads_path_) return;
    if (!delay_) delay_ = std::make_unique<ThreadDelay>(*threads_, *threads_path_);
    const auto delay = delay_->read(now, counters.cpu);
    if (delay) {
      counters.run_delay = *delay;
    } else {
      errors.push_back(delay.error());
    }
  }

  std::string group_;
  bool v1_;
  std::string_view memory_prefix_;
  Result<std::string> identity_;
  Result<std::string> cpu_path_;
  Result<std::string> stat_path_;
  Result<std::string> memory_path_;
  Result<std::string> pressure_path_;
  Result<std::string> threads_path_;
  ThreadContext* threads_;  // null: waiting is not followed
  std::uint64_t inode_ = 0;
  KeptFile cpu_;
  KeptFile stat_;
  KeptFile memory_;
  std::size_t memory_every_;
  std::size_t reads_to_memory_ = 0;
  std::optional<model::Bytes> memory_level_;
  KeptFile pressure_;
  bool has_pressure_ = false;
  std::unique_ptr<ThreadDelay> delay_;
};

bool is_ls(const model::Pod& pod) {
  return pod.kube_qos != model::KubeQos::kBestEffort &&
         (pod.qos == model::QosClass::kLse || pod.qos == model::QosClass::kLsr || pod.qos == model::QosClass::kLs);
}

}  // namespace

struct PodReader::State {
  State(const CgroupTree& which, const PodReaderOptions& options)
      : tree(which),
        threads{.proc = which.root().proc,
                .list = which.is_unified("cpu.stat") ? "cgroup.threads" : "tasks",
                .max_threads = options.max_threads,
                .counted = false,
                .followed = 0,
                .buffer = std::vector<char>(kListBytes),
                .tids = {}},
        node(which),
        meminfo(which.root().proc + "/meminfo"),
        pressure{KeptFile(which.root().proc + "/pressure/cpu"), KeptFile(which.root().proc + "/pressure/memory"),
                 KeptFile(which.root().proc + "/pressure/io")},
        best_effort(which, which.best_effort(), options.memory_every, nullptr),
        memory_every(options.memory_every),
        v1(which.version() == CgroupVersion::kV1) {
    if (auto path = which.path(which.best_effort(), v1 ? "cpu.cfs_quota_us" : "cpu.max")) quota = KeptFile(*path);
    if (auto path = which.path(which.best_effort(), "cpu.cfs_period_us"); v1 && path) period = KeptFile(*path);
    // Where schedstat is switched off it counts no timeslice, not even for us who run now.
    KeptFile own(which.root().proc + "/self/schedstat");
    std::array<char, 128> text;
    const auto read = own.read(text.data(), text.size());
    const auto stat = read ? parse_schedstat(*read) : std::nullopt;
    threads.counted = stat && stat->timeslices > 0;
  }

  void read_node(model::HostCounters& counters, Errors& errors) {
    const auto used = node.read();
    counters.at = monotonic_now();
    counters.wall = wall_now();
    if (used) {
      counters.node_cpu = *used;
    } else {
      errors.push_back(used.error());
    }
    const auto text = meminfo.read(buffer.data(), buffer.size());
    if (!text) {
      errors.push_back(text.error());
    } else {
      counters.memory_total = parse_meminfo(*text, "MemTotal");
      counters.memory_available = parse_meminfo(*text, "MemAvailable");
      if (!counters.memory_total || !counters.memory_available) errors.push_back(malformed(meminfo.path(), *text));
    }
    const std::array<std::optional<model::StallTotals>*, 3> stalls = {&counters.cpu_stall, &counters.memory_stall,
                                                                      &counters.io_stall};
    for (std::size_t i = 0; i < stalls.size(); ++i) {
      const auto stall = pressure[i].read(buffer.data(), buffer.size());
      // A kernel without pressure stall information, or with it switched off, has nothing wrong with it.
      if (!stall) continue;
      *stalls[i] = parse_pressure(*stall);
      if (!*stalls[i]) errors.push_back(malformed(pressure[i].path(), *stall));
    }
  }

  void read_limit(model::HostCounters& counters, Errors& errors) {
    std::optional<CfsQuota> found;
    if (v1) {
      const auto us = take(quota, buffer, errors, [](std::string_view text) { return parse_number(text); });
      const auto period_us = take(period, buffer, errors, [](std::string_view text) { return parse_number(text); });
      if (!us || !period_us) return;
      if (*period_us <= 0) {
        errors.push_back(malformed(period.path(), std::to_string(*period_us)));
        return;
      }
      found = CfsQuota{.quota_us = *us < 0 ? std::nullopt : us, .period_us = *period_us};
    } else {
      found = take(quota, buffer, errors, parse_cpu_max);
      if (!found) return;
    }
    counters.be_limit = limit_of(*found);
    counters.be_limit_known = true;
  }

  GroupFiles& files_of(const model::Pod& pod) {
    auto group = tree.pod_group(pod);
    auto* follow = is_ls(pod) ? &threads : nullptr;
    const auto found = pods.find(pod.uid);
    if (found != pods.end() && found->second.files.group() == group && found->second.follow == follow) {
      found->second.round = round;
      return found->second.files;
    }
    if (found != pods.end()) pods.erase(found);
    const auto made = pods.emplace(
        pod.uid,
        Entry{.files = GroupFiles(tree, std::move(group), memory_every, follow), .follow = follow, .round = round});
    return made.first->second.files;
  }

  struct Entry {
    GroupFiles files;
    ThreadContext* follow;
    std::uint64_t round;
  };

  const CgroupTree& tree;
  ThreadContext threads;
  NodeCpuCounter node;
  KeptFile meminfo;
  std::array<KeptFile, 3> pressure;
  GroupFiles best_effort;
  std::size_t memory_every;
  bool v1;
  KeptFile quota;
  KeptFile period;
  std::unordered_map<model::PodUid, Entry> pods;
  std::uint64_t round = 0;
  Buffer buffer;
};

PodReader::PodReader(const CgroupTree& tree, PodReaderOptions options)
    : state_(std::make_unique<State>(tree, options)) {}
PodReader::~PodReader() = default;
PodReader::PodReader(PodReader&&) noexcept = default;
PodReader& PodReader::operator=(PodReader&&) noexcept = default;

PodReading PodReader::read(const std::vector<model::Pod>& pods) {
  State& state = *state_;
  ++state.round;
  PodReading reading;
  auto& counters = reading.counters;
  auto& errors = reading.errors;
  state.read_node(counters, errors);
  counters.best_effort = state.best_effort.read(counters.at, state.buffer, errors);
  state.read_limit(counters, errors);
  counters.pods.reserve(pods.size());
  for (const auto& pod : pods) {
    counters.pods.push_back({.uid = pod.uid,
                             .qos = pod.qos,
                             .below_besteffort = pod.kube_qos == model::KubeQos::kBestEffort,
                             .group = state.files_of(pod).read(counters.at, state.buffer, errors)});
  }
  std::erase_if(state.pods, [&](const auto& entry) { return entry.second.round != state.round; });
  return reading;
}

Result<void> raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return error_from(errno, "read", "RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return error_from(errno, "raise", "RLIMIT_NOFILE");
  return {};
}

}  // namespace tideline::kernel
