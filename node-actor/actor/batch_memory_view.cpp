#include "node-actor/actor/batch_memory_view.h"

#include <algorithm>
#include <string>
#include <utility>

#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {
namespace {

bool asks_for_a_limit(const model::Pod& pod) {
  return pod.qos == model::QosClass::kBe &&
         (pod.limits.batch_memory || std::any_of(pod.containers.begin(), pod.containers.end(), [](const auto& each) {
            return each.limits.batch_memory.has_value();
          }));
}

std::optional<model::Bytes> without_page_cache(const model::MemoryCounters& memory) {
  if (!memory.usage || !memory.reclaimable) return std::nullopt;
  return std::max(*memory.usage - *memory.reclaimable, model::Bytes(0));
}

std::optional<model::Bytes> read_without_page_cache(const kernel::CgroupTree& tree, const std::string& group) {
  const bool unified = tree.is_unified("memory.stat");
  const auto usage_path = tree.path(group, unified ? "memory.current" : "memory.usage_in_bytes");
  const auto stat_path = tree.path(group, "memory.stat");
  if (!usage_path || !stat_path) return std::nullopt;
  const auto usage_text = kernel::read_value(*usage_path);
  const auto stat = kernel::read_file(*stat_path);
  if (!usage_text || !stat) return std::nullopt;
  const auto usage = kernel::parse_number(*usage_text);
  const auto active = kernel::parse_keyed(*stat, unified ? "active_file" : "total_active_file");
  const auto inactive = kernel::parse_keyed(*stat, unified ? "inactive_file" : "total_inactive_file");
  if (!usage || !active || !inactive) return std::nullopt;
  return model::Bytes(std::max<std::int64_t>(*usage - *active - *inactive, 0));
}

}  // namespace

BatchMemoryView::BatchMemoryView(const kernel::CgroupTree& tree, Look look) : tree_(tree), look_(std::move(look)) {}

void BatchMemoryView::forget() {
  own_.clear();
  in_force_.clear();
}

void BatchMemoryView::look_at_limit(const model::GroupRef& group, model::MonoTime now) {
  auto own = own_.find(group);
  if (own == own_.end() || now - own->second.at >= kRecheck) {
    const auto limits = look_(group);
    const bool is_gone = !limits && limits.error().code() == model::ErrorCode::kNotFound;
    if (!limits && (is_gone || own == own_.end())) {
      // A group that is not there yet is looked for in each round.
      if (own != own_.end()) own_.erase(own);
      return;
    }
    // A limit of its own that cannot be read now stands: without it BE would get more.
    if (limits) {
      const bool is_new = own == own_.end();
      if (is_new && limits->in_force.bytes && limits->in_force != limits->without_us) {
        in_force_.insert_or_assign(group, *limits->in_force.bytes);
      }
      own = own_.insert_or_assign(group, Own{.limit = limits->without_us.bytes, .at = now, .seen = true}).first;
    }
  }
  own->second.seen = true;
  if (own->second.limit) own_limits_.emplace(group, *own->second.limit);
}

void BatchMemoryView::look_at_containers(const model::Pod& pod, const std::optional<model::Bytes>& pods_use,
                                         model::MonoTime now) {
  for (const auto& container : pod.containers) {
    if (container.id.empty()) continue;
    const auto group = model::group_of(pod, container);
    look_at_limit(group, now);
    // What the pod uses is what its only container does, and the sandbox.
    if (pod.containers.size() == 1) {
      if (pods_use) used_.emplace(group, *pods_use);
      continue;
    }
    auto [known, is_new] = containers_.try_emplace(group);
    auto& reading = known->second;
    reading.seen = true;
    if (is_new || now - reading.at >= kReadEvery) {
      const auto path = tree_.container_group(pod, container);
      reading.used = path ? read_without_page_cache(tree_, *path) : std::nullopt;
      reading.at = now;
    }
    if (reading.used) used_.emplace(group, *reading.used);
  }
}

void BatchMemoryView::look(const std::vector<model::Pod>& pods, const model::HostCounters& counters,
                           model::MonoTime now) {
  used_.clear();
  own_limits_.clear();
  for (auto& [group, own] : own_)
    own.seen = false;
  for (auto& [group, container] : containers_)
    container.seen = false;
  for (std::size_t i = 0; i < std::min(pods.size(), counters.pods.size()); ++i) {
    const auto& pod = pods[i];
    const auto& counted = counters.pods[i];
    if (!asks_for_a_limit(pod) || counted.uid != pod.uid || counted.group.inode == 0) continue;
    const auto group = model::group_of(pod);
    const auto use = without_page_cache(counted.group.memory_side);
    if (use) used_.emplace(group, *use);
    look_at_limit(group, now);
    look_at_containers(pod, use, now);
  }
  std::erase_if(own_, [](const auto& each) { return !each.second.seen; });
  std::erase_if(in_force_, [&](const auto& each) { return !own_.contains(each.first); });
  std::erase_if(containers_, [](const auto& each) { return !each.second.seen; });
}

}  // namespace tideline::node
