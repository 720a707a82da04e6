#include "node-actor/kernel/application_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tideline::kernel {
namespace {

/// Whether `group` is `top` or lies below it.
bool is_within(std::string_view group, std::string_view top) {
  return group.starts_with(top) && (group.size() == top.size() || group[top.size()] == '/');
}

}  // namespace

std::string group_of(const CgroupTree& tree, const model::HostApplication& application) {
  switch (application.base) {
    case model::CgroupBase::kCgroupRoot:
      break;
    case model::CgroupBase::kKubepods:
      return tree.kubepods() + "/" + application.path;
    case model::CgroupBase::kKubepodsBurstable:
      return tree.burstable() + "/" + application.path;
    case model::CgroupBase::kKubepodsBesteffort:
      return tree.best_effort() + "/" + application.path;
  }
  return application.path;
}

void ApplicationReader::set(const std::vector<model::HostApplication>& applications,
                            const std::vector<model::Pod>& pods) {
  std::vector<Entry> entries;
  entries.reserve(applications.size());
  std::vector<std::string> pod_groups;
  if (!applications.empty()) {
    pod_groups.reserve(pods.size());
    for (const auto& pod : pods)
      pod_groups.push_back(tree_.pod_group(pod));
  }
  for (const auto& application : applications) {
    const auto kept = std::find_if(entries_.begin(), entries_.end(),
                                   [&](const Entry& entry) { return entry.application == application; });
    if (kept != entries_.end()) {
      entries.push_back(std::move(*kept));
      entries_.erase(kept);
    } else {
      auto group = group_of(tree_, application);
      model::ApplicationCounters counters;
      counters.name = application.name;
      counters.tier = application.tier;
      counters.qos = application.qos;
      counters.where = group;
      counters.below_besteffort = is_within(group, tree_.best_effort());
      entries.push_back(
          {application, std::move(counters), GroupFiles(tree_, std::move(group), GroupFiles::Memory::kRead, nullptr)});
    }
    auto& counters = entries.back().counters;
    const std::string_view where = counters.where;
    const auto overlaps = [&](const std::string& pod) { return is_within(where, pod) || is_within(pod, where); };
    counters.holds_pods = is_within(tree_.kubepods(), where) || is_within(tree_.burstable(), where) ||
                          is_within(tree_.best_effort(), where) ||
                          std::any_of(pod_groups.begin(), pod_groups.end(), overlaps);
  }
  for (Entry& outer : entries) {
    const bool holds_another = std::any_of(entries.begin(), entries.end(), [&](const Entry& inner) {
      return &inner != &outer && is_within(inner.counters.where, outer.counters.where);
    });
    if (holds_another) outer.counters.holds_pods = true;
  }
  entries_ = std::move(entries);
}

std::vector<model::ApplicationCounters> ApplicationReader::read(model::MonoTime now,
                                                                std::vector<model::Error>& errors) {
  std::vector<model::ApplicationCounters> all;
  all.reserve(entries_.size());
  const bool memory = reads_++ % std::max<std::size_t>(memory_every_, 1) == 0;
  const GroupFiles::Detail detail{.throttling = false, .waiting = false, .memory = memory, .stalls = false};
  for (auto& entry : entries_) {
    auto& counters = all.emplace_back(entry.counters);
    if (counters.holds_pods) continue;
    const auto before = errors.size();
    counters.group = entry.files.read(now, detail, buffer_, errors);
    counters.failed = errors.size() > before;
  }
  return all;
}

}  // namespace tideline::kernel
