#include "test/support/snapshot.h"

#include <array>
#include <filesystem>

namespace tideline::test {
namespace {

constexpr std::array<const char*, 10> kFiles = {
    "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.cfs_burst_us", "cpu.shares",  "cpu.max",
    "cpu.max.burst",    "cpu.weight",        "cpu.idle",         "cpuset.cpus", "cpuset.mems"};
constexpr std::array<const char*, 7> kMemoryFiles = {
    "memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.min", "memory.low", "memory.high", "memory.max",
    "memory.oom.group"};

void add(Snapshot& files, const ScratchCgroup& tree, const std::string& group, const char* name) {
  std::error_code ignored;
  if (std::filesystem::exists(tree.path(group, name), ignored)) files[group + "/" + name] = tree.read(group, name);
}

}  // namespace

Snapshot cpu_files(const ScratchCgroup& tree, const std::vector<std::string>& groups) {
  Snapshot files;
  std::error_code none;
  const bool has_effective = std::filesystem::exists(tree.path("", "cpuset.cpus.effective"), none);
  const auto all_cpus = has_effective && !tree.v1() ? tree.read("", "cpuset.cpus.effective") : std::string("none");
  for (const auto& group : groups) {
    for (const char* name : kFiles)
      add(files, tree, group, name);
    const auto cpus = files.find(group + "/cpuset.cpus");
    if (cpus != files.end() && cpus->second == all_cpus) cpus->second = "";
  }
  return files;
}

Snapshot memory_files(const ScratchCgroup& tree, const std::vector<std::string>& groups) {
  Snapshot files;
  for (const auto& group : groups) {
    for (const char* name : kMemoryFiles)
      add(files, tree, group, name);
  }
  return files;
}

std::string difference(const Snapshot& wanted, const Snapshot& found) {
  std::string lines;
  for (const auto& [file, text] : wanted) {
    const auto other = found.find(file);
    const std::string now = other == found.end() ? "(gone)" : other->second;
    if (now != text) lines += file + ": want \"" + text + "\", found \"" + now + "\"\n";
  }
  return lines;
}

}  // namespace tideline::test
