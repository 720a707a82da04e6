#pragma once
// A client's counts, for metrics.

#include <mutex>

namespace tideline::http {

/// Written and read by any thread.
template <class Counts>
class SharedCounts {
 public:
  template <class Change>
  void update(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(counts_);
  }
  Counts get() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace tideline::http
