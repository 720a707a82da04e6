#include "node-actor/kernel/group_cpu_file.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace tideline::kernel {

using model::ErrorCode;
using model::Result;

GroupCpuFile::GroupCpuFile(std::string directory, std::string_view file)
    : directory_(std::move(directory)), path_(fmt::format("{}/{}", directory_, file)), file_(path_) {}

Result<std::string_view> GroupCpuFile::read(char* buffer, std::size_t size) {
  if (inode_ == 0) {
    if (const auto found = identify(); !found) return found.error();
  }
  auto text = file_.read_once(buffer, size);
  if (file_.unlinked() || (!text && text.error().code() == ErrorCode::kNotFound)) {
    if (const auto found = identify(); !found) return found.error();
    text = file_.read_once(buffer, size);
  }
  return text;
}

Result<void> GroupCpuFile::identify() {
  inode_ = 0;
  struct stat status {};
  if (::stat(directory_.c_str(), &status) != 0) return error_from(errno, "stat", directory_);
  inode_ = status.st_ino;
  file_ = KeptFile(path_);
  return {};
}

}  // namespace tideline::kernel
