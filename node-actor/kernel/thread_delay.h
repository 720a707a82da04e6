#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

/// What all groups' threads share.
struct ThreadContext {
  std::string proc;          // where /proc is mounted
  std::string list;          // "tasks" (v1) or "cgroup.threads" (v2)
  std::size_t max_threads;   // over all groups
  bool counted = false;      // whether this kernel counts run delay at all
  std::size_t followed = 0;  // now
  std::vector<char> buffer;  // scratch
  std::vector<int> tids;     // scratch
};

/// Run delay of the threads in a group and all groups below it, kept so that it never falls: what a thread waited stays
/// counted after it exits, and a thread that moves in brings nothing from before. The last wait of a thread that exits
/// between two reads is missed, as is a thread that lived between them.
class ThreadDelay {
 public:
  ThreadDelay(ThreadContext& context, std::string directory);
  ~ThreadDelay();
  ThreadDelay(const ThreadDelay&) = delete;
  ThreadDelay& operator=(const ThreadDelay&) = delete;

  /// nullopt: the group is gone, or it used CPU (`cpu`, its counter) though no thread of it can be seen, as happens in
  /// a pid namespace of our own. kOverloaded beyond max_threads.
  model::Result<std::optional<model::Duration>> read(model::MonoTime now, std::optional<model::Duration> cpu);

 private:
  struct Group {
    Directory directory;
    std::uint64_t links = 0;
    KeptFile list;
    bool is_parent = false;  // it has groups below it
    int reads_to_skip = 0;
  };
  struct Thread {
    int tid = 0;
    KeptFile schedstat;
    model::Duration delay{0};
  };

  model::Result<void> scan(const std::string& path);
  model::Result<void> list_threads();
  bool children_changed() const;
  model::Result<void> follow(model::MonoTime now);
  /// Counts what the thread waited; false: it is gone. `fresh`: it was not followed before.
  model::Result<bool> update(Thread& thread, bool fresh, model::MonoTime now);
  void forget();

  ThreadContext& context_;
  std::string directory_;
  std::vector<Group> groups_;
  std::vector<Thread> threads_;  // by tid
  int reads_since_scan_ = 0;
  bool primed_ = false;  // one complete read was made
  model::MonoTime last_{};
  std::optional<model::Duration> last_cpu_;
  model::Duration total_{0};
};

}  // namespace tideline::kernel
