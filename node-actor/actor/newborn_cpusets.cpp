#include "node-actor/actor/newborn_cpusets.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "messages/log/log.h"
#include "node-actor/kernel/child_groups.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {
namespace {

namespace fs = std::filesystem;
using model::CpuSet;
using model::Result;

constexpr std::size_t kMostSets = 64;

std::string file_in(const std::string& directory) {
  return directory + "/" + NewbornCpusets::kFile;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

bool is_gone(const std::string& path) {
  std::error_code ignored;
  return !fs::exists(path, ignored);
}

std::optional<kernel::FileIdentity> identity_of(const std::string& directory) {
  const auto held = kernel::open_directory(directory);
  if (!held) return std::nullopt;
  return kernel::FileIdentity{.path = file_in(directory), .device = held->device, .inode = held->inode};
}

}  // namespace

NewbornCpusets::NewbornCpusets(const kernel::CgroupTree& tree, guard::Journal& journal)
    : tree_(tree), journal_(journal) {
  if (tree_.is_unified(kFile)) return;
  if (auto directory = tree_.directory(tree_.kubepods(), kFile)) kubepods_ = std::move(*directory);
  forget();
}

std::optional<guard::JournalRecord> NewbornCpusets::record_of(const std::string& directory) const {
  const auto identity = identity_of(directory);
  return identity ? journal_.find(*identity) : std::nullopt;
}

std::string NewbornCpusets::directory_of(const std::string& group) const {
  if (kubepods_.empty()) return {};
  return tree_.directory(group, kFile).value_or({});
}

void NewbornCpusets::forget() {
  ours_.clear();
  sets_.clear();
  newborn_.clear();
  not_copied_.clear();
  if (kubepods_.empty()) return;
  for (const auto& record : journal_.records()) {
    const auto& path = record.file.path;
    if (!path.starts_with(kubepods_ + "/") || path != file_in(parent_of(path))) continue;
    const auto held = kernel::read_file(path);
    if (!held || journal_.ownership(record.file, *held) != guard::Ownership::kOurs) continue;
    const auto set = CpuSet::parse(*held);
    if (!set) continue;
    ours_.insert(parent_of(path));
    if (std::find(sets_.begin(), sets_.end(), *set) == sets_.end()) sets_.push_back(*set);
  }
}

void NewbornCpusets::forget_gone() {
  std::erase_if(ours_, is_gone);
  std::erase_if(newborn_, is_gone);
}

bool NewbornCpusets::is_below_ours(std::string directory, const std::string& top) const {
  for (; directory.size() > top.size(); directory = parent_of(directory)) {
    if (ours_.contains(directory)) return true;
  }
  return false;
}

std::string NewbornCpusets::original_above(const std::string& directory) const {
  auto above = parent_of(directory);
  if (!is_below_ours(above, kubepods_)) return {};
  for (; above.size() > kubepods_.size(); above = parent_of(above)) {
    if (const auto record = record_of(above)) return record->original;
  }
  return {};
}

void NewbornCpusets::each_unrecorded(const std::string& top, const std::function<void(const Group&)>& visit) {
  std::size_t seen = 0;
  const std::function<void(const std::string&, const std::string&, int)> visit_below =
      [&](const std::string& directory, const std::string& above, int depth) {
        std::error_code gone;
        for (fs::directory_iterator entry(directory, gone), end; !gone && entry != end; entry.increment(gone)) {
          std::error_code no_group;
          if (!entry->is_directory(no_group) || ++seen > kMostGroups) continue;
          const auto path = entry->path().string();
          const auto identity = identity_of(path);
          if (!identity) continue;
          auto known = journal_.find(*identity);
          if (!known && !not_copied_.contains(identity->inode)) {
            if (const auto set = kernel::read_file(file_in(path))) visit(Group{*identity, *set, above});
            known = journal_.find(*identity);
          }
          if (depth == kDeepest || !kernel::may_hold_groups(path)) continue;
          visit_below(path, known ? known->original : above, depth + 1);
        }
      };
  // Nearly all that are ours are containers, with nothing below them: listing those was most of what a look cost.
  if (!kernel::may_hold_groups(top)) return;
  const auto record = record_of(top);
  visit_below(top, record ? record->original : original_above(top), 1);
}

bool NewbornCpusets::is_copy(const Group& group) const {
  const auto set = CpuSet::parse(group.set);
  return set && !group.above.empty() && std::find(sets_.begin(), sets_.end(), *set) != sets_.end();
}

Result<void> NewbornCpusets::take_over(const Group& group) {
  // Safe is the set it has, as for all of batch: in an unprotected host's safe state the root stays narrow.
  auto recorded = journal_.record(group.file, group.above, group.set, guard::RestoreClass::kRestore);
  if (!recorded) return recorded;
  journal_.intend(group.file, group.set, group.set);
  ours_.insert(parent_of(group.file.path));
  newborn_.push_back(group.file.path);
  return {};
}

Result<void> NewbornCpusets::before_write(const std::string& group, const std::string& set) {
  const auto directory = directory_of(group);
  if (directory.empty()) return {};
  if (ours_.contains(directory)) {
    const auto record = record_of(directory);
    if (record && guard::same_value(kFile, set, record->original)) look_below(directory);
    return {};
  }
  const auto held = kernel::read_file(file_in(directory));
  if (!held || guard::same_value(kFile, *held, set)) return {};
  Result<void> done;
  const auto identity = identity_of(directory);
  if (identity && !journal_.find(*identity)) {
    const Group itself{*identity, *held, original_above(directory)};
    if (is_copy(itself)) done = take_over(itself);
  }
  each_unrecorded(directory, [&](const Group& below) {
    if (!done) return;
    if (is_copy(below)) {
      done = take_over(below);
      return;
    }
    done = journal_.record(below.file, below.set, below.set, guard::RestoreClass::kRestore);
    journal_.intend(below.file, below.set, below.set);
  });
  return done;
}

std::vector<std::string> NewbornCpusets::after_write(const std::string& group, const std::string& set) {
  const auto directory = directory_of(group);
  if (directory.empty()) return {};
  const auto record = record_of(directory);
  if (record && !guard::same_value(kFile, set, record->original)) {
    ours_.insert(directory);
    if (auto parsed = CpuSet::parse(set)) {
      std::erase(sets_, *parsed);
      sets_.push_back(std::move(*parsed));
    }
    if (sets_.size() > kMostSets) sets_.pop_front();
    return {};
  }
  ours_.erase(directory);
  if (ours_.empty()) {
    sets_.clear();
    not_copied_.clear();
  }
  // One below a group that is narrow still goes back with that.
  std::vector<std::string> back;
  std::erase_if(newborn_, [&](const std::string& file) {
    const auto newborn = parent_of(file);
    if (!newborn.starts_with(directory + "/") || is_below_ours(parent_of(newborn), directory)) return false;
    back.push_back(file);
    return true;
  });
  return back;
}

void NewbornCpusets::look_below(const std::string& top) {
  each_unrecorded(top, [&](const Group& group) {
    const auto set = CpuSet::parse(group.set);
    // One that is being made has no set yet.
    if (!set || set->empty()) return;
    if (!is_copy(group)) {
      not_copied_.insert(group.file.inode);
    } else if (const auto taken = take_over(group); !taken) {
      log::warn("newborn-cpuset", "{}", taken.error().message());
    }
  });
}

void NewbornCpusets::look(model::MonoTime now) {
  if (ours_.empty() || now - looked_ < kLook) return;
  looked_ = now;
  for (const auto& directory : ours_) {
    if (!is_below_ours(parent_of(directory), kubepods_)) look_below(directory);
  }
}

}  // namespace tideline::node
