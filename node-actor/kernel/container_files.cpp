#include "node-actor/kernel/container_files.h"

#include <algorithm>
#include <iterator>

namespace tideline::kernel {
namespace {

bool is_read(const model::Pod& pod, const model::Container& container) {
  return pod.qos != model::QosClass::kBe && container.limits.cpu.has_value();
}

}  // namespace

bool ContainerFiles::reads(const model::Pod& pod) {
  return std::any_of(pod.containers.begin(), pod.containers.end(),
                     [&](const model::Container& container) { return is_read(pod, container); });
}

ContainerFiles::Entry& ContainerFiles::entry_at(std::size_t place, const std::string& id) {
  const auto here = entries_.begin() + static_cast<std::ptrdiff_t>(place);
  const auto known = std::find_if(here, entries_.end(), [&](const Entry& entry) { return entry.id == id; });
  if (known == entries_.end()) return *entries_.insert(here, Entry{.id = id, .files = {}, .next_look = {}, .last = {}});
  if (known != here) std::iter_swap(known, here);
  return *here;
}

void ContainerFiles::read(const CgroupTree& tree, const model::Pod& pod, const Pace& pace, ReadBuffer& buffer,
                          Errors& errors, std::vector<model::ContainerCounters>& into) {
  std::size_t read = 0;
  for (const auto& container : pod.containers) {
    if (!is_read(pod, container)) continue;
    if (read == into.size()) into.emplace_back();
    auto& counters = into[read];
    counters.id = container.id;
    counters.group = {};
    auto& entry = entry_at(read++, container.id);
    // A container that has not started yet has no id.
    if (container.id.empty()) continue;
    if (!entry.files && (!entry.next_look || pace.now >= *entry.next_look)) {
      entry.next_look = pace.now + pace.look_every;
      auto group = tree.container_group(pod, container);
      if (group) {
        entry.files.emplace(tree, std::move(*group), GroupFiles::Memory::kNotRead, nullptr);
      } else if (group.error().code() != model::ErrorCode::kNotFound) {
        errors.push_back(group.error());
      }
    }
    if (!entry.files) continue;
    if (!pace.stands || entry.last.inode == 0) {
      entry.last = entry.files->read(pace.now, {.throttling = true, .waiting = false}, buffer, errors);
    }
    counters.group = entry.last;
    if (counters.group.inode == 0) entry.files.reset();
  }
  entries_.resize(std::min(entries_.size(), read));
  into.resize(read);
}

}  // namespace tideline::kernel
