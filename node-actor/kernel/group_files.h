#pragma once
// One group's counters, read again and again from files that stay open.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/counters.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/group_cpu_file.h"
#include "node-actor/kernel/group_memory.h"
#include "node-actor/kernel/take.h"
#include "node-actor/kernel/thread_delay.h"

namespace tideline::kernel {

/// Directories are known by inode: a group that was removed and made again is opened anew.
class GroupFiles {
 public:
  enum class Memory { kNotRead, kRead, kReadWithLimit };
  /// `threads` null: waiting is not followed.
  GroupFiles(const CgroupTree& tree, std::string group, Memory memory, ThreadContext* threads);

  /// What is read beside CPU time.
  struct Detail {
    bool throttling = true;  // on v2 it comes with the CPU time, always
    bool waiting = true;
    bool memory = true;  // false: its last levels stand, once they were read
    bool stalls = true;  // for memory and the disk
  };
  /// All nullopt and inode 0 when there is no such group now, which is no error.
  model::GroupCounters read(model::MonoTime now, Detail detail, ReadBuffer& buffer, Errors& errors);

 private:
  void open_anew(std::uint64_t inode);
  /// `cpu_text`: what the file of the CPU time held, if it could be read. On v2 throttling is in it.
  void read_throttling(model::GroupCounters& counters, std::optional<std::string_view> cpu_text, ReadBuffer& buffer,
                       Errors& errors);
  void read_memory(model::GroupCounters& counters, model::MonoTime now, Detail detail, ReadBuffer& buffer,
                   Errors& errors);
  void read_waiting(model::GroupCounters& counters, model::MonoTime now, ReadBuffer& buffer, Errors& errors);

  std::string group_;
  bool v1_;
  model::Result<std::string> directory_;
  model::Result<std::string> stat_path_;
  model::Result<std::string> pressure_path_;
  model::Result<std::string> threads_path_;
  ThreadContext* threads_;
  std::uint64_t inode_ = 0;
  GroupCpuFile cpu_;
  KeptFile stat_;                      // v1
  std::optional<GroupMemory> memory_;  // none: not read
  bool memory_was_read_ = false;
  KeptFile pressure_;
  bool has_pressure_ = false;
  std::unique_ptr<ThreadDelay> delay_;
};

}  // namespace tideline::kernel
