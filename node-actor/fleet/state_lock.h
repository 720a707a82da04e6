#pragma once
// One process at a time holds the state of a rehearsal's nodes.

#include <string>
#include <utility>

#include "messages/model/result.h"

namespace tideline::rehearsal {

class StateLock {
 public:
  /// Makes the directory where it is missing. kUnavailable: it cannot be made, or another process holds it.
  static model::Result<StateLock> take(const std::string& dir);
  StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  StateLock& operator=(StateLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~StateLock();

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace tideline::rehearsal
