#include "node-actor/kernel/cgroup_tree.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kUsualRoots = {"kubepods.slice", "kubepods"};
constexpr std::string_view kSlice = ".slice";

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// "" is the hierarchy itself; else components without "." or "..", so that a name never leads out.
bool is_group(std::string_view group) {
  if (group.empty()) return true;
  while (true) {
    const auto slash = std::min(group.find('/'), group.size());
    const auto part = group.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) return false;
    if (slash == group.size()) return true;
    group.remove_prefix(slash + 1);
  }
}

std::string without_slashes(std::string text) {
  while (!text.empty() && text.back() == '/')
    text.pop_back();
  text.erase(0, std::min(text.find_first_not_of('/'), text.size()));
  return text;
}

/// The group as seen from a mount that shows only `mounted` and what is below it.
std::string_view below(std::string_view group, std::string_view mounted) {
  if (mounted.empty()) return group;
  if (group == mounted) return {};
  if (group.starts_with(mounted) && group[mounted.size()] == '/') group.remove_prefix(mounted.size() + 1);
  return group;
}

std::string join(const std::string& mount_point, std::string_view group) {
  return group.empty() ? mount_point : fmt::format("{}/{}", mount_point, group);
}

/// Rank of a mount by how much of its hierarchy it shows: above our namespace first, then all, then part.
std::pair<std::ptrdiff_t, std::size_t> narrowness(const CgroupMount& mount) {
  std::ptrdiff_t ups = 0;
  std::string_view root = mount.root;
  while (root.starts_with("/..")) {
    root.remove_prefix(3);
    ++ups;
  }
  return {-ups, ups > 0 ? 0 : mount.root.size()};
}

/// Mounts below root.sys; else those of a mountinfo taken elsewhere, moved below it.
std::vector<CgroupMount> mounts_below(const KernelRoot& root, std::string_view mountinfo) {
  const auto all = parse_cgroup_mounts(mountinfo);
  std::vector<CgroupMount> inside;
  for (const auto& mount : all) {
    if (mount.mount_point.starts_with(root.sys + "/")) inside.push_back(mount);
  }
  if (!inside.empty()) return inside;
  constexpr std::string_view kSys = "/sys/";
  for (auto mount : all) {
    if (!mount.mount_point.starts_with(kSys)) continue;
    mount.mount_point = root.sys + mount.mount_point.substr(kSys.size() - 1);
    if (is_directory(mount.mount_point)) inside.push_back(std::move(mount));
  }
  return inside;
}

std::vector<std::string> controllers_of(const CgroupMount& mount) {
  if (!mount.unified) return mount.controllers;
  std::vector<std::string> names = {""};
  if (const auto text = read_file(mount.mount_point + "/cgroup.controllers")) {
    std::string_view rest = *text;
    for (auto name = next_word(rest); !name.empty(); name = next_word(rest))
      names.emplace_back(name);
  }
  return names;
}

}  // namespace

std::string_view name_of(CgroupVersion version) {
  return version == CgroupVersion::kV1 ? "v1" : "v2";
}

std::string_view name_of(CgroupDriver driver) {
  return driver == CgroupDriver::kCgroupfs ? "cgroupfs" : "systemd";
}

std::optional<CgroupDriver> cgroup_driver_from(std::string_view text) {
  for (const auto driver : {CgroupDriver::kCgroupfs, CgroupDriver::kSystemd}) {
    if (text == name_of(driver)) return driver;
  }
  return std::nullopt;
}

Result<CgroupTree> CgroupTree::discover(const KernelRoot& root, const TreeOptions& options) {
  const std::string source = root.proc + "/self/mountinfo";
  const auto mountinfo = read_file(source);
  if (!mountinfo) return mountinfo.error();
  auto mounts = mounts_below(root, *mountinfo);
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const auto& a, const auto& b) { return narrowness(a) < narrowness(b); });

  CgroupTree tree;
  tree.root_ = root;
  std::multimap<std::string, Hierarchy> candidates;  // of one controller in order of preference
  for (const auto& mount : mounts) {
    const bool part = !mount.root.starts_with("/..") && mount.root != "/";
    for (const auto& name : controllers_of(mount)) {
      candidates.emplace(name, Hierarchy{.mount_point = mount.mount_point,
                                         .mounted = part ? without_slashes(mount.root) : "",
                                         .unified = mount.unified});
    }
  }
  if (candidates.count("cpu") == 0) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("{}: no cgroup hierarchy with the cpu controller is mounted below {}", source, root.sys));
  }

  std::vector<std::string> wanted;
  if (options.kubepods.empty()) {
    wanted.assign(kUsualRoots.begin(), kUsualRoots.end());
  } else {
    wanted.push_back(without_slashes(options.kubepods));
    if (!is_group(wanted.front()) || wanted.front().empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("kubepods group '{}'", options.kubepods));
    }
  }
  const auto holder = [&](const std::string& controller, const std::string& group) -> const Hierarchy* {
    const auto [first, last] = candidates.equal_range(controller);
    const auto found = std::find_if(first, last, [&](const auto& entry) {
      return is_directory(join(entry.second.mount_point, below(group, entry.second.mounted)));
    });
    return found == last ? nullptr : &found->second;
  };
  const auto present =
      std::find_if(wanted.begin(), wanted.end(), [&](const auto& group) { return holder("cpu", group) != nullptr; });
  if (present == wanted.end()) {
    return Error(ErrorCode::kNotFound, fmt::format("group '{}' is not in {}", fmt::join(wanted, "' or '"),
                                                   candidates.find("cpu")->second.mount_point));
  }
  tree.kubepods_ = *present;
  for (auto entry = candidates.begin(); entry != candidates.end(); entry = candidates.upper_bound(entry->first)) {
    const auto* chosen = holder(entry->first, tree.kubepods_);
    tree.controllers_.emplace(entry->first, chosen != nullptr ? *chosen : entry->second);
  }
  tree.version_ = tree.controllers_.at("cpu").unified ? CgroupVersion::kV2 : CgroupVersion::kV1;

  const auto last_slash = tree.kubepods_.rfind('/');
  std::string stem = last_slash == std::string::npos ? tree.kubepods_ : tree.kubepods_.substr(last_slash + 1);
  tree.driver_ = options.driver.value_or(stem.ends_with(kSlice) ? CgroupDriver::kSystemd : CgroupDriver::kCgroupfs);
  if (tree.driver_ == CgroupDriver::kSystemd) {
    if (stem.ends_with(kSlice)) stem.resize(stem.size() - kSlice.size());
    tree.stem_ = stem;
    tree.best_effort_ = fmt::format("{}/{}-besteffort.slice", tree.kubepods_, stem);
    tree.burstable_ = fmt::format("{}/{}-burstable.slice", tree.kubepods_, stem);
  } else {
    tree.best_effort_ = tree.kubepods_ + "/besteffort";
    tree.burstable_ = tree.kubepods_ + "/burstable";
  }
  return tree;
}

const std::string& CgroupTree::qos_group(model::KubeQos qos) const {
  switch (qos) {
    case model::KubeQos::kBestEffort:
      return best_effort_;
    case model::KubeQos::kBurstable:
      return burstable_;
    case model::KubeQos::kGuaranteed:
      break;
  }
  return kubepods_;
}

std::string CgroupTree::pod_group(const model::Pod& pod) const {
  return pod_group(pod.kube_qos, pod.uid);
}

std::string CgroupTree::pod_group(model::KubeQos qos, const model::PodUid& uid) const {
  const auto& parent = qos_group(qos);
  if (driver_ == CgroupDriver::kCgroupfs) return fmt::format("{}/pod{}", parent, uid.str());
  std::string name = uid.str();
  std::replace(name.begin(), name.end(), '-', '_');
  constexpr std::array<std::string_view, 3> kClass = {"", "-burstable", "-besteffort"};
  return fmt::format("{}/{}{}-pod{}.slice", parent, stem_, kClass[static_cast<std::size_t>(qos)], name);
}

Result<std::string> CgroupTree::container_group(const model::Pod& pod, const model::Container& container) const {
  return container_group(pod.kube_qos, pod.uid, container.id);
}

Result<std::string> CgroupTree::container_group(model::KubeQos qos, const model::PodUid& uid,
                                                const std::string& container_id) const {
  constexpr std::array<std::string_view, 5> kShapes = {"{}", "cri-containerd-{}.scope", "crio-{}.scope",
                                                       "docker-{}.scope", "crio-{}"};
  const std::string parent = pod_group(qos, uid);
  if (container_id.empty() || container_id.find('/') != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("container id '{}' of pod {}", container_id, uid.str()));
  }
  for (const auto shape : kShapes) {
    std::string group = fmt::format("{}/{}", parent, fmt::format(fmt::runtime(shape), container_id));
    const auto path = directory(group, "cpu.stat");
    if (!path) return path.error();
    if (is_directory(*path)) return group;
  }
  return Error(ErrorCode::kNotFound, fmt::format("no group of container '{}' in {}", container_id, parent));
}

const CgroupTree::Hierarchy* CgroupTree::hierarchy_of(std::string_view file) const {
  std::string_view controller = file.substr(0, file.find('.'));
  if (file.ends_with(".pressure")) {
    controller = version_ == CgroupVersion::kV2 ? "" : "cpuacct";
  } else if (controller == "cgroup" || file == "tasks") {
    controller = "cpu";
  }
  const auto found = controllers_.find(controller);
  return found == controllers_.end() ? nullptr : &found->second;
}

bool CgroupTree::is_unified(std::string_view file) const {
  const auto* hierarchy = hierarchy_of(file);
  return hierarchy != nullptr && hierarchy->unified;
}

Result<std::string> CgroupTree::directory(std::string_view group, std::string_view file) const {
  if (!is_group(group)) return Error(ErrorCode::kInvalidArgument, fmt::format("cgroup '{}'", group));
  if (file.empty() || file.find('/') != std::string_view::npos || file.starts_with('.')) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("cgroup file '{}' of {}", file, group));
  }
  const auto* hierarchy = hierarchy_of(file);
  if (hierarchy == nullptr) {
    return Error(ErrorCode::kUnsupported, fmt::format("{} of {}: no mounted cgroup hierarchy has it", file, group));
  }
  return join(hierarchy->mount_point, below(group, hierarchy->mounted));
}

Result<std::string> CgroupTree::path(std::string_view group, std::string_view file) const {
  auto where = directory(group, file);
  if (!where) return where;
  return fmt::format("{}/{}", *where, file);
}

std::string CgroupTree::below_root(const std::string& path) const {
  const auto pods = directory(kubepods(), std::filesystem::path(path).filename().string());
  if (!pods || !pods->ends_with(kubepods())) return path;
  const auto root = std::string_view(*pods).substr(0, pods->size() - kubepods().size());
  return path.starts_with(root) ? path.substr(root.size()) : path;
}

Capabilities CgroupTree::capabilities() const {
  Capabilities found;
  const bool v1 = version_ == CgroupVersion::kV1;
  const auto probe = [&](std::string_view file, int mode) {
    const auto where = path(best_effort_, file);
    return where.ok() && ::access(where->c_str(), mode) == 0;
  };
  const auto look = [&](std::string_view file) {
    const bool there = probe(file, F_OK);
    if (!there) found.missing.emplace_back(file);
    return there;
  };
  const std::string_view quota = v1 ? "cpu.cfs_quota_us" : "cpu.max";
  found.quota = look(quota);
  found.burst = look(v1 ? "cpu.cfs_burst_us" : "cpu.max.burst");
  found.idle = look("cpu.idle");
  found.weight = look(v1 ? "cpu.shares" : "cpu.weight");
  // Without pressure stall accounting the files are there but cannot be read.
  const auto pressure = path(best_effort_, "cpu.pressure");
  found.group_pressure = pressure.ok() && read_file(*pressure).ok();
  if (!found.group_pressure) found.missing.emplace_back("cpu.pressure");
  const std::string node_pressure = root_.proc + "/pressure/cpu";
  found.node_pressure = read_file(node_pressure).ok();
  if (!found.node_pressure) found.missing.push_back(node_pressure);
  found.quota_writable = probe(quota, W_OK);
  return found;
}

}  // namespace tideline::kernel
