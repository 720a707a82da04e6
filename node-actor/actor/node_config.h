#pragma once
// Everything a worker is told at start.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/link/tls_files.h"
#include "messages/model/cpu_set.h"
#include "messages/model/ids.h"
#include "messages/model/node_annotations.h"
#include "messages/model/units.h"
#include "node-actor/actor/kubelet_cpus.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/core_sched.h"
#include "node-actor/kernel/kernel_root.h"
#include "node-actor/spool/spool.h"

namespace tideline::node {

/// Where the node's pods come from. Its coordinator tells its labels, annotations and allocatable as well.
enum class PodsFrom { kFile, kCoordinator };

/// A coordinator's bootstrap port, where the node gets its certificate.
struct Bootstrap {
  std::string address;     // host:port
  std::string ca_file;     // authorities by which the coordinator is known there
  std::string token_file;  // of the pod's service account
};

struct NodeConfig {
  model::NodeName name;
  std::vector<std::string> coordinators;  // host:port
  std::string server_name = "coordinator.tideline";
  link::TlsFiles tls;
  std::optional<Bootstrap> bootstrap;  // nullopt: somebody else puts the TLS files there

  kernel::KernelRoot kernel;
  kernel::TreeOptions tree;
  bool simulated = false;  // the kernel root is not this host's: status says so
  /// Not owned. On a simulated host the real one is not asked: its threads are others.
  kernel::CookieKernel* cookies = &kernel::this_kernel();

  /// The program that makes writes which may block in reclaim, with its first arguments (guard/slow_writer.h). Empty:
  /// such writes are refused; of run_worker() this program's own.
  std::vector<std::string> slow_writer;

  std::string state_dir = "/var/lib/tideline";
  PodsFrom pods_from = PodsFrom::kFile;
  std::string pods_file;  // of PodsFrom::kFile
  KubeletDir kubelet;
  std::map<std::string, std::string> labels;  // of PodsFrom::kFile
  model::MilliCpu cpu_reserved;               // capacity - allocatable, where that is not told
  model::CpuSet cpus_reserved;                // that neither LS nor BE is put on
  model::Bytes memory_reserved;               // as cpu_reserved
  model::NodeAnnotations annotations;         // of PodsFrom::kFile; its reservation, if any, can be read

  model::Duration fast_interval = std::chrono::milliseconds(100);  // 20 ms .. 1 s
  model::Duration pod_interval = std::chrono::seconds(1);          // >= fast_interval
  model::Duration report_interval = std::chrono::seconds(10);      // 1 s .. 5 min
  /// Of the besteffort root's quota, 10 ms .. 1 s; nullopt: kernel::best_period_us().
  std::optional<model::Duration> quota_period;
  /// A lost session is followed by a wait of 0..this, drawn at random: a fleet must not come back in one moment.
  model::Duration reconnect_spread = std::chrono::seconds(20);
  spool::SpoolLimits spool;

  std::string record_file;  // empty = off
  std::size_t record_max_bytes = 64u << 20;
};

}  // namespace tideline::node
