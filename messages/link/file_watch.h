#pragma once
// Notices that files were replaced, rewritten, or came to be there.

#include <cstdint>
#include <string>
#include <vector>

namespace tideline::link {

class FileWatch {
 public:
  /// What is there now counts as taken; empty paths are left out.
  explicit FileWatch(std::vector<std::string> paths);
  /// Any of the files is another than at taken() (inode, size, time of change).
  bool changed();
  /// What changed() saw last is in use. Until then it says again and again that there is a change.
  void taken() { stamps_ = seen_; }

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1 = not there
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp stamp(const std::string& path);

  std::vector<std::string> paths_;
  std::vector<Stamp> stamps_;
  std::vector<Stamp> seen_;
};

}  // namespace tideline::link
