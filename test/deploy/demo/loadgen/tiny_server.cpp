#include "test/deploy/demo/loadgen/tiny_server.h"

#include <array>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tideline::loadgen::test {

TinyServer::TinyServer(std::function<Answer(std::uint64_t)> answer_to) : answer_to_(std::move(answer_to)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("tiny server: cannot listen");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_loop(); });
}

TinyServer::~TinyServer() {
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  close(listener_);
  {
    const std::lock_guard lock(clients_mutex_);
    for (const int fd : clients_)
      shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_)
    thread.join();
  for (const int fd : clients_)
    close(fd);
}

void TinyServer::accept_loop() {
  for (;;) {
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    const std::lock_guard lock(clients_mutex_);
    clients_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void TinyServer::serve(int fd) {
  std::string pending;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    pending.append(buffer.data(), static_cast<std::size_t>(got));
    for (auto end = pending.find("\r\n\r\n"); end != std::string::npos; end = pending.find("\r\n\r\n")) {
      pending.erase(0, end + 4);
      const std::lock_guard lock(one_at_a_time_);
      const Answer answer = answer_to_(served_++);
      if (answer.stall.count() > 0) std::this_thread::sleep_for(answer.stall);
      if (answer.hang_up) {
        shutdown(fd, SHUT_RDWR);
        return;
      }
      if (send(fd, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL) < 0) return;
    }
  }
}

}  // namespace tideline::loadgen::test
