#include "node-actor/guard/cookie_record.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "node-actor/guard/boot_record.h"

namespace tideline::guard {
namespace {

using model::Result;
using nlohmann::json;

/// A line per cookie; far beyond this it is not ours.
constexpr std::uintmax_t kMaxBytes = 4u << 20;

std::optional<std::vector<KnownCookie>> parse(const json& document) {
  const auto list = document.find("cookies");
  if (list == document.end() || !list->is_array()) return std::nullopt;
  std::vector<KnownCookie> known;
  for (const auto& entry : *list) {
    if (!entry.is_object()) return std::nullopt;
    const auto cookie = entry.find("cookie");
    const auto group = entry.find("group");
    if (cookie == entry.end() || !cookie->is_number_unsigned()) return std::nullopt;
    if (group == entry.end() || !group->is_string()) return std::nullopt;
    known.push_back({cookie->get<kernel::Cookie>(), group->get<std::string>()});
  }
  return known;
}

}  // namespace

CookieRecord CookieRecord::open(const std::string& state_dir, const std::string& boot_id) {
  CookieRecord record;
  record.path_ = state_dir + "/cookies";
  record.boot_id_ = boot_id;
  const auto document = read_boot_record(record.path_, boot_id, kMaxBytes);
  if (!document) return record;
  auto known = document->is_object() ? parse(*document) : std::nullopt;
  if (known) {
    record.known_ = std::move(*known);
  } else {
    record.problem_ = record.path_ + ": not a record of cookies: those that an earlier life gave stay where they are";
  }
  return record;
}

Result<void> CookieRecord::replace(std::vector<KnownCookie> known) {
  if (known == known_) return {};
  json list = json::array();
  for (const auto& each : known)
    list.push_back({{"cookie", each.cookie}, {"group", each.group}});
  if (auto kept = replace_boot_record(path_, boot_id_, "cookies", std::move(list)); !kept) return kept;
  known_ = std::move(known);
  return {};
}

Result<kernel::Clearing> clear_cookies(CookieRecord& record, kernel::CookieKernel& kernel, const std::string& proc) {
  if (record.known().empty()) return kernel::Clearing{};
  kernel::Clearing done;
  // Where SMT is off they are still there, and nobody can read them.
  const auto own = kernel::cookie_of(kernel, 0);
  if (own || own.error().code() != model::ErrorCode::kInvalidArgument) {
    std::set<kernel::Cookie> cookies;
    for (const auto& each : record.known())
      cookies.insert(each.cookie);
    auto cleared = kernel::clear_cookies(kernel, proc, cookies, {});
    if (!cleared) return cleared.error();
    done = std::move(*cleared);
  }
  if (done.left > 0 || done.refused) return done;
  if (auto emptied = record.replace({}); !emptied) return emptied.error();
  return done;
}

}  // namespace tideline::guard
