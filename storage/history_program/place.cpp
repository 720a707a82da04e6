#include "storage/history_program/place.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "storage/history_program/text.h"
#include "storage/rocks/rocks_store.h"

namespace tideline::history_program {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStoreName = "history";  // below the coordinator's --data-dir
constexpr const char* kMark = "CURRENT";       // that RocksDB has in each of its directories

bool has_store(const fs::path& directory) {
  std::error_code unknown;
  return fs::exists(directory / kMark, unknown);
}

/// Without a slash at its end, which would be a name that is empty.
fs::path plain_path(const std::string& text) {
  fs::path path = fs::path(text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

fs::path real_path(const std::string& text) {
  std::error_code unknown;
  const fs::path path = fs::weakly_canonical(fs::absolute(plain_path(text), unknown), unknown);
  return unknown ? plain_path(text) : path;
}

}  // namespace

model::Result<std::string> find_store(const std::string& directory) {
  const fs::path path = plain_path(directory);
  for (const fs::path& place : {path, path / kStoreName}) {
    if (has_store(place)) return place.string();
  }
  std::error_code unknown;
  if (!fs::is_directory(path, unknown)) {
    return model::Error(model::ErrorCode::kNotFound, fmt::format("{}: is no directory", name_text(directory)));
  }
  return model::Error(
      model::ErrorCode::kNotFound,
      fmt::format("{}: no store of history is in it, nor in \"{}\" below it", name_text(directory), kStoreName));
}

std::string new_store(const std::string& directory) {
  const fs::path path = plain_path(directory);
  return (path.filename() == kStoreName ? path : path / kStoreName).string();
}

model::Result<MadeParents> MadeParents::of(const std::string& place) {
  MadeParents made;
  std::error_code problem;
  const fs::path parent = fs::path(place).parent_path();
  for (auto at = parent; !at.empty() && !fs::exists(at, problem); at = at.parent_path())
    made.paths_.push_back(at);
  if (!made.paths_.empty()) fs::create_directories(parent, problem);
  if (!problem) return made;
  return model::Error(model::ErrorCode::kUnavailable,
                      fmt::format("{}: make the directory: {}", name_text(parent.string()), problem.message()));
}

MadeParents::~MadeParents() {
  std::error_code used;
  for (const auto& path : paths_)
    fs::remove(path, used);  // one in which there is something stays
}

model::Result<void> check_free(const std::string& store, const std::string& instead) {
  if (!rocks::RocksStore::is_held(store)) return {};
  return model::Error(
      model::ErrorCode::kUnavailable,
      fmt::format("{}: a process has it open, a coordinator most likely: {}", name_text(store), instead));
}

model::Result<void> check_outside(const std::string& inner, const std::string& outer) {
  const fs::path below = real_path(inner);
  const fs::path above = real_path(outer);
  const auto [left, rest] = std::mismatch(above.begin(), above.end(), below.begin(), below.end());
  if (left != above.end()) return {};
  return model::invalid(fmt::format("{} lies in {}: want another place", name_text(inner), name_text(outer)));
}

}  // namespace tideline::history_program
