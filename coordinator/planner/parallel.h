#pragma once
// Work that its caller may spread over threads. The room has none of its own: who calls it gives one, or none.

#include <cstddef>
#include <functional>

namespace tideline::planner {

/// Runs job(0) ... job(count - 1), each once, in any order and on any threads, and returns when all are done. Jobs
/// share nothing that they write to.
using Parallel = std::function<void(std::size_t count, const std::function<void(std::size_t)>& job)>;

/// One after another, for an empty Parallel.
inline void run_all(const Parallel& parallel, std::size_t count, const std::function<void(std::size_t)>& job) {
  if (parallel) {
    parallel(count, job);
  } else {
    for (std::size_t i = 0; i < count; ++i)
      job(i);
  }
}

/// Told the share of the work that is done, now and then, from any thread; true: stop, and end with kUnavailable.
using Progress = std::function<bool(double share)>;

}  // namespace tideline::planner
