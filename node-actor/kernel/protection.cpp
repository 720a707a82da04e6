#include "node-actor/kernel/protection.h"

#include <array>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/kernel/child_groups.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::GroupWeight;
using model::Result;

namespace {

/// nullopt: not counted by this file system, or not to be read.
std::optional<std::uint64_t> links_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || status.st_nlink < 2) return std::nullopt;
  return status.st_nlink;
}

}  // namespace

SiblingWeightReader::SiblingWeightReader(const CgroupTree& tree)
    : tree_(tree),
      parent_(tree.directory(tree.kubepods(), "cpu.shares")),
      file_(tree.version() == CgroupVersion::kV1 ? "cpu.shares" : "cpu.weight"),
      best_effort_(group_at(tree.best_effort())) {}

SiblingWeightReader::Group SiblingWeightReader::group_at(const std::string& name) const {
  Group group{.name = name, .directory = tree_.directory(name, file_), .weight = {}, .idle = {}};
  if (group.directory) {
    group.weight = KeptFile(fmt::format("{}/{}", *group.directory, file_));
    group.idle = KeptFile(*group.directory + "/cpu.idle");
  }
  return group;
}

std::optional<GroupWeight> SiblingWeightReader::read_weight(Group& group) const {
  GroupWeight found;
  found.group = group.name;
  found.file = file_;
  if (!group.directory) {
    found.error = group.directory.error().message();
    return found;
  }
  std::array<char, 128> buffer;
  if (const auto text = group.weight.read(buffer.data(), buffer.size()); !text) {
    if (::access(group.directory->c_str(), F_OK) != 0) return std::nullopt;
    found.error = text.error().message();
  } else if (const auto weight = parse_number(*text); !weight || *weight < 0) {
    found.error = malformed(group.weight.path(), *text).message();
  } else {
    found.weight = weight;
  }
  if (!group.has_idle) return found;
  if (const auto idle = group.idle.read(buffer.data(), buffer.size())) {
    found.idle = trimmed(*idle) == "1";
  } else if (idle.error().code() == model::ErrorCode::kNotFound) {
    group.has_idle = false;  // a kernel before 5.15 has no cpu.idle: no group is idle there
  }
  return found;
}

bool SiblingWeightReader::list_into(model::SiblingWeights& weights) {
  const auto links = links_of(*parent_);
  auto names = child_groups(*parent_);
  if (!names) {
    weights.error = names.error().message();
    links_.reset();
    return false;
  }
  siblings_.clear();
  for (const auto& name : *names) {
    const auto group = tree_.kubepods() + "/" + name;
    if (group != tree_.best_effort()) siblings_.push_back(group_at(group));
  }
  links_ = links;
  return true;
}

model::SiblingWeights SiblingWeightReader::read() {
  model::SiblingWeights weights;
  if (auto weight = read_weight(best_effort_)) {
    weights.best_effort = std::move(*weight);
  } else {
    best_effort_ = group_at(tree_.best_effort());
    weights.best_effort.group = tree_.best_effort();
    weights.best_effort.error = tree_.best_effort() + " is not there";
  }
  if (!parent_) {
    weights.error = parent_.error().message();
    return weights;
  }
  const bool to_list = !links_ || links_of(*parent_) != links_;
  if (to_list && !list_into(weights)) return weights;
  // One is gone, and another may be in its place.
  if (!read_siblings(weights) && !to_list && list_into(weights)) read_siblings(weights);
  return weights;
}

bool SiblingWeightReader::read_siblings(model::SiblingWeights& weights) {
  weights.siblings.clear();
  bool all_there = true;
  for (auto& sibling : siblings_) {
    const bool is_burstable = sibling.name == tree_.burstable();
    if (is_burstable && !may_hold_groups(*parent_ + sibling.name.substr(tree_.kubepods().size()))) continue;
    if (auto weight = read_weight(sibling)) {
      weights.siblings.push_back(std::move(*weight));
    } else {
      all_there = false;
    }
  }
  if (!all_there) links_.reset();
  return all_there;
}

model::SiblingWeights read_sibling_weights(const CgroupTree& tree) {
  return SiblingWeightReader(tree).read();
}

}  // namespace tideline::kernel
