#pragma once
// One group's counters, read again and again from files that stay open.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/group_cpu_file.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/thread_delay.h"

namespace tideline::kernel {

using Errors = std::vector<model::Error>;
using ReadBuffer = std::array<char, 16 * 1024>;

/// Reads and parses; nullopt when the thing is gone, and when it is unreadable or garbled, which is then listed.
template <class Parse>
auto take(KeptFile& file, ReadBuffer& buffer, Errors& errors, Parse parse) -> decltype(parse(std::string_view())) {
  const auto text = file.read(buffer.data(), buffer.size());
  if (!text) {
    if (text.error().code() != model::ErrorCode::kNotFound) errors.push_back(text.error());
    return std::nullopt;
  }
  auto value = parse(*text);
  if (!value) errors.push_back(malformed(file.path(), *text));
  return value;
}

/// Directories are known by inode: a group that was removed and made again is opened anew.
class GroupFiles {
 public:
  /// `memory_every` 0: memory is not read. `threads` null: waiting is not followed.
  GroupFiles(const CgroupTree& tree, std::string group, std::size_t memory_every, ThreadContext* threads);

  /// What is read beside CPU time and memory.
  struct Detail {
    bool throttling = true;  // on v2 it comes with the CPU time, always
    bool waiting = true;
  };
  /// All nullopt and inode 0 when there is no such group now, which is no error.
  model::GroupCounters read(model::MonoTime now, Detail detail, ReadBuffer& buffer, Errors& errors);

 private:
  void open_anew(std::uint64_t inode);
  /// `cpu_text`: what the file of the CPU time held, if it could be read. On v2 throttling is in it.
  void read_throttling(model::GroupCounters& counters, std::optional<std::string_view> cpu_text, ReadBuffer& buffer,
                       Errors& errors);
  void read_memory(model::GroupCounters& counters, ReadBuffer& buffer, Errors& errors);
  void read_waiting(model::GroupCounters& counters, model::MonoTime now, ReadBuffer& buffer, Errors& errors);

  std::string group_;
  bool v1_;
  std::string_view memory_prefix_;
  model::Result<std::string> directory_;
  model::Result<std::string> stat_path_;
  model::Result<std::string> memory_path_;
  model::Result<std::string> pressure_path_;
  model::Result<std::string> threads_path_;
  ThreadContext* threads_;
  std::uint64_t inode_ = 0;
  GroupCpuFile cpu_;
  KeptFile stat_;  // v1
  KeptFile memory_;
  std::size_t memory_every_;
  std::size_t reads_to_memory_ = 0;
  std::optional<model::Bytes> memory_level_;
  KeptFile pressure_;
  bool has_pressure_ = false;
  std::unique_ptr<ThreadDelay> delay_;
};

}  // namespace tideline::kernel
