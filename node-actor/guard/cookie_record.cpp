#include "node-actor/guard/cookie_record.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "node-actor/guard/mapped_file.h"
#include "node-actor/kernel/fd.h"

namespace tideline::guard {
namespace {

using model::Result;
using nlohmann::json;

/// A line per cookie; far beyond this it is not ours.
constexpr std::uintmax_t kMaxBytes = 4u << 20;

bool write_and_sync(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return ::fsync(fd) == 0;
}

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
  std::error_code absent;
  const auto size = std::filesystem::file_size(record.path_, absent);
  if (absent) return record;
  std::ifstream in(record.path_, std::ios::binary);
  const auto document = size > kMaxBytes ? json() : json::parse(in, nullptr, false);
  if (document.is_object() && document.value("boot_id", json()) != boot_id) return record;
  auto known = document.is_object() ? parse(document) : std::nullopt;
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
  const auto text =
      json{{"boot_id", boot_id_}, {"cookies", std::move(list)}}.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto fresh = path_ + ".new";
  const kernel::Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd.open()) return unavailable("open", fresh);
  if (!write_and_sync(fd.get(), text)) return unavailable("write", fresh);
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return unavailable("rename", path_);
  const auto directory = std::filesystem::path(path_).parent_path().string();
  const kernel::Fd held(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!held.open() || ::fsync(held.get()) != 0) return unavailable("fsync", directory);
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
