#include "test/e2e/storm_tree.h"

#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

namespace tideline::test {
namespace {

constexpr const char* kKubepods = "kubepods";
constexpr const char* kLsPod = "kubepods/burstable/podls-uid";
constexpr const char* kLsrPod = "kubepods/podlsr-uid";
constexpr const char* kLsr = "kubepods/podlsr-uid/db";
constexpr const char* kBePod = "kubepods/besteffort/podbe-uid";
constexpr const char* kBe = "kubepods/besteffort/podbe-uid/job";
constexpr const char* kLoosePod = "kubepods/besteffort/podloose-uid";
constexpr const char* kLoose = "kubepods/besteffort/podloose-uid/job";
constexpr const char* kPreyPod = "kubepods/besteffort/podprey-uid";
constexpr const char* kPrey = "kubepods/besteffort/podprey-uid/job";
constexpr const char* kOutPod = "kubepods/burstable/podout-uid";
constexpr const char* kOut = "kubepods/burstable/podout-uid/job";
/// LS by its spec, and the least that BE ever gets.
constexpr long kLsMilli = 500;
constexpr long kLeastBeMilli = 20;
/// Memory of all pods, what the service asks for, and the least that BE may ever be held to.
constexpr long long kMib = 1LL << 20;
constexpr long long kTreeMib = 256;
constexpr long long kLsMib = 16;
constexpr long long kLeastBeMib = 1;

std::string name_of(const std::string& file) {
  return file.substr(file.rfind('/') + 1);
}

std::string group_of(const std::string& file) {
  return file.substr(0, file.rfind('/'));
}

bool only_orders(const std::string& name) {
  return name == "cpu.shares" || name == "cpu.weight" || name == "cpu.idle";
}

/// What of memory is kept in the safe state: floors, whose memory goes first, and the limits of batch pods.
bool is_kept_of_memory(const std::string& file) {
  const auto name = name_of(file);
  if (name == "memory.limit_in_bytes") return group_of(file) != StormTree::kBeRoot;
  return name == "memory.min" || name == "memory.low" || name == "memory.max" || name == "memory.oom.group" ||
         name == "memory.soft_limit_in_bytes";
}

/// -1: no limit.
long long bytes_of(const std::string& text) {
  return text.starts_with("max") ? -1 : std::strtoll(text.c_str(), nullptr, 10);
}

std::string line(const std::string& file, const std::string& wanted, const std::string& found) {
  return file + ": want \"" + wanted + "\", found \"" + found + "\"\n";
}

}  // namespace

StormTree::StormTree() {
  for (const char* group : {kLs, kLsr, kBe, kLoose, kPrey, kOut})
    cgroup_.make(group);
  groups_ = {kKubepods, "kubepods/burstable", kLsPod, kLs, kLsrPod, kLsr, kBeRoot, kBePod, kBe, kLoosePod, kLoose};
  groups_.insert(groups_.end(), {kPreyPod, kPrey, kOutPod, kOut});
  const auto weigh = [&](const char* group, const char* shares, const char* weight) {
    cgroup_.write(group, v1() ? "cpu.shares" : "cpu.weight", v1() ? shares : weight);
  };
  // A little more than kubelet gives it, so that CPU QoS has something to write.
  weigh(kBeRoot, "20", "2");
  for (const char* group : {kBePod, kBe, kLoosePod, kLoose, kPreyPod, kPrey})
    weigh(group, "2", "1");
  protect(true);
  const auto limit = [&](const char* group, const std::string& quota_us) {
    cgroup_.write(group, v1() ? "cpu.cfs_quota_us" : "cpu.max", v1() ? quota_us : quota_us + " 100000");
  };
  for (const char* group : {kLsPod, kLs})
    limit(group, "50000");
  for (const char* group : {kLsrPod, kLsr})
    limit(group, "100000");
  limit(kLoosePod, "60000");
  cgroup_.write(kKubepods, v1() ? "memory.limit_in_bytes" : "memory.max", std::to_string(kTreeMib * kMib));
}

Snapshot StormTree::read() const {
  Snapshot files = cpu_files(cgroup_, groups_);
  files.merge(memory_files(cgroup_, groups_));
  return files;
}

Snapshot StormTree::protect(bool wanted) {
  const std::string group = "kubepods/burstable";
  const std::string file = v1() ? "cpu.shares" : "cpu.weight";
  const std::string least = v1() ? "2" : "1";
  const std::string usual = v1() ? "1024" : "39";
  cgroup_.write(group, file, wanted ? usual : least);
  return {{group + "/" + file, cgroup_.read(group, file)}};
}

std::string StormTree::pods_json(bool outside) const {
  const auto last_cpu = std::to_string(std::thread::hardware_concurrency() - 1);
  const std::string out = R"(,
    {"uid": "out-uid", "namespace": "test", "name": "out", "qosClass": "BE", "kubeQosClass": "Burstable",
     "priority": 5000, "containers": [{"name": "job", "id": "job"}]})";
  return R"({"pods": [
    {"uid": "ls-uid", "namespace": "test", "name": "web", "qosClass": "LS", "kubeQosClass": "Burstable", "priority": 9000,
     "containers": [{"name": "web", "id": "web", "requests": {"cpu": "100m", "memory": "16Mi"},
                     "limits": {"cpu": "500m", "memory": "64Mi"}}]},
    {"uid": "lsr-uid", "namespace": "test", "name": "db", "qosClass": "LSR", "kubeQosClass": "Guaranteed",
     "priority": 9000, "annotations": {"scheduling.koordinator.sh/resource-status": "{\"cpuset\":\")" +
         last_cpu + R"(\"}"},
     "containers": [{"name": "db", "id": "db", "requests": {"cpu": "100m"}, "limits": {"cpu": "1"}}]},
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort", "priority": 5000,
     "containers": [{"name": "job", "id": "job",
                     "requests": {"kubernetes.io/batch-cpu": 1000, "kubernetes.io/batch-memory": "64Mi"},
                     "limits": {"kubernetes.io/batch-cpu": 60, "kubernetes.io/batch-memory": "128Mi"}}]},
    {"uid": "loose-uid", "namespace": "test", "name": "loose", "qosClass": "BE", "kubeQosClass": "BestEffort",
     "priority": 5000, "containers": [{"name": "job", "id": "job"}]},
    {"uid": "prey-uid", "namespace": "test", "name": "prey", "qosClass": "BE", "kubeQosClass": "BestEffort",
     "priority": 4000, "labels": {"koordinator.sh/eviction-enabled": "true"},
     "containers": [{"name": "job", "id": "job"}]})" +
         (outside ? out : "") + "]}";
}

std::string StormTree::threshold_config(Mode mode) {
  const std::string policy = mode == Mode::kQuota ? "cfsQuota" : "cpuset";
  // Of what is judged each round, node usage alone comes to anything: it is always above 5 %, but BE has more than 1 %
  // of its request, and without a coordinator nothing is known of what is allocatable.
  return R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 50, "cpuSuppressMinPercent": 10,
             "cpuEvictThresholdPercent": 5, "cpuEvictLowerPercent": 1, "evictEnabledPriorityThreshold": 4000,
             "cpuEvictBESatisfactionLowerPercent": 1, "cpuEvictBESatisfactionUpperPercent": 2,
             "cpuAllocatableEvictThresholdPercent": 100, "cpuAllocatableEvictLowerPercent": 90,
             "allocatableEvictPriorityThreshold": 4000,
             "memoryEvictThresholdPercent": 70, "memoryEvictLowerPercent": 65, "cpuSuppressPolicy": ")" +
         policy + R"("}})";
}

std::string StormTree::qos_config(Mode mode) {
  const std::string idle = mode == Mode::kQuota ? "1" : "0";
  return R"({"clusterStrategy": {"lsClass": {"memoryQOS": {"enable": true, "minLimitPercent": 50, "lowLimitPercent": 75,
                                                          "throttlingPercent": 50}},
                                 "beClass": {"memoryQOS": {"enable": true}, "cpuQOS": {"enable": true, "schedIdle": )" +
         idle + "}}}}";
}

std::string StormTree::relief_config() {
  // It begins at half of the tree, and comes to no eviction for memory: whom that ended would be missing afterwards.
  return R"({"clusterStrategy": {"memoryRelief": {"marginPercent": 20}, "dryRun": {"memoryEvict": true}}})";
}

std::string StormTree::burst_config() {
  return R"({"clusterStrategy": {"policy": "auto", "cfsQuotaBurstPercent": 300, "sharePoolThresholdPercent": 100}})";
}

std::vector<StormTree::Mark> StormTree::marks(Mode mode, bool outside) const {
  const std::string weight = v1() ? "/cpu.shares" : "/cpu.weight";
  const std::string burst = v1() ? "/cpu.cfs_burst_us" : "/cpu.max.burst";
  std::vector<Mark> marks = {{"CPU QoS, weight", kBeRoot + weight}};
  const auto add = [&](const std::string& mechanism, std::initializer_list<const char*> groups,
                       const std::string& file) {
    for (const char* group : groups)
      marks.push_back({mechanism, group + file});
  };
  const auto quota = quota_of("");
  add("batch limits, quota", {kBePod, kBe}, quota);
  add("kernel burst", {kLsPod, kLs}, burst);
  add("bound CPUs", {kLsr}, "/cpuset.cpus");
  add("no quota of a bound pod", {kLsrPod, kLsr}, quota);
  add("LS pool", {kLs}, "/cpuset.cpus");
  add("batch memory", {kBePod, kBe}, v1() ? "/memory.limit_in_bytes" : "/memory.max");
  if (v1()) {
    add("memory QoS, soft limit", {kBeRoot}, "/memory.soft_limit_in_bytes");
  } else {
    for (const char* file : {"/memory.min", "/memory.low"})
      add("memory QoS, floors", {kKubepods, "kubepods/burstable", kLsPod, kLs}, file);
    add("memory QoS, high", {kLs}, "/memory.high");
  }
  if (mode == Mode::kQuota) {
    add("suppress by quota", {kBeRoot}, quota);
    add("CPU QoS, idle", {kBePod, kBe, kLoosePod, kLoose, kPreyPod, kPrey}, "/cpu.idle");
    if (outside) {
      add("suppress outside of the root by quota", {kOutPod}, quota);
      add("CPU QoS, idle outside of the root", {kOutPod}, "/cpu.idle");
    }
  } else {
    add("suppress by cpuset", {kBeRoot, kBePod, kBe, kLoosePod, kLoose, kPreyPod, kPrey}, "/cpuset.cpus");
    add("batch limits, weight", {kBePod, kBe}, weight);
    if (outside) {
      add("suppress outside of the root by cpuset", {kOutPod, kOut}, "/cpuset.cpus");
      add("CPU QoS, weight outside of the root", {kOutPod}, weight);
    }
  }
  return marks;
}

std::vector<pid_t> StormTree::load() {
  cgroup_.spin(kBe, 2);
  cgroup_.spin(kLoose);
  outside_ = cgroup_.spin(kOut);
  run_outside(false);
  return {cgroup_.spin(kLs), cgroup_.spin(kLsr)};
}

void StormTree::want_memory(const std::string& directory, bool is_on_disk) {
  const auto keep = [&](std::unique_ptr<Process>& load, std::vector<std::string> arguments) {
    if (load && load->running()) return;
    arguments.insert(arguments.begin(), program("memory_load"));
    for (const char* more : {"--seconds", "7000", "--enter"})
      arguments.push_back(more);
    const auto enter = cgroup_.process_files(kLoose);
    arguments.insert(arguments.end(), enter.begin(), enter.end());
    load = std::make_unique<Process>(std::move(arguments),
                                     Process::Options{.environment = {}, .output_file = "/dev/null"});
  };
  // Together with the pods' own 50 MiB between a third and two thirds of the tree.
  keep(wave_, {"grow", "--mib", "80", "--wave-mib", "48", "--wave-seconds", "0.7"});
  if (is_on_disk) {
    keep(stream_, {"stream", "--directory", directory, "--mib", "320", "--file-mib", "32", "--write-percent", "0",
                   "--rate", "80"});
  }
}

void StormTree::run_outside(bool wanted) {
  ::kill(outside_, wanted ? SIGCONT : SIGSTOP);
}

void StormTree::spin_prey() {
  // A child begins with what its parent ignores.
  const auto before = ::signal(SIGTERM, SIG_IGN);
  prey_ = cgroup_.spin(kPrey);
  ::signal(SIGTERM, before);
}

void StormTree::end_prey() {
  if (prey_ != 0) cgroup_.kill(std::exchange(prey_, 0));
}

long quota_milli(const Snapshot& files, const std::string& group) {
  const auto v2 = files.find(group + "/cpu.max");
  const auto& text = v2 != files.end() ? v2->second : files.at(group + "/cpu.cfs_quota_us");
  if (text.starts_with("max") || text.starts_with("-1")) return -1;
  char* rest = nullptr;
  const long quota = std::strtol(text.c_str(), &rest, 10);
  const long period =
      std::strtol(v2 != files.end() ? rest : files.at(group + "/cpu.cfs_period_us").c_str(), nullptr, 10);
  return period > 0 ? quota * 1000 / period : 0;
}

std::string against_safe_state(const Snapshot& originals, const Snapshot& before, const Snapshot& now,
                               std::optional<long> safe_milli) {
  std::string lines;
  const bool v1 = originals.contains(std::string(StormTree::kBeRoot) + "/cpu.cfs_quota_us");
  for (const auto& [file, text] : now) {
    const auto name = name_of(file);
    const auto group = group_of(file);
    const auto& original = originals.at(file);
    const auto known = before.find(file);
    const auto& held = known == before.end() ? text : known->second;
    if (only_orders(name)) {
      if (text != held) lines += line(file, held + "\" (left in force) \"", text);
      continue;
    }
    if (is_kept_of_memory(file)) {
      // The first write of one may have been under way in another process.
      if (text != held && held != original) lines += line(file, held + "\" (left in force) \"", text);
      continue;
    }
    if (name.starts_with("memory.")) {
      if (text != original) lines += line(file, original, text);
      continue;
    }
    if (!safe_milli || !group.starts_with(StormTree::kBeRoot)) {
      if (text != original) lines += line(file, original, text);
      continue;
    }
    if (name == "cpuset.cpus") {
      // A worker may have died while it gave them back.
      if (text != held && text != original) lines += line(file, held + "\" (stays with the limit) \"", text);
      continue;
    }
    if (group != StormTree::kBeRoot) {
      // cgroup v1 takes no child's quota above its parent's, which is judged by itself.
      const bool brought_down = v1 && name == "cpu.cfs_quota_us" && text != "-1" &&
                                quota_milli(now, group) == quota_milli(now, StormTree::kBeRoot);
      if (text != original && !brought_down) lines += line(file, original, text);
      continue;
    }
    const bool was_limited = quota_milli(before, group) != -1;
    if (name == "cpu.cfs_period_us") {
      // A worker that lives on a moment may end its round, and give quota and period back.
      if (was_limited && text != held && text != original)
        lines += line(file, held + "\" (stays with the limit) \"", text);
    } else if (name == "cpu.cfs_quota_us" || name == "cpu.max") {
      // Struck between the writes of quota and period, it may be less.
      const long milli = quota_milli(now, group);
      const bool is_safe = was_limited ? milli == *safe_milli : milli >= kLeastBeMilli && milli <= *safe_milli;
      const bool never_limited = !was_limited && text == original;
      if (!is_safe && !never_limited) lines += line(file, std::to_string(*safe_milli) + " millicores", text);
    } else if (text != original) {
      lines += line(file, original, text);
    }
  }
  return lines;
}

Snapshot without_what_a_round_adds(Snapshot files) {
  std::erase_if(files, [](const auto& file) {
    const auto name = name_of(file.first);
    const bool confines_batch = name == "cpuset.cpus" && group_of(file.first).starts_with(StormTree::kBeRoot);
    return only_orders(name) || is_kept_of_memory(file.first) || confines_batch;
  });
  return files;
}

std::string unsafe_as_the_last(const Snapshot& files) {
  std::string lines;
  for (const char* group : {kLsPod, StormTree::kLs}) {
    const long milli = quota_milli(files, group);
    if (milli != -1 && milli < kLsMilli) lines += std::string(group) + ": LS below its spec\n";
  }
  for (const char* group : {StormTree::kBeRoot, kBePod, kBe, kLoosePod, kLoose, kPreyPod, kPrey, kOutPod, kOut}) {
    const long milli = quota_milli(files, group);
    if (milli != -1 && milli < kLeastBeMilli) lines += std::string(group) + ": BE stopped\n";
  }
  for (const auto& [file, text] : files) {
    const auto name = name_of(file);
    if (name != "memory.high" && name != "memory.limit_in_bytes" && name != "memory.max") continue;
    const auto group = group_of(file);
    const bool is_service = group == kLsPod || group == StormTree::kLs;
    const auto least = (is_service ? kLsMib : kLeastBeMib) * kMib;
    if (bytes_of(text) >= 0 && bytes_of(text) < least) lines += file + ": " + text + " bytes are too few\n";
  }
  return lines;
}

}  // namespace tideline::test
