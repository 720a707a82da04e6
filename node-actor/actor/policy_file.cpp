#include "node-actor/actor/policy_file.h"

#include <span>
#include <string_view>

#include "messages/codec/report_bytes.h"
#include "messages/model/report.h"
#include "node-actor/actor/state_file.h"

namespace tideline::node {
namespace {

/// What the link brings in one message is the most that was ever kept.
constexpr std::size_t kMaxPolicyBytes = model::ReportLimits::kMaxWireBytes;

}  // namespace

model::Result<std::optional<model::NodePolicy>> load_policy(const std::string& state_dir) {
  const auto path = state_dir + "/policy";
  const auto text = read_state_file(path, kMaxPolicyBytes);
  if (!text) return text.error();
  if (!*text) return std::optional<model::NodePolicy>();
  auto policy = codec::policy_from_bytes(std::as_bytes(std::span(**text)));
  if (!policy) return policy.error().in(path);
  return std::optional<model::NodePolicy>(std::move(*policy));
}

model::Result<void> keep_policy(const std::string& state_dir, const model::NodePolicy& policy) {
  const auto bytes = codec::to_bytes(policy);
  return replace_state_file(state_dir, "policy", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace tideline::node
