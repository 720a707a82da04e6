#pragma once
// Where each cgroup and each of its files lies on this host: cgroup v1 (a hierarchy per controller, some co-mounted),
// v2, or the hybrid of both; kubelet's cgroupfs or systemd naming.
//
// A "group" is a path relative to the hierarchies, the same in all of them, without slashes at its ends:
// "kubepods/besteffort/pod<uid>" or "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<uid>.slice".

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "node-actor/kernel/kernel_root.h"

namespace tideline::kernel {

enum class CgroupVersion { kV1, kV2 };
std::string_view name_of(CgroupVersion version);  // "v1", "v2"

/// Kubelet's cgroupDriver.
enum class CgroupDriver { kCgroupfs, kSystemd };
std::string_view name_of(CgroupDriver driver);  // "cgroupfs", "systemd"
std::optional<CgroupDriver> cgroup_driver_from(std::string_view text);

struct TreeOptions {
  /// Group that holds all pods, e.g. "tideline-demo/kubepods"; empty: "kubepods.slice" or "kubepods", whichever is
  /// there.
  std::string kubepods;
  /// Empty: systemd where the last part of `kubepods` ends in ".slice", else cgroupfs.
  std::optional<CgroupDriver> driver;
};

/// Signals of this kernel and what CPU suppress needs at start, looked for on the besteffort root; every knob, with why
/// it cannot be had, is probe_knobs' (capabilities.h).
struct Capabilities {
  bool quota = false;           // cpu.cfs_quota_us / cpu.max
  bool burst = false;           // cpu.cfs_burst_us / cpu.max.burst
  bool idle = false;            // cpu.idle
  bool weight = false;          // cpu.shares / cpu.weight
  bool group_pressure = false;  // a group's own cpu.pressure
  bool node_pressure = false;   // /proc/pressure
  bool quota_writable = false;  // this process may write the quota
  /// Knobs that are missing, in this kernel's spelling; for status.
  std::vector<std::string> missing;
};

class CgroupTree {
 public:
  /// Finds the hierarchies in `<proc>/self/mountinfo`; never asks /proc/self/cgroup, so it also works in a private
  /// cgroup namespace. A hierarchy mounted several times counts once: the mount that shows most of it and holds
  /// `kubepods`. Mount points outside root.sys are ignored; when none is inside (a recorded mountinfo), those below
  /// "/sys" are taken relative to root.sys. kUnsupported without a cpu controller, kNotFound without `kubepods`.
  static model::Result<CgroupTree> discover(const KernelRoot& root, const TreeOptions& options);

  const KernelRoot& root() const { return root_; }
  /// Version of the hierarchy that has the cpu controller.
  CgroupVersion version() const { return version_; }
  CgroupDriver driver() const { return driver_; }

  /// Group of all pods; Guaranteed pods lie directly below it.
  const std::string& kubepods() const { return kubepods_; }
  const std::string& best_effort() const { return best_effort_; }
  const std::string& burstable() const { return burstable_; }
  const std::string& qos_group(model::KubeQos qos) const;
  std::string pod_group(const model::Pod& pod) const;
  std::string pod_group(model::KubeQos qos, const model::PodUid& uid) const;
  /// The container's group as it is on disk (cgroupfs: "<id>"; systemd: cri-containerd-, crio- or docker-<id>.scope).
  /// kNotFound when no such directory is there now.
  model::Result<std::string> container_group(const model::Pod& pod, const model::Container& container) const;
  model::Result<std::string> container_group(model::KubeQos qos, const model::PodUid& uid,
                                             const std::string& container_id) const;

  /// Absolute directory of `group` in the hierarchy that owns `file`, chosen by the file's name: "cpuacct.usage" lies
  /// in v1's cpuacct hierarchy, "tasks" and "cgroup.*" in cpu's, "cpu.pressure" and its kind on v1 in cpuacct's (where
  /// the kernels that have them put them). kUnsupported when no mounted hierarchy has that controller,
  /// kInvalidArgument for a group or file that would lead out of the hierarchy. Does not look whether it exists.
  model::Result<std::string> directory(std::string_view group, std::string_view file) const;
  model::Result<std::string> path(std::string_view group, std::string_view file) const;
  /// A file's path below its hierarchy's root, as events name it; as it is where it lies in none of them.
  std::string below_root(const std::string& path) const;

  /// Whether the controller that owns `file` is on cgroup v2 here; in a hybrid tree each may be on its own.
  bool is_unified(std::string_view file) const;

  Capabilities capabilities() const;

 private:
  struct Hierarchy {
    std::string mount_point;  // absolute
    std::string mounted;      // the group shown at the mount point: "" = the hierarchy's root
    bool unified = false;
  };
  using Hierarchies = std::map<std::string, Hierarchy, std::less<>>;  // by controller: "cpu", "cpuacct", "memory", ...
  const Hierarchy* hierarchy_of(std::string_view file) const;

  KernelRoot root_;
  CgroupVersion version_ = CgroupVersion::kV1;
  CgroupDriver driver_ = CgroupDriver::kCgroupfs;
  Hierarchies controllers_;
  std::string kubepods_;
  std::string best_effort_;
  std::string burstable_;
  std::string stem_;  // systemd: the name that kubepods' children begin with
};

}  // namespace tideline::kernel
