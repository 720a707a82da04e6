#pragma once

#include <string>
#include <utility>
#include <vector>

#include "test/support/temp_dir.h"

namespace tideline::test {

/// A fake /sys and /proc in a temporary directory, made of the files that the test spells out:
///   FixtureTree tree({{"sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", "2\n"}, ...});
/// A path that ends in '/' makes an empty directory. A file may hold "@ROOT@" for the directory itself, e.g. in a
/// mountinfo; mount points below "/sys" work without it.
class FixtureTree {
 public:
  using Files = std::vector<std::pair<std::string, std::string>>;
  explicit FixtureTree(const Files& files);

  /// Pass to KernelRoot::below().
  std::string str() const { return directory_.str(); }
  std::string path(const std::string& relative) const { return directory_.str() + "/" + relative; }
  /// Overwrites in place, as the kernel would change what an open file reads.
  void write(const std::string& relative, const std::string& text) const;
  std::string read(const std::string& relative) const { return directory_.read(relative); }
  /// Removes a file or a directory with all below it.
  void remove(const std::string& relative) const;
  void make_read_only(const std::string& relative) const;

  /// /proc/self/mountinfo of a host with one v1 hierarchy for each controller, and of one with v2 only.
  static std::string mountinfo_v1();
  static std::string mountinfo_v2();

 private:
  TempDir directory_;
};

}  // namespace tideline::test
