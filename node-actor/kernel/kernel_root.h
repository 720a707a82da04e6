#pragma once

#include <string>

namespace tideline::kernel {

/// Where this host's kernel trees are mounted. Nothing in this room opens a path outside these two.
struct KernelRoot {
  std::string sys = "/sys";    // e.g. "/host/sys" in a container
  std::string proc = "/proc";  // e.g. "/host/proc" in a container; must show the host's pids
  /// `<prefix>/sys` and `<prefix>/proc`.
  static KernelRoot below(const std::string& prefix) { return {prefix + "/sys", prefix + "/proc"}; }
};

}  // namespace tideline::kernel
