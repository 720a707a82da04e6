#include "storage/rocks/new_directory.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace tideline::rocks {
namespace {

namespace fs = std::filesystem;

model::Error refused_place(const std::string& path, const std::string& why) {
  return {model::ErrorCode::kUnavailable, fmt::format("{}: {}", path, why)};
}

model::Result<void> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (synced) return {};
  return refused_place(path.string(), "not on the disk: " + std::generic_category().message(why));
}

model::Result<void> sync_all(const std::string& directory) {
  std::error_code failed;
  for (auto it = fs::directory_iterator(directory, failed); !failed && it != fs::directory_iterator();
       it.increment(failed)) {
    if (auto synced = sync_path(it->path()); !synced) return synced;
  }
  if (failed) return refused_place(directory, failed.message());
  return sync_path(directory);
}

}  // namespace

model::Result<NewDirectory> NewDirectory::plan(const std::string& place, std::string_view what,
                                               std::string_view ending) {
  std::string plain = place;
  while (plain.size() > 1 && plain.back() == '/')
    plain.pop_back();
  std::string part = plain + std::string(ending);
  std::error_code failed;
  const auto is = fs::symlink_status(plain, failed);
  const bool is_free =
      is.type() == fs::file_type::not_found || (is.type() == fs::file_type::directory && fs::is_empty(plain, failed));
  if (!is_free) return model::invalid(fmt::format("{} to {}: there is something", what, plain));
  if (fs::symlink_status(part, failed).type() != fs::file_type::not_found) {
    return model::invalid(
        fmt::format("{} to {}: {} is there: another {} goes on, or it is what one left that was killed; remove it then",
                    what, plain, part, what));
  }
  return NewDirectory(std::move(plain), std::move(part));
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (is_made_) fs::remove_all(part_, ignored);
}

model::Result<void> NewDirectory::make() {
  std::error_code failed;
  is_made_ = fs::create_directory(part_, failed);
  if (is_made_) return {};
  return refused_place(part_, failed ? failed.message() : "it is there by now");
}

model::Result<void> NewDirectory::commit() {
  if (auto synced = sync_all(part_); !synced) return synced;
  std::error_code failed;
  fs::rename(part_, place_, failed);
  if (failed) return refused_place(place_, failed.message());
  is_made_ = false;
  return sync_path(fs::absolute(place_, failed).parent_path());
}

}  // namespace tideline::rocks
