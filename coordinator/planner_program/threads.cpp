#include "coordinator/planner_program/threads.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace tideline::planner_program {

std::size_t usual_threads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
}

planner::Parallel parallel_on(std::size_t threads) {
  return [threads](std::size_t count, const std::function<void(std::size_t)>& job) {
    std::atomic<std::size_t> next{0};
    const auto work = [&next, &job, count] {
      for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1))
        job(i);
    };
    std::vector<std::jthread> others;  // joined at the end
    for (std::size_t i = 1; i < std::min(threads, count); ++i) {
      try {
        others.emplace_back(work);
      } catch (const std::system_error&) {
        break;
      }
    }
    work();
  };
}

}  // namespace tideline::planner_program
