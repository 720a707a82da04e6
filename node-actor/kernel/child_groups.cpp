#include "node-actor/kernel/child_groups.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <sys/stat.h>

#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

model::Result<std::vector<std::string>> child_groups(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), &::closedir);
  if (!opened) return error_from(errno, "open", directory);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return error_from(errno, "list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> groups_below(const std::string& directory) {
  std::vector<std::string> groups;
  const auto add = [&](const std::string& above) {
    const auto names = child_groups(above);
    if (!names) return;
    for (const auto& name : *names)
      groups.push_back(above + "/" + name);
  };
  add(directory);
  for (std::size_t i = 0; i < groups.size(); ++i)
    add(std::string(groups[i]));
  return groups;
}

model::Result<std::vector<std::string>> all_groups_of(const std::string& directory) {
  std::vector<std::string> groups = {directory};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string above = groups[i];
    const auto names = child_groups(above);
    if (!names && (i == 0 || names.error().code() != model::ErrorCode::kNotFound)) return names.error();
    if (!names) continue;
    for (const auto& name : *names)
      groups.push_back(above + "/" + name);
  }
  return groups;
}

bool may_hold_groups(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return true;
  if (status.st_nlink >= 2) return status.st_nlink > 2;
  const auto names = child_groups(directory);
  return !names || !names->empty();
}

}  // namespace tideline::kernel
