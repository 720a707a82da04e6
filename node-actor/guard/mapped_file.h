#pragma once

#include <cstddef>
#include <string>

#include "messages/model/result.h"

namespace tideline::guard {

/// A file of fixed size, shared in memory with every process that maps it, but for a copy_of() one. New bytes are zero.
class MappedFile {
 public:
  /// The first page has its disk block when this returns; later ones get theirs when they are first written.
  /// kUnavailable with the path: a full disk, too.
  static model::Result<MappedFile> open(const std::string& path, std::size_t size);

  /// What the file holds of so many bytes, the rest zero, in memory of this process: changes reach no file, which is
  /// read only. One that is not there is empty. kUnavailable with the path.
  static model::Result<MappedFile> copy_of(const std::string& path, std::size_t size);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  void* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  MappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// kUnavailable, "<action> <path>: <errno's text>".
model::Error unavailable(const char* action, const std::string& path);

}  // namespace tideline::guard
