#pragma once
// Which CPUs kubelet's CPU manager gave to single containers, from its checkpoint cpu_manager_state
// (kubernetes/pkg/kubelet/cm/cpumanager/state).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "messages/model/cpu_set.h"
#include "messages/model/result.h"
#include "node-actor/decide/cpu_pools.h"

namespace tideline::node {

struct KubeletCpus {
  static constexpr std::size_t kMaxBytes = 1u << 20;
  static constexpr std::size_t kMaxContainers = 8192;

  decide::KubeletCpuManager manager = decide::KubeletCpuManager::kNone;
  model::CpuSet exclusive;     // given to single containers; empty unless static
  model::CpuSet shared;        // "defaultCpuSet": where kubelet puts all others; "" in the file: not set up yet
  std::size_t containers = 0;  // that have CPUs of their own
  friend bool operator==(const KubeletCpus&, const KubeletCpus&) = default;
};

/// JSON with "policyName" ("none" or "static"), "defaultCpuSet" and "entries": of pod uid and container name a set,
/// since Kubernetes 1.18; before, of container id. Its checksum is kubelet's own affair. kMalformed: another policy, a
/// wrong type, a bad set, more than kMaxContainers, with what and where.
model::Result<KubeletCpus> parse_kubelet_cpus(std::string_view text);

/// kubelet's --root-dir, as this process reaches it.
struct KubeletDir {
  std::string path = "/var/lib/kubelet";
  /// Not being there says nothing: it is the host's, seen from a container, or somebody named it. Else a host without
  /// it is one without kubelet.
  bool required = false;
};

/// cpu_manager_state, read again when it was replaced or changed.
class KubeletCpuFile {
 public:
  static constexpr std::size_t kMaxTextBytes = 400;

  explicit KubeletCpuFile(KubeletDir directory)
      : directory_(std::move(directory)), path_(directory_.path + "/cpu_manager_state") {}

  /// True: cpus() or problem() may be others than before. Costs one stat while nothing changes, or two where there is
  /// no file.
  bool look();
  /// As last read; nullopt: it could never be read. Without the file, in a directory that is known, kubelet has no CPU
  /// manager.
  const std::optional<KubeletCpus>& cpus() const { return cpus_; }
  /// Why the file as it is now cannot be read, with its path; "" if it can.
  const std::string& problem() const { return problem_; }
  /// For people: what is known, and by which file. At most kMaxTextBytes.
  std::string text() const;

 private:
  struct Stamp {
    ino_t inode = 0;
    off_t size = -1;  // -1: absent
    std::int64_t changed_ns = 0;
    int no_directory = 0;  // errno, where the directory would have to be there
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  KubeletDir directory_;
  std::string path_;
  std::optional<Stamp> seen_;
  std::optional<KubeletCpus> cpus_;
  bool is_absent_ = false;  // cpus_ are those of no file
  std::string problem_;
};

}  // namespace tideline::node
