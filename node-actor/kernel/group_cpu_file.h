#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

/// The file of a group's CPU time (group_cpu_file()), or another of its files, kept open, and which group it is: one
/// that was removed and made again under its name has another inode. While it stays the same group a read is one pread.
class GroupCpuFile {
 public:
  GroupCpuFile() = default;
  GroupCpuFile(std::string directory, std::string_view file);

  /// kNotFound: there is no such group, or it has no such file.
  model::Result<std::string_view> read(char* buffer, std::size_t size);
  /// Of the group that was read last; 0: none was there.
  std::uint64_t inode() const { return inode_; }
  const std::string& path() const { return file_.path(); }

 private:
  /// Looks which group has this name now.
  model::Result<void> identify();

  std::string directory_;
  std::string path_;
  std::uint64_t inode_ = 0;
  KeptFile file_;
};

}  // namespace tideline::kernel
