#pragma once
// The writer's counts, written by its loop and by whoever offers, and read by anyone.

#include <mutex>

#include "coordinator/remote_write/writer.h"

namespace tideline::remote_write {

class Counters {
 public:
  template <class Change>
  void update(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(counts_);
  }
  WriterCounts get() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  WriterCounts counts_;
};

}  // namespace tideline::remote_write
