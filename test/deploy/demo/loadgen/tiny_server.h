#pragma once
// An HTTP server on a free loopback port that serves one request at a time, so that one stall holds up all.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace tideline::loadgen::test {

struct Answer {
  std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  std::chrono::milliseconds stall{0};
  bool hang_up = false;
};

class TinyServer {
 public:
  /// `answer_to` gets the request's number, from 0.
  explicit TinyServer(std::function<Answer(std::uint64_t)> answer_to);
  ~TinyServer();

  std::uint16_t port() const { return port_; }
  std::uint64_t served() const { return served_; }

 private:
  void accept_loop();
  void serve(int fd);

  std::function<Answer(std::uint64_t)> answer_to_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> served_ = 0;
  std::mutex one_at_a_time_;
  std::mutex clients_mutex_;
  std::list<int> clients_;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace tideline::loadgen::test
