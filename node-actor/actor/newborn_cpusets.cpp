#include "node-actor/actor/newborn_cpusets.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "messages/log/log.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {
namespace {

namespace fs = std::filesystem;
using model::CpuSet;
using model::Result;

constexpr const char* kFile = "cpuset.cpus";
constexpr std::size_t kMostSets = 64;

std::optional<kernel::FileIdentity> identity_of(const std::string& directory) {
  const auto held = kernel::open_directory(directory);
  if (!held) return std::nullopt;
  return kernel::FileIdentity{.path = directory + "/" + kFile, .device = held->device, .inode = held->inode};
}

}  // namespace

NewbornCpusets::NewbornCpusets(const kernel::CgroupTree& tree, guard::Journal& journal)
    : tree_(tree), journal_(journal) {
  if (tree_.is_unified(kFile)) return;
  if (auto directory = tree_.directory(tree_.best_effort(), kFile)) root_ = std::move(*directory);
  forget();
}

std::optional<guard::JournalRecord> NewbornCpusets::root_record() const {
  const auto identity = identity_of(root_);
  return identity ? journal_.find(*identity) : std::nullopt;
}

void NewbornCpusets::forget() {
  narrow_ = false;
  sets_.clear();
  newborn_.clear();
  not_copied_.clear();
  if (root_.empty()) return;
  const auto record = root_record();
  const auto held = kernel::read_file(root_ + "/" + kFile);
  if (!record || !held || journal_.ownership(record->file, *held) != guard::Ownership::kOurs) return;
  if (const auto set = CpuSet::parse(*held)) {
    narrow_ = true;
    sets_.push_back(*set);
  }
}

template <class Record>
void NewbornCpusets::each_unrecorded(const Record& record) {
  std::size_t seen = 0;
  const std::function<void(const std::string&, const std::string&, int)> visit =
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
            if (const auto set = kernel::read_file(path + "/" + kFile)) record(Group{*identity, *set, above});
            known = journal_.find(*identity);
          }
          if (depth < kDeepest) visit(path, known ? known->original : above, depth + 1);
        }
      };
  const auto root = root_record();
  visit(root_, root ? root->original : std::string(), 1);
}

Result<void> NewbornCpusets::before_write(const std::string& set) {
  if (root_.empty() || narrow_) return {};
  const auto held = kernel::read_file(root_ + "/" + kFile);
  if (!held || guard::same_value(kFile, *held, set)) return {};
  Result<void> done;
  each_unrecorded([&](const Group& group) {
    if (!done) return;
    done = journal_.record(group.file, group.set, group.set, guard::RestoreClass::kRestore);
    journal_.intend(group.file, group.set, group.set);
  });
  return done;
}

std::vector<std::string> NewbornCpusets::after_write(const std::string& set) {
  if (root_.empty()) return {};
  const auto record = root_record();
  if (!record || guard::same_value(kFile, set, record->original)) {
    narrow_ = false;
    sets_.clear();
    not_copied_.clear();
    return std::exchange(newborn_, {});
  }
  narrow_ = true;
  if (auto parsed = CpuSet::parse(set)) sets_.push_back(std::move(*parsed));
  if (sets_.size() > kMostSets) sets_.pop_front();
  return {};
}

void NewbornCpusets::look(model::MonoTime now) {
  if (!narrow_ || now - looked_ < kLook) return;
  looked_ = now;
  each_unrecorded([&](const Group& group) {
    const auto set = CpuSet::parse(group.set);
    // One that is being made has no set yet.
    if (!set || set->empty()) return;
    if (group.above.empty() || std::find(sets_.begin(), sets_.end(), *set) == sets_.end()) {
      not_copied_.insert(group.file.inode);
      return;
    }
    // Safe is the set it has, as for all of batch: in an unprotected host's safe state the root stays narrow.
    const auto recorded = journal_.record(group.file, group.above, group.set, guard::RestoreClass::kRestore);
    if (!recorded) {
      log::warn("newborn-cpuset", "{}", recorded.error().message());
      return;
    }
    journal_.intend(group.file, group.set, group.set);
    newborn_.push_back(group.file.path);
  });
}

}  // namespace tideline::node
