#include "node-actor/kernel/topology.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <type_traits>

#include <fmt/format.h>
#include <hwloc.h>

namespace tideline::kernel {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

using Handle = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, decltype(&hwloc_topology_destroy)>;

Result<Handle> begin(unsigned long flags) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return Error(ErrorCode::kInternal, "hwloc: no topology context");
  Handle handle(raw, &hwloc_topology_destroy);
  hwloc_topology_set_flags(raw, flags);
  return handle;
}

/// Logical index of the ancestor of that kind, 0 where there is none.
int index_above(hwloc_topology_t topology, hwloc_obj_type_t type, hwloc_obj_t object) {
  const hwloc_obj_t ancestor = hwloc_get_ancestor_obj_by_type(topology, type, object);
  return ancestor == nullptr ? 0 : static_cast<int>(ancestor->logical_index);
}

/// A CPU of which no core is told counts as one by itself: nothing is its sibling. Below 0, where no core's index is.
int core_of(hwloc_topology_t topology, hwloc_obj_t pu) {
  const hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
  return core == nullptr ? -1 - static_cast<int>(pu->logical_index) : static_cast<int>(core->logical_index);
}

int numa_of(hwloc_obj_t pu) {
  return pu->nodeset == nullptr ? 0 : std::max(0, hwloc_bitmap_first(pu->nodeset));
}

Result<Topology> finish(const Handle& handle, const std::string& source) {
  hwloc_topology_t raw = handle.get();
  if (hwloc_topology_load(raw) != 0) {
    return Error(ErrorCode::kUnavailable, fmt::format("hwloc: cannot load the topology of {}", source));
  }
  const auto count = [&](hwloc_obj_type_t type) { return std::max(0, hwloc_get_nbobjs_by_type(raw, type)); };
  Topology found;
  found.cores = count(HWLOC_OBJ_CORE);
  found.l3_domains = count(HWLOC_OBJ_L3CACHE);
  found.numa_nodes = count(HWLOC_OBJ_NUMANODE);
  found.packages = count(HWLOC_OBJ_PACKAGE);
  for (hwloc_obj_t pu = hwloc_get_next_obj_by_type(raw, HWLOC_OBJ_PU, nullptr); pu != nullptr;
       pu = hwloc_get_next_obj_by_type(raw, HWLOC_OBJ_PU, pu)) {
    found.cpus.push_back({.id = static_cast<int>(pu->os_index),
                          .core = core_of(raw, pu),
                          .l3 = index_above(raw, HWLOC_OBJ_L3CACHE, pu),
                          .numa = numa_of(pu),
                          .package = index_above(raw, HWLOC_OBJ_PACKAGE, pu)});
  }
  std::sort(found.cpus.begin(), found.cpus.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  if (found.cpus.empty()) return Error(ErrorCode::kMalformed, fmt::format("hwloc: {} has no CPU", source));
  return found;
}

/// hwloc takes the root of the tree it reads from the environment only.
class FsRoot {
 public:
  explicit FsRoot(const std::string& prefix) { ::setenv(kName, prefix.c_str(), 1); }
  ~FsRoot() { ::unsetenv(kName); }
  FsRoot(const FsRoot&) = delete;
  FsRoot& operator=(const FsRoot&) = delete;

 private:
  static constexpr const char* kName = "HWLOC_FSROOT";
};

}  // namespace

Result<Topology> load_topology(const KernelRoot& root) {
  // hwloc would move this thread, which may be the control loop's, over all CPUs to ask each for its caches, and mix
  // those of this machine into another root's tree.
  auto handle = begin(HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM | HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED |
                      HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
  if (!handle) return handle.error();
  constexpr std::string_view kSys = "/sys";
  if (root.sys == kSys) return finish(*handle, root.sys);
  if (!root.sys.ends_with(kSys)) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("hwloc needs a tree that ends in /sys, not '{}'", root.sys));
  }
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const FsRoot fs_root(root.sys.substr(0, root.sys.size() - kSys.size()));
  return finish(*handle, root.sys);
}

Result<Topology> topology_from_synthetic(const std::string& description) {
  auto handle = begin(0);
  if (!handle) return handle.error();
  if (hwloc_topology_set_synthetic(handle->get(), description.c_str()) != 0) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("hwloc: '{}' describes no topology", description));
  }
  return finish(*handle, "'" + description + "'");
}

Result<Topology> topology_from_xml(const std::string& path) {
  auto handle = begin(0);
  if (!handle) return handle.error();
  if (hwloc_topology_set_xml(handle->get(), path.c_str()) != 0) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("hwloc: {} is not a topology in XML", path));
  }
  return finish(*handle, path);
}

}  // namespace tideline::kernel
