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
#include "node-actor/kernel/group_memory.h"
#include "node-actor/kernel/memory_reader.h"
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
        host_memory(which.root()),
        pressure{KeptFile(which.root().proc + "/pressure/cpu"), KeptFile(which.root().proc + "/pressure/memory"),
                 KeptFile(which.root().proc + "/pressure/io")},
        kubepods_memory(which, which.kubepods(), true),
        best_effort(which, which.best_effort(), GroupFiles::Memory::kReadWithLimit, nullptr),
        best_effort_cpus(which, which.best_effort()),
        memory_every(options.memory_every),
        detail_every(options.detail_every),
        quiet_every(std::max<std::size_t>(options.quiet_every, 1)),
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

  void read_node(model::HostCounters& counters, bool alloc_stalls, Errors& errors) {
    const auto used = node.read();
    counters.at = monotonic_now();
    counters.wall = wall_now();
    if (used) {
      counters.node_cpu = *used;
    } else {
      errors.push_back(used.error());
    }
    counters.memory_host = host_memory.read(counters.at, buffer, errors, alloc_stalls);
    counters.memory_total = counters.memory_host.total;
    counters.memory_available = counters.memory_host.available;
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

  /// `levels` false: the last ones stand.
  void read_kubepods(model::HostCounters& counters, bool levels, Errors& errors) {
    if (!kubepods_memory.there()) return;  // the besteffort root's reading says so
    if (levels) kubepods_memory.read_levels(counters.at, buffer, errors);
    counters.kubepods_memory = kubepods_memory.side();
    kubepods_memory.read_stalls(counters.kubepods_memory, buffer, errors);
  }

  struct Entry {
    model::PodUid uid;
    model::KubeQos kube_qos;
    ThreadContext* follow;
    GroupFiles files;
    ContainerFiles containers;
  };

  ThreadContext* follow(const model::Pod& pod) { return is_ls(pod) ? &threads : nullptr; }
  /// Uid and Kubernetes' class say which group is the pod's (CgroupTree::pod_group).
  bool is_of(const Entry& entry, const model::Pod& pod) {
    return entry.uid == pod.uid && entry.kube_qos == pod.kube_qos && entry.follow == follow(pod);
  }

  /// One entry for each of the pods, in their order; what another pod has is closed.
  void arrange(const std::vector<model::Pod>& listed) {
    std::unordered_map<model::PodUid, Entry*> known;
    for (auto& entry : entries)
      known.emplace(entry.uid, &entry);
    std::vector<Entry> arranged;
    arranged.reserve(listed.size());
    for (const auto& pod : listed) {
      const auto found = known.find(pod.uid);
      if (found != known.end() && is_of(*found->second, pod)) {
        arranged.push_back(std::move(*found->second));
        known.erase(found);
        continue;
      }
      arranged.push_back({.uid = pod.uid,
                          .kube_qos = pod.kube_qos,
                          .follow = follow(pod),
                          .files = GroupFiles(tree, tree.pod_group(pod), GroupFiles::Memory::kRead, follow(pod)),
                          .containers = {}});
    }
    entries = std::move(arranged);
  }

  void read_pod(const model::Pod& pod, Entry& entry, GroupFiles::Detail detail, bool with_containers,
                model::MonoTime now, model::PodCounters& read, Errors& errors) {
    read.uid = pod.uid;
    read.qos = pod.qos;
    read.below_besteffort = pod.kube_qos == model::KubeQos::kBestEffort;
    read.group = entry.files.read(now, detail, buffer, errors);
    if (with_containers) {
      const bool stands = detail.throttling_unless_quiet && entry.files.is_quiet();
      entry.containers.read(tree, pod, {.now = now, .look_every = look_every, .stands = stands}, buffer, errors,
                            read.containers);
    } else {
      entry.containers.close();
      read.containers.clear();
    }
  }

  const CgroupTree& tree;
  ThreadContext threads;
  NodeCpuCounter node;
  HostMemoryReader host_memory;
  std::array<KeptFile, 3> pressure;
  GroupMemory kubepods_memory;
  GroupFiles best_effort;
  EffectiveCpus best_effort_cpus;
  std::size_t memory_every;
  std::size_t detail_every;
  std::size_t quiet_every;
  model::Duration look_every;
  bool v1;
  KeptFile quota;
  KeptFile period;
  std::vector<Entry> entries;  // of the pods that were read last, in their order
  std::uint64_t round = 0;
  ReadBuffer buffer;
};

PodReader::PodReader(const CgroupTree& tree, PodReaderOptions options)
    : state_(std::make_unique<State>(tree, options)) {}
PodReader::~PodReader() = default;
PodReader::PodReader(PodReader&&) noexcept = default;
PodReader& PodReader::operator=(PodReader&&) noexcept = default;

PodReading PodReader::read(const std::vector<model::Pod>& pods, bool waiting_each_time) {
  PodReading reading;
  read(pods, {.waiting = waiting_each_time}, reading);
  return reading;
}

void PodReader::read(const std::vector<model::Pod>& pods, const EachTime& each_time, PodReading& into,
                     bool containers) {
  State& state = *state_;
  const bool detailed = state.round % std::max<std::size_t>(state.detail_every, 1) < 2;
  const bool memory = state.round % std::max<std::size_t>(state.memory_every, 1) == 0;
  const bool memory_of_roots = memory || each_time.relief;
  const GroupFiles::Detail detail{
      .throttling = detailed, .waiting = detailed || each_time.waiting, .memory = memory, .stalls = detailed};
  ++state.round;
  auto& errors = into.errors;
  errors.clear();
  auto& counters = into.counters;
  auto room = std::move(counters.pods);
  counters = {};
  counters.pods = std::move(room);
  counters.pods.resize(pods.size());
  state.read_node(counters, detailed || each_time.relief, errors);
  counters.best_effort = state.best_effort.read(counters.at, {.memory = memory_of_roots}, state.buffer, errors);
  state.read_limit(counters, errors);
  state.read_kubepods(counters, memory_of_roots, errors);
  // What a group above allows says nothing of a root that is gone.
  if (counters.best_effort.inode != 0) counters.be_cpus = state.best_effort_cpus.read(state.buffer, errors);
  for (std::size_t i = 0; i < pods.size(); ++i) {
    if (i >= state.entries.size() || !state.is_of(state.entries[i], pods[i])) state.arrange(pods);
    auto of_pod = detail;
    if (each_time.relief && state.entries[i].follow != nullptr) of_pod.stalls = true;
    // A container can be stopped by its pod's quota alone (decide/cpu_burst.h).
    if (containers && ContainerFiles::reads(pods[i])) {
      of_pod.throttling = true;
      // Not all in the same read.
      of_pod.throttling_unless_quiet = (state.round + i) % state.quiet_every != 0;
    }
    if (each_time.be_memory && pods[i].qos == model::QosClass::kBe) of_pod.memory = true;
    state.read_pod(pods[i], state.entries[i], of_pod, containers, counters.at, counters.pods[i], errors);
  }
  if (state.entries.size() > pods.size()) state.arrange(pods);
}

Result<void> raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return error_from(errno, "read", "RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return error_from(errno, "raise", "RLIMIT_NOFILE");
  return {};
}

}  // namespace tideline::kernel
