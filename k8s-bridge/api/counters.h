#pragma once
// The client's counts, written by its loop and read by anyone.

#include <mutex>

#include "k8s-bridge/api/client.h"

namespace tideline::k8s_api {

class Counters {
 public:
  template <class Change>
  void update(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(counts_);
  }
  ClientCounts get() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  ClientCounts counts_;
};

}  // namespace tideline::k8s_api
