#include "test/support/pod_tree.h"

#include <cstdlib>

namespace tideline::test {

PodTree::PodTree() {
  cgroup_.make(kLs);
  cgroup_.make(kBe);
  const auto weigh = [&](const std::string& group, int shares, int weight) {
    if (cgroup_.v1()) {
      cgroup_.write(group, "cpu.shares", std::to_string(shares));
    } else {
      cgroup_.write(group, "cpu.weight", std::to_string(weight));
    }
  };
  weigh("kubepods/besteffort", 2, 1);
  weigh("kubepods/besteffort/podbe-uid", 2, 1);
  weigh("kubepods/burstable", 1024, 39);
  weigh("kubepods/burstable/podls-uid", 1024, 39);
}

std::string PodTree::pods_json() {
  return R"({"pods": [
    {"uid": "ls-uid", "namespace": "test", "name": "web", "qosClass": "LS", "kubeQosClass": "Burstable",
     "priority": 9000, "requests": {"cpu": "1", "memory": "64Mi"}, "containers": [{"name": "web", "id": "web"}]},
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort",
     "priority": 5000, "requests": {"kubernetes.io/batch-cpu": 1000}, "containers": [{"name": "job", "id": "job"}]}
  ]})";
}

std::string PodTree::quota() const {
  const std::string root = "kubepods/besteffort";
  if (!cgroup_.v1()) return cgroup_.read(root, "cpu.max");
  return cgroup_.read(root, "cpu.cfs_quota_us") + " " + cgroup_.read(root, "cpu.cfs_period_us");
}

std::string PodTree::read(const std::string& group, const std::string& v1_file, const std::string& v2_file) const {
  return cgroup_.read(group, cgroup_.v1() ? v1_file : v2_file);
}

void PodTree::write(const std::string& group, const std::string& v1_file, const std::string& v2_file,
                    const std::string& value) {
  cgroup_.write(group, cgroup_.v1() ? v1_file : v2_file, value);
}

Snapshot PodTree::files() const {
  const std::vector<std::string> groups{"kubepods", "kubepods/burstable", kLsPod, kLs, "kubepods/besteffort", kBePod,
                                        kBe};
  Snapshot files = cpu_files(cgroup_, groups);
  files.merge(memory_files(cgroup_, groups));
  return files;
}

void PodTree::bound_memory(int mib) {
  write("kubepods", "memory.limit_in_bytes", "memory.max", std::to_string(std::int64_t{mib} << 20));
}

std::int64_t PodTree::memory_usage(const std::string& group) const {
  return std::strtoll(read(group, "memory.usage_in_bytes", "memory.current").c_str(), nullptr, 10);
}

std::int64_t PodTree::oom_kills(const std::string& group) const {
  const std::string key = "oom_kill ";
  const auto text = "\n" + read(group, "memory.oom_control", "memory.events");
  const auto at = text.find("\n" + key);
  return at == std::string::npos ? 0 : std::strtoll(text.c_str() + at + 1 + key.size(), nullptr, 10);
}

bool PodTree::limited() const {
  const auto text = quota();
  return !text.starts_with("-1") && !text.starts_with("max");
}

void PodTree::spoil_weight() {
  cgroup_.write("kubepods/besteffort", cgroup_.v1() ? "cpu.shares" : "cpu.weight", cgroup_.v1() ? "1024" : "100");
}

void PodTree::confine_to_cpu(int cpu) {
  // Narrowed bottom-up: a v1 parent may not hold less than its children.
  for (const char* group : {kLs, kBe, "kubepods/burstable/podls-uid", "kubepods/besteffort/podbe-uid",
                            "kubepods/burstable", "kubepods/besteffort", "kubepods"}) {
    cgroup_.write(group, "cpuset.cpus", std::to_string(cpu));
  }
}

std::int64_t PodTree::cpu_ns(const std::string& relative) const {
  if (cgroup_.v1()) return std::strtoll(cgroup_.read(relative, "cpuacct.usage").c_str(), nullptr, 10);
  const auto text = cgroup_.read(relative, "cpu.stat");
  const auto at = text.find("usage_usec ");
  return at == std::string::npos ? 0 : std::strtoll(text.c_str() + at + 11, nullptr, 10) * 1000;
}

}  // namespace tideline::test
