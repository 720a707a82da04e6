#include "node-actor/kernel/protection.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::GroupWeight;
using model::Result;

namespace {

Result<std::vector<std::string>> children_of(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  if (!directory) return error_from(errno, "open", path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Counted by the kernel, so that a hundred pods need not be listed. A directory that cannot be read may hold some.
bool may_hold_groups(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return true;
  if (status.st_nlink >= 2) return status.st_nlink > 2;
  const auto names = children_of(path);  // a file system that does not count them
  return !names || !names->empty();
}

/// nullopt: the group vanished while it was read.
std::optional<GroupWeight> read_weight(const CgroupTree& tree, const std::string& group) {
  GroupWeight found;
  found.group = group;
  found.file = tree.version() == CgroupVersion::kV1 ? "cpu.shares" : "cpu.weight";
  const auto directory = tree.directory(group, found.file);
  if (!directory) {
    found.error = directory.error().message();
    return found;
  }
  const auto path = *directory + "/" + found.file;
  if (const auto text = read_file(path); !text) {
    if (::access(directory->c_str(), F_OK) != 0) return std::nullopt;
    found.error = text.error().message();
  } else if (const auto weight = parse_number(*text); !weight || *weight < 0) {
    found.error = malformed(path, *text).message();
  } else {
    found.weight = weight;
  }
  // A kernel before 5.15 has no cpu.idle: no group is idle there.
  if (const auto idle = read_file(*directory + "/cpu.idle")) found.idle = trimmed(*idle) == "1";
  return found;
}

}  // namespace

model::SiblingWeights read_sibling_weights(const CgroupTree& tree) {
  model::SiblingWeights weights;
  if (auto weight = read_weight(tree, tree.best_effort())) {
    weights.best_effort = std::move(*weight);
  } else {
    weights.best_effort.group = tree.best_effort();
    weights.best_effort.error = tree.best_effort() + " is not there";
  }
  const auto parent = tree.directory(tree.kubepods(), "cpu.shares");
  const auto names = parent ? children_of(*parent) : Result<std::vector<std::string>>(parent.error());
  if (!names) {
    weights.error = names.error().message();
    return weights;
  }
  for (const auto& name : *names) {
    const std::string group = tree.kubepods() + "/" + name;
    if (group == tree.best_effort()) continue;
    if (group == tree.burstable() && !may_hold_groups(*parent + "/" + name)) continue;
    if (auto weight = read_weight(tree, group)) weights.siblings.push_back(std::move(*weight));
  }
  return weights;
}

}  // namespace tideline::kernel
