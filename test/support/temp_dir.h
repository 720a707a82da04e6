#pragma once

#include <filesystem>
#include <string>

namespace tideline::test {

/// A fresh directory, removed with all below it at the end of the scope.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string str() const { return path_.string(); }
  /// Writes `text` to `relative`, making the directories above it.
  std::string write(const std::string& relative, const std::string& text) const;
  std::string read(const std::string& relative) const;
  /// Whether its files are on a disk, so that what they take of memory can be reclaimed; else they are in memory.
  bool is_on_disk() const;

 private:
  std::filesystem::path path_;
};

}  // namespace tideline::test
