#include "node-actor/kernel/pod_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

#include <sys/resource.h>

#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/container_files.h"
#include "node-actor/kernel/cpu_counter.h"
#include "node-actor/kernel/effective_cpus.h"
#include "node-actor/kernel/group_files.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/thread_delay.h"

namespace tideline::kernel {

using model::Result;

namespace {

constexpr std::size_t kListBytes = 256 * 1024;

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
        best_effort_cpus(which, which.best_effort()),
        memory_every(options.memory_every),
        detail_every(options.detail_every),
        look_every(options.look_every),
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

  struct Entry {
    GroupFiles files;
    ContainerFiles containers;
    ThreadContext* follow;
    std::uint64_t round;
  };

  Entry& files_of(const model::Pod& pod) {
    auto group = tree.pod_group(pod);
    auto* follow = is_ls(pod) ? &threads : nullptr;
    const auto found = pods.find(pod.uid);
    if (found != pods.end() && found->second.files.group() == group && found->second.follow == follow) {
      found->second.round = round;
      return found->second;
    }
    if (found != pods.end()) pods.erase(found);
    const auto made = pods.emplace(pod.uid, Entry{.files = GroupFiles(tree, std::move(group), memory_every, follow),
                                                  .containers = {},
                                                  .follow = follow,
                                                  .round = round});
    return made.first->second;
  }

  void read_pod(const model::Pod& pod, GroupFiles::Detail detail, model::HostCounters& counters, Errors& errors) {
    auto& entry = files_of(pod);
    auto& read = counters.pods.emplace_back();
    read.uid = pod.uid;
    read.qos = pod.qos;
    read.below_besteffort = pod.kube_qos == model::KubeQos::kBestEffort;
    read.group = entry.files.read(counters.at, detail, buffer, errors);
    entry.containers.read(tree, pod, counters.at, look_every, buffer, errors, read.containers);
  }

  const CgroupTree& tree;
  ThreadContext threads;
  NodeCpuCounter node;
  KeptFile meminfo;
  std::array<KeptFile, 3> pressure;
  GroupFiles best_effort;
  EffectiveCpus best_effort_cpus;
  std::size_t memory_every;
  std::size_t detail_every;
  model::Duration look_every;
  bool v1;
  KeptFile quota;
  KeptFile period;
  std::unordered_map<model::PodUid, Entry> pods;
  std::uint64_t round = 0;
  ReadBuffer buffer;
};

PodReader::PodReader(const CgroupTree& tree, PodReaderOptions options)
    : state_(std::make_unique<State>(tree, options)) {}
PodReader::~PodReader() = default;
PodReader::PodReader(PodReader&&) noexcept = default;
PodReader& PodReader::operator=(PodReader&&) noexcept = default;

PodReading PodReader::read(const std::vector<model::Pod>& pods, bool waiting_each_time) {
  State& state = *state_;
  const bool detailed = state.round % std::max<std::size_t>(state.detail_every, 1) < 2;
  const GroupFiles::Detail detail{.throttling = detailed, .waiting = detailed || waiting_each_time};
  ++state.round;
  PodReading reading;
  auto& counters = reading.counters;
  auto& errors = reading.errors;
  state.read_node(counters, errors);
  counters.best_effort = state.best_effort.read(counters.at, {}, state.buffer, errors);
  state.read_limit(counters, errors);
  // What a group above allows says nothing of a root that is gone.
  if (counters.best_effort.inode != 0) counters.be_cpus = state.best_effort_cpus.read(state.buffer, errors);
  counters.pods.reserve(pods.size());
  for (const auto& pod : pods)
    state.read_pod(pod, detail, counters, errors);
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
