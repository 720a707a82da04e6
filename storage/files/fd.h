#pragma once
// A file descriptor that is closed at the end, and what system calls say of it.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "messages/model/result.h"

namespace tideline::files {

class Fd {
 public:
  explicit Fd(int number = -1) : number_(number) {}
  ~Fd() { close(); }
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  /// False with errno where what was written may not be.
  bool close();

 private:
  int number_;
};

/// Of errno: "path: what: No such file or directory".
model::Error io_error(std::string_view path, std::string_view what);

/// What there is to read, `size` bytes at most; 0 at the end. `name` is for the error.
model::Result<std::size_t> read_some(int fd, char* into, std::size_t size, std::string_view name);

}  // namespace tideline::files
