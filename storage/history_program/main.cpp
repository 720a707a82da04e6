// tideline-history: what is done to history that no coordinator has open, or beside one that has.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <variant>

#include "storage/history_program/options.h"
#include "storage/history_program/run.h"

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// A second signal ends what does not come to its next chance.
void interrupt(int number) {
  interrupted = true;
  std::signal(number, SIG_DFL);
}

}  // namespace

int main(int argc, char** argv) {
  namespace program = tideline::history_program;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto parsed = program::parse_options(argc, argv, {now.time_since_epoch().count()});
  if (const auto* leave = std::get_if<program::Leave>(&parsed)) {
    std::fputs(leave->out.c_str(), stdout);
    std::fputs(leave->err.c_str(), stderr);
    return leave->exit_code;
  }
  // A reader that goes away is seen as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGINT, SIGTERM})
    std::signal(number, interrupt);
  return program::run(std::get<program::Options>(parsed), interrupted);
}
