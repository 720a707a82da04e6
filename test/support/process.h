#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tideline::test {

/// A program of ours, started by argv; killed by pid and reaped at the end of the scope.
class Process {
 public:
  struct Options {
    std::vector<std::string> environment = {};  // NAME=value, added to ours
    std::string output_file = {};               // stdout and stderr; empty = ours
    std::string input_file = {};                // stdin; empty = /dev/null
  };
  /// argv[0] is a path or found in PATH. Throws std::runtime_error if it cannot be started.
  Process(std::vector<std::string> argv, const Options& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Exit code, or 128 + signal; nullopt if it still runs after `patience`.
  std::optional<int> wait(std::chrono::milliseconds patience);
  bool running() { return !wait(std::chrono::milliseconds(0)).has_value(); }
  /// What it wrote to output_file so far.
  std::string output() const;
  /// Its direct children now.
  std::vector<pid_t> children() const;

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_;
  std::string output_file_;
};

struct Finished {
  int exit = -1;
  std::string output;  // stdout and stderr
};
/// Runs to its end, at most `patience`; longer is killed and exit is -1.
Finished run(std::vector<std::string> argv, std::chrono::milliseconds patience = std::chrono::seconds(30));

/// `usual`, times TIDELINE_PATIENCE where a machine is slow, such as an emulated one.
std::chrono::milliseconds patience(std::chrono::milliseconds usual);

/// Asks until it is true, at most patience(`usual`). For other processes' effects only; pure code has virtual time.
bool eventually(std::chrono::milliseconds usual, const std::function<bool()>& is_true);

/// Path of one of our programs.
std::string program(const std::string& name);

/// A number from the environment, `usual` where it is not set or none above 0.
int from_environment(const char* variable, int usual);

/// TIDELINE_ROUNDS if set (long campaigns), else `usual`.
int rounds(int usual);

}  // namespace tideline::test
