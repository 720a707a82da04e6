#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/model/result.h"

namespace tideline::spool {

/// A file descriptor with its path. Every error is kUnavailable and names it.
class File {
 public:
  static model::Result<File> open(const std::string& path, int flags);

  File() = default;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~File();

  /// Up to `size` bytes from `offset`: fewer only at the file's end.
  model::Result<std::string> read_at(std::size_t offset, std::size_t size) const;
  model::Result<void> write_at(std::size_t offset, std::string_view bytes) const;
  model::Result<std::size_t> size() const;
  model::Result<void> truncate(std::size_t size) const;
  model::Result<void> sync() const;
  const std::string& path() const { return path_; }

 private:
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::string path_;
};

model::Result<void> make_directory(const std::string& path);
model::Result<std::vector<std::string>> list_directory(const std::string& path);
model::Result<void> remove_file(const std::string& path);
/// Replaces `path` durably: a reader sees the old text or the new one, whenever the power goes.
model::Result<void> replace_file(const std::string& directory, const std::string& name, const std::string& text);

}  // namespace tideline::spool
