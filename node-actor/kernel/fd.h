#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "messages/model/result.h"

namespace tideline::kernel {

/// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

/// A cgroup or proc directory, held so that a later one of the same name is never mistaken for it.
struct Directory {
  Fd fd;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};
model::Result<Directory> open_directory(const std::string& path);

/// The error an errno stands for. ENOENT, ENODEV and ESRCH are kNotFound: a vanished group or thread.
model::Error error_from(int error, std::string_view action, std::string_view path);

/// A file kept open and read again and again from its start, in one pread.
class KeptFile {
 public:
  KeptFile() = default;
  explicit KeptFile(std::string path) : path_(std::move(path)) {}

  /// Opens the file if it is not open. When the group or thread it belonged to is gone it is looked for anew, once.
  /// After an error the file is closed. kMalformed when it does not fit into the buffer.
  model::Result<std::string_view> read(char* buffer, std::size_t size);
  /// The same for a file of which the first bytes are enough.
  model::Result<std::string_view> read_start(char* buffer, std::size_t size);

  /// The same for a list that the kernel hands out in pieces.
  model::Result<std::string_view> read_list(char* buffer, std::size_t size);
  /// One attempt: a thing that is gone is not looked for anew.
  model::Result<std::string_view> read_once(char* buffer, std::size_t size);

  /// The open file has no name any more. Never of a cgroup's file: there reading says so, by ENODEV.
  bool unlinked();
  const std::string& path() const { return path_; }

 private:
  Fd fd_;
  std::optional<bool> in_cgroup_;  // of the open file; nullopt: not looked at yet
  std::string path_;
};

}  // namespace tideline::kernel
