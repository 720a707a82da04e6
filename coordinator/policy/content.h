#pragma once
// A node's effective policy as one number, by which nodes and versions that say the same are known.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/policy.h"

namespace tideline::policy {

/// Of all keys that are not at the built-in default, with their values: FNV-1a, 64 bits, never 0. Version and epoch do
/// not count, nor what holds for the whole fleet and goes to no node. The same in every build that knows the keys which
/// are set, so a coordinator that learnt more keys says the same of a policy as before.
model::PolicyContent content_of(const model::NodePolicy& policy);

/// Contents of many nodes' policies, of which most are the same.
class ContentMemo {
 public:
  static constexpr std::size_t kMaxKept = 32;
  model::PolicyContent of(const model::NodePolicy& policy);

 private:
  std::vector<std::pair<model::NodePolicy, model::PolicyContent>> kept_;
};

/// 16 hexadecimal digits; "" if it is not known.
std::string text_of(model::PolicyContent content);

}  // namespace tideline::policy
