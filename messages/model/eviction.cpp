#include "messages/model/eviction.h"

#include <set>

#include <fmt/format.h>

#include "messages/model/report.h"

namespace tideline::model {
namespace {

Result<void> check_text(std::string_view field, std::string_view text, std::size_t limit, bool may_be_empty) {
  if (text.empty() && !may_be_empty) return invalid(fmt::format("{}: empty", field));
  if (text.size() <= limit) return {};
  return invalid(fmt::format("{}: {} bytes, limit {}", field, text.size(), limit));
}

Result<void> check(const EvictionRequest& request) {
  using Limits = EvictionLimits;
  if (auto ok = check_text("id", request.id, Limits::kMaxIdBytes, false); !ok) return ok;
  if (auto ok = check_text("uid", request.uid.str(), Limits::kMaxNameBytes, false); !ok) return ok;
  if (auto ok = check_text("namespace", request.name_space, Limits::kMaxNameBytes, true); !ok) return ok;
  if (auto ok = check_text("name", request.name, Limits::kMaxNameBytes, true); !ok) return ok;
  if (auto ok = check_text("workload", request.workload, Limits::kMaxTextBytes, true); !ok) return ok;
  return check_text("group", request.group, Limits::kMaxTextBytes, true);
}

/// Of lists in which each entry has an id.
template <class Entries>
Result<void> check_ids(std::string_view field, const Entries& entries) {
  if (entries.size() > EvictionLimits::kMaxRequests) {
    return invalid(fmt::format("{}: {} entries, limit {}", field, entries.size(), EvictionLimits::kMaxRequests));
  }
  std::set<std::string_view> ids;
  for (const auto& entry : entries) {
    if (!ids.insert(entry.id).second) return invalid(fmt::format("{}: id {} comes twice", field, entry.id));
  }
  return {};
}

}  // namespace

std::string pod_subject(std::string_view name_space, std::string_view name, const PodUid& uid) {
  return fmt::format("pod {}/{} {}", name_space, name, uid.str());
}

Result<void> validate(const EvictionAsk& ask) {
  if (auto ok = check_ids("requests", ask.requests); !ok) return ok;
  for (const auto& request : ask.requests) {
    if (auto ok = check(request); !ok) return ok.error().in("requests");
  }
  return {};
}

Result<void> validate(const EvictionAnswer& answer) {
  if (auto ok = check_ids("verdicts", answer.verdicts); !ok) return ok;
  for (const auto& verdict : answer.verdicts) {
    if (auto ok = check_text("verdicts: id", verdict.id, EvictionLimits::kMaxIdBytes, false); !ok) return ok;
    if (auto ok = check_text("verdicts: why", verdict.why, EvictionLimits::kMaxTextBytes, true); !ok) return ok;
    if (verdict.retry_after < kZeroDuration || verdict.retry_after > EvictionLimits::kMaxRetryAfter) {
      return invalid("verdicts: retryAfter is outside 0..1h");
    }
  }
  return {};
}

Result<void> validate(const BatchAllocatable& allocatable) {
  if (allocatable.cpu && (*allocatable.cpu < MilliCpu(0) || *allocatable.cpu > MilliCpu(ReportLimits::kMaxMilliCpu))) {
    return invalid(fmt::format("batchCpu: {} is outside 0..{}", allocatable.cpu->value(), ReportLimits::kMaxMilliCpu));
  }
  const auto& memory = allocatable.memory;
  if (memory && (*memory < Bytes(0) || *memory > Bytes(ReportLimits::kMaxMemoryBytes))) {
    return invalid(fmt::format("batchMemory: {} is outside 0..{}", memory->value(), ReportLimits::kMaxMemoryBytes));
  }
  if (allocatable.age < kZeroDuration) return invalid("age: negative");
  return {};
}

}  // namespace tideline::model
