#include "test/support/fixture_tree.h"

#include <filesystem>

namespace tideline::test {

namespace fs = std::filesystem;

FixtureTree::FixtureTree(const Files& files) {
  for (const auto& [relative, text] : files) {
    if (relative.ends_with('/')) {
      fs::create_directories(directory_.path() / relative);
    } else {
      write(relative, text);
    }
  }
}

void FixtureTree::write(const std::string& relative, const std::string& text) const {
  constexpr std::string_view kRoot = "@ROOT@";
  std::string filled = text;
  for (auto at = filled.find(kRoot); at != std::string::npos; at = filled.find(kRoot, at)) {
    filled.replace(at, kRoot.size(), directory_.str());
  }
  directory_.write(relative, filled);
}

void FixtureTree::remove(const std::string& relative) const {
  fs::remove_all(directory_.path() / relative);
}

void FixtureTree::make_read_only(const std::string& relative) const {
  fs::permissions(directory_.path() / relative, fs::perms::owner_read);
}

std::string FixtureTree::mountinfo_v1() {
  return "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
         "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
         "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
         "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
         "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
         "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
         "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
         "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
         "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
}

std::string FixtureTree::mountinfo_v2() {
  return "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
         "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
         "31 23 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
}

}  // namespace tideline::test
