#pragma once
// The threads that the planner's pure work is spread over.

#include <cstddef>

#include "coordinator/planner/parallel.h"

namespace tideline::planner_program {

inline constexpr std::size_t kMostThreads = 256;

/// As many as this machine runs at a time, 1 to kMostThreads.
std::size_t usual_threads();

/// Jobs on `threads` of them, the caller's own among them; on fewer where the system gives no more. Each call has its
/// own threads, and leaves none behind.
planner::Parallel parallel_on(std::size_t threads);

}  // namespace tideline::planner_program
