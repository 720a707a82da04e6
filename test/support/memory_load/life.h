#pragma once
// What every load keeps to: its group, its name, the end of its life, and the lines that it says.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tideline::test {

struct Life {
  std::vector<std::string> enter;  // cgroup.procs files of the group to run in
  std::string name;                // as /proc/PID/comm has it; "": the program's
  double seconds = 60;
  std::optional<int> oom_score_adj;
};

/// Enters the groups, and dies with its parent or soon after its time, whatever it hangs in. `heeds_term`: SIGTERM
/// makes is_over() true; else it ends the process at once. False, with a word on stderr: it is not in its group,
/// or has not its score.
bool begin_life(const Life& life, bool heeds_term);
bool is_over();

/// CLOCK_MONOTONIC.
std::int64_t now_ns();
/// Returns early when is_over().
void sleep_until_ns(std::int64_t at_ns);
/// One whole line to stdout, at once.
void say(const std::string& line);

}  // namespace tideline::test
