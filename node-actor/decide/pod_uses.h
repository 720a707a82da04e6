#pragma once
// A sample's pods and their containers by name, so that a round over many pods stays linear.

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "messages/model/sample.h"

namespace tideline::decide {

/// Points into the sample, which must outlive it.
class PodUses {
 public:
  PodUses() = default;
  explicit PodUses(const model::NodeSample& sample) {
    by_uid_.reserve(sample.pods.size());
    for (const auto& pod : sample.pods)
      by_uid_.try_emplace(pod.uid.str(), &pod);
  }
  /// nullptr: the sample does not have it.
  const model::PodUse* of(const model::PodUid& uid) const {
    const auto found = by_uid_.find(uid.str());
    return found == by_uid_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::string_view, const model::PodUse*> by_uid_;
};

/// nullptr: not read, or `pod` is nullptr.
inline const model::ContainerUse* use_of(const model::PodUse* pod, std::string_view container_id) {
  if (pod == nullptr) return nullptr;
  const auto found = std::find_if(pod->containers.begin(), pod->containers.end(),
                                  [&](const model::ContainerUse& use) { return use.id == container_id; });
  return found == pod->containers.end() ? nullptr : &*found;
}

}  // namespace tideline::decide
