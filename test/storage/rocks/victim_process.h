#pragma once
// A program that writes to a store, and tells what is durable down a pipe, until it is killed.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tideline::rocks::victim {

/// The victim's end of the pipe: native uint64 sequence numbers.
inline constexpr int kAckFd = 9;

class Victim {
 public:
  Victim(std::string program, std::string directory) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    char* argv[] = {program.data(), directory.data(), nullptr};
    pid_ = fork();
    if (pid_ == 0) {  // may only exec: the parent has threads
      dup2(ends[1], kAckFd);
      execv(argv[0], argv);
      _exit(127);
    }
    close(ends[1]);
    acks_ = ends[0];
  }
  ~Victim() {
    if (pid_ > 0) kill_now();
    close(acks_);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  bool wait_for_first_ack() const {
    pollfd fd{.fd = acks_, .events = POLLIN, .revents = 0};
    return poll(&fd, 1, 60'000) == 1 && (fd.revents & POLLIN);
  }
  /// True if it died of the kill, not of something before.
  bool kill_now() {
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  /// Once it is dead.
  std::vector<std::uint64_t> acked() const {
    std::vector<std::uint64_t> numbers;
    std::uint64_t number = 0;
    while (read(acks_, &number, sizeof number) == sizeof number)
      numbers.push_back(number);
    return numbers;
  }

 private:
  pid_t pid_ = -1;
  int acks_ = -1;
};

}  // namespace tideline::rocks::victim
