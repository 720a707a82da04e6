#include "k8s-bridge/lease/lease_object.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "messages/model/json_text.h"

namespace tideline::lease {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::uint64_t kMostInt32 = std::numeric_limits<std::int32_t>::max();

Error malformed(std::string message) {
  return {ErrorCode::kMalformed, std::move(message)};
}

/// nullptr: absent or null.
const json* member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_of(const json& object, const char* name, std::size_t max_bytes) {
  const json* found = member(object, name);
  if (found == nullptr) return std::string();
  if (!found->is_string()) return malformed(fmt::format("{}: want a text, not {}", name, model::shown(*found)));
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("{}: {} bytes; at most {} are read", name, text.size(), max_bytes));
  }
  return text;
}

/// An int32 of the API that is not negative.
Result<std::int64_t> number_of(const json& object, const char* name) {
  const json* found = member(object, name);
  if (found == nullptr) return std::int64_t{0};
  // What is negative is parsed as another type.
  if (found->is_number_unsigned()) {
    const auto number = found->get<std::uint64_t>();
    if (number <= kMostInt32) return static_cast<std::int64_t>(number);
  }
  return malformed(fmt::format("{}: want a whole number of 0 to {}, not {}", name, kMostInt32, model::shown(*found)));
}

Result<Record> record_from(const json& spec) {
  Record record;
  auto holder = text_of(spec, "holderIdentity", LeaseLimits::kMaxHolderBytes);
  if (!holder) return holder.error();
  record.holder = *std::move(holder);
  const auto duration = number_of(spec, "leaseDurationSeconds");
  if (!duration) return duration.error();
  record.duration_seconds = *duration;
  auto acquired = text_of(spec, "acquireTime", LeaseLimits::kMaxTextBytes);
  if (!acquired) return acquired.error();
  record.acquire_time = *std::move(acquired);
  auto renewed = text_of(spec, "renewTime", LeaseLimits::kMaxTextBytes);
  if (!renewed) return renewed.error();
  record.renew_time = *std::move(renewed);
  const auto transitions = number_of(spec, "leaseTransitions");
  if (!transitions) return transitions.error();
  record.transitions = *transitions;
  return record;
}

void write(const Record& record, json& spec) {
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration_seconds;
  spec["acquireTime"] = record.acquire_time;
  spec["renewTime"] = record.renew_time;
  spec["leaseTransitions"] = record.transitions;
}

std::string dumped(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<LeaseObject> lease_from(std::string_view text) {
  auto root = model::parse_json(text, {.max_bytes = LeaseLimits::kMaxBytes, .max_depth = LeaseLimits::kMaxDepth});
  if (!root) return root.error();
  if (!root->is_object()) return malformed("want an object, not " + model::shown(*root));
  const auto kind = text_of(*root, "kind", LeaseLimits::kMaxTextBytes);
  if (!kind) return kind.error();
  if (*kind != "Lease") return malformed(fmt::format("kind: want Lease, not \"{}\"", model::printable(*kind, 80)));
  const json* metadata = member(*root, "metadata");
  if (metadata == nullptr || !metadata->is_object()) return malformed("metadata: want an object");
  auto version = text_of(*metadata, "resourceVersion", LeaseLimits::kMaxTextBytes);
  if (!version) return version.error().in("metadata");
  if (version->empty()) return malformed("metadata.resourceVersion: missing");
  const json* spec = member(*root, "spec");
  if (spec != nullptr && !spec->is_object()) return malformed("spec: want an object, not " + model::shown(*spec));
  LeaseObject object;
  if (spec != nullptr) {
    auto record = record_from(*spec);
    if (!record) return record.error().in("spec");
    object.record = *std::move(record);
  }
  object.resource_version = *std::move(version);
  object.json = *std::move(root);
  return object;
}

std::string updated(const LeaseObject& before, const Record& record) {
  json object = before.json;
  json& spec = object["spec"];
  if (!spec.is_object()) spec = json::object();
  write(record, spec);
  return dumped(object);
}

std::string created(const std::string& name_space, const std::string& name, const Record& record) {
  json object{{"apiVersion", "coordination.k8s.io/v1"},
              {"kind", "Lease"},
              {"metadata", {{"name", name}, {"namespace", name_space}}},
              {"spec", json::object()}};
  write(record, object["spec"]);
  return dumped(object);
}

std::string collection_path(const std::string& name_space) {
  return fmt::format("/apis/coordination.k8s.io/v1/namespaces/{}/leases", name_space);
}

std::string object_path(const std::string& name_space, const std::string& name) {
  return fmt::format("{}/{}", collection_path(name_space), name);
}

bool is_lease_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  // Each part between dots begins and ends so.
  char before = '.';
  for (const char c : name) {
    if (!is_alphanumeric(c) && c != '-' && c != '.') return false;
    if ((before == '.' && !is_alphanumeric(c)) || (before == '-' && c == '.')) return false;
    before = c;
  }
  return is_alphanumeric(before);
}

std::string micro_time(std::int64_t us_since_epoch) {
  using namespace std::chrono;
  constexpr std::int64_t kFirst = -62'135'596'800'000'000;  // 0001-01-01
  constexpr std::int64_t kLast = 253'402'300'799'999'999;   // 9999-12-31
  const sys_time<microseconds> at{microseconds(std::clamp(us_since_epoch, kFirst, kLast))};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss of_day{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day.hours().count(),
                     of_day.minutes().count(), of_day.seconds().count(), of_day.subseconds().count());
}

}  // namespace tideline::lease
