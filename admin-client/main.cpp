#include <chrono>
#include <csignal>
#include <cstdio>

#include "admin-client/run.h"

int main(int argc, char** argv) {
  using namespace tideline::tidectl;
  // A reader that goes away is seen as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto parsed = parse_options(argc, argv, {now.count()});
  if (const auto* leave = std::get_if<Leave>(&parsed)) {
    std::fputs(leave->out.c_str(), stdout);
    std::fputs(leave->err.c_str(), stderr);
    return leave->exit_code;
  }
  return run(std::get<Options>(parsed), terminal_of_stdout());
}
