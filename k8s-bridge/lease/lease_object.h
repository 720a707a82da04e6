#pragma once
// A coordination.k8s.io/v1 Lease as JSON, in and out. Plain functions.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::lease {

struct LeaseLimits {
  static constexpr std::size_t kMaxBytes = 256 << 10;  // of the object
  static constexpr std::size_t kMaxDepth = 32;
  static constexpr std::size_t kMaxHolderBytes = 1024;
  static constexpr std::size_t kMaxTextBytes = 256;  // of times and versions
};

/// Its spec, as far as leaders are elected by it. Times are kept as they are written: they are of somebody else's wall
/// clock, and good for nothing but to see that they changed.
struct Record {
  std::string holder;                 // "" = nobody
  std::int64_t duration_seconds = 0;  // 0 = not said
  std::string acquire_time;
  std::string renew_time;
  std::int64_t transitions = 0;
  friend bool operator==(const Record&, const Record&) = default;
};

struct LeaseObject {
  nlohmann::json json;  // whole: what others put there is written back as it was
  std::string resource_version;
  Record record;
};

/// kOverloaded beyond LeaseLimits; kMalformed: no JSON, another kind, no resourceVersion, or a field of the spec that
/// is not of its type, named. Fields that are absent or null read as the Record's defaults.
model::Result<LeaseObject> lease_from(std::string_view text);

/// For a PUT in place of `before`, whose resourceVersion it has: the API server takes it only where nobody wrote since.
std::string updated(const LeaseObject& before, const Record& record);
/// For a POST, which the API server takes only where there is none.
std::string created(const std::string& name_space, const std::string& name, const Record& record);

/// Of the collection, and of the object in it; both names must be such, as is_lease_name() says.
std::string collection_path(const std::string& name_space);
std::string object_path(const std::string& name_space, const std::string& name);
/// A DNS subdomain, as Kubernetes wants of a name.
bool is_lease_name(std::string_view name);

/// metav1.MicroTime: "2026-11-30T12:00:00.000250Z".
std::string micro_time(std::int64_t us_since_epoch);

}  // namespace tideline::lease
