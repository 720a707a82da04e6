#pragma once
// Whole files for tools that read and write data: mapped, gunzipped by lines, written so that they appear at once.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::files {

/// A regular file's bytes, mapped read-only. Errors name path and system error. Who cuts a mapped file short ends its
/// readers by SIGBUS; one that is replaced, as by AtomicFile, stays what it was.
class MappedFile {
 public:
  static model::Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();
  std::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Each line of a text file, gunzipped where it begins with gzip's magic, without its end of line ("\n" or "\r\n"); "-"
/// is the standard input. A line of more than max_line bytes is given cut to that, and the rest of it passed over.
/// Ends early with the error of `line`. `progress`: bytes of the file so far. kMalformed for damaged gzip.
model::Result<void> for_each_line(const std::string& path, std::size_t max_line,
                                  const std::function<model::Result<void>(std::string_view line)>& line,
                                  const std::function<void(std::size_t read)>& progress = {});

/// A file that is there, whole and on the disk, once commit() says so; otherwise nothing of it stays, and what was
/// there before is as it was. Until then it grows as PATH.part-PID-N beside its place, which a killed process leaves.
class AtomicFile {
 public:
  /// kInvalidArgument for a path at which there is something else than a file.
  static model::Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();
  model::Result<void> write(std::string_view bytes);
  /// Once, at the end.
  model::Result<void> commit();

 private:
  struct State;
  explicit AtomicFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tideline::files
