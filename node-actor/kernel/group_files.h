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
    /// Its last values stand while the group is quiet: in a file of its own it costs as much as the CPU time.
    bool throttling_unless_quiet = false;
    bool waiting = true;
    bool memory = true;  // false: its last levels stand, once they were read
    bool stalls = true;  // for memory and the disk
  };
  /// All nullopt and inode 0 when there is no such group now, which is no error.
  model::GroupCounters read(model::MonoTime now, Detail detail, ReadBuffer& buffer, Errors& errors);
  /// Between the last two reads the same group used less than a thousandth of a CPU, and was not seen to be throttled.
  bool is_quiet() const { return is_quiet_; }

 private:
  struct Throttling {
    std::int64_t periods = 0;
    std::int64_t throttled = 0;
  };
  static std::optional<Throttling> parse_throttling(std::string_view text);
  /// Compares with the read before.
  void take_cpu(const std::optional<model::Duration>& cpu, model::MonoTime now);
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
  std::optional<model::Duration> last_cpu_;
  model::MonoTime last_at_;
  std::optional<Throttling> throttling_;  // as read last
  bool is_quiet_ = false;
  KeptFile pressure_;
  bool has_pressure_ = false;
  std::unique_ptr<ThreadDelay> delay_;
};

}  // namespace tideline::kernel
