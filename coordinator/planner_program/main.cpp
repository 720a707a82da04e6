// tideline-planner: questions about colocation, asked of traces and of history.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <variant>

#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/run.h"

namespace {

std::atomic<bool> stop_wanted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// The second time it is as if nobody listened: a command that does not come to its next chance can be ended, too.
void ask_to_stop(int number) {
  stop_wanted = true;
  std::signal(number, SIG_DFL);
}

}  // namespace

int main(int argc, char** argv) {
  namespace program = tideline::planner_program;
  // A reader that goes away is seen as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  const auto parsed = program::parse_options(argc, argv);
  if (const auto* leave = std::get_if<program::Leave>(&parsed)) {
    std::fputs(leave->out.c_str(), stdout);
    std::fputs(leave->err.c_str(), stderr);
    return leave->exit_code;
  }
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  return program::run(std::get<program::Options>(parsed), stop_wanted);
}
