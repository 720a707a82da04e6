#include "node-actor/kernel/child_groups.h"

#include <algorithm>
#include <cerrno>
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
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool may_hold_groups(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return true;
  if (status.st_nlink >= 2) return status.st_nlink > 2;
  const auto names = child_groups(directory);
  return !names || !names->empty();
}

}  // namespace tideline::kernel
