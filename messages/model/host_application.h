#pragma once
// host-application-config: programs that run on the host outside of any pod, and of which the ledger and the node are
// to know. Field names follow Koordinator's.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/qos.h"
#include "messages/model/result.h"

namespace tideline::model {

/// cgroupPath.base: what the rest of the path is relative to. Values travel: never renumber.
enum class CgroupBase : std::uint8_t {
  kCgroupRoot = 0,
  kKubepods = 1,
  kKubepodsBurstable = 2,
  kKubepodsBesteffort = 3
};
std::string_view name_of(CgroupBase base);  // "CgroupRoot", "Kubepods", "KubepodsBurstable", "KubepodsBesteffort"
std::optional<CgroupBase> cgroup_base_from(std::string_view text);

/// Koordinator's PriorityClass names: "koord-prod", "koord-mid", "koord-batch", "koord-free".
std::string_view priority_class_of(Tier tier);
std::optional<Tier> tier_from_priority_class(std::string_view text);

struct HostApplication {
  std::string name;
  Tier tier = Tier::kProd;  // its priority
  QosClass qos = QosClass::kSystem;
  CgroupBase base = CgroupBase::kCgroupRoot;
  std::string path;  // below the base, without slashes at its ends: parentDir and relativePath
  friend bool operator==(const HostApplication&, const HostApplication&) = default;
};

struct HostApplicationLimits {
  static constexpr std::size_t kMaxApplications = 64;  // of one node
  static constexpr std::size_t kMaxNameBytes = 253;
  static constexpr std::size_t kMaxPathBytes = 1024;
};

/// Where Koordinator looks for an application without a cgroupPath, below the cgroup root:
/// "host-latency-sensitive/<name>" for LSE, LSR and LS, "host-best-effort/<name>" for BE, else "<name>".
std::string default_path_of(const std::string& name, QosClass qos);

/// Whether one application can be looked for: a name that is no path, and a path of at least one component, none of
/// them "." or "..", so that it never leads out of its base. The error names what is wrong and its value.
Result<void> validate(const HostApplication& application);
/// All of them, their number, and that no two have one name or one group. The error names both.
Result<void> validate(const std::vector<HostApplication>& applications);

/// As a change of policy shows it:
/// [{"name":"nginx","priority":"koord-prod","qos":"LS","cgroup":"CgroupRoot/web/nginx"}]
std::string text_of(const std::vector<HostApplication>& applications);

/// What a node knows of one of them. Values travel: never renumber.
enum class ApplicationState : std::uint8_t {
  kMeasured = 0,
  kNotFound = 1,    // there is no such group: it does not run, or the path is another
  kUnreadable = 2,  // the group is there, and its use is not known
  kHoldsPods = 3,   // the group holds pods or another application, whose use is not this one's: it is not measured
};
std::string_view name_of(ApplicationState state);  // "measured", "not-found", "unreadable", "holds-pods"

}  // namespace tideline::model
