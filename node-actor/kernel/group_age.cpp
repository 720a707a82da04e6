#include "node-actor/kernel/group_age.h"

#include <algorithm>
#include <chrono>

#include <sys/stat.h>

namespace tideline::kernel {

std::optional<model::Duration> group_age(const CgroupTree& tree, const model::Pod& pod, model::WallTime now) {
  const auto directory = tree.directory(tree.pod_group(pod), "cgroup.procs");
  struct stat info {};
  if (!directory || ::stat(directory->c_str(), &info) != 0) return std::nullopt;
  const auto ms_of = [](const timespec& time) { return time.tv_sec * 1000 + time.tv_nsec / 1'000'000; };
  const std::int64_t made_ms = std::min(ms_of(info.st_ctim), ms_of(info.st_mtim));
  return std::chrono::milliseconds(std::max<std::int64_t>(now.ms - made_ms, 0));
}

}  // namespace tideline::kernel
