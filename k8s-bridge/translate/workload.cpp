#include "k8s-bridge/translate/workload.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "messages/model/json_text.h"
#include "messages/model/report.h"

namespace tideline::k8s {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxOwners = 64;

/// The name of the Deployment whose ReplicaSet it is; nullopt: the ReplicaSet is nobody's.
std::optional<std::string> deployment_of(std::string_view replica_set, const Fields& metadata) {
  const json* labels = metadata.object("labels");
  if (labels == nullptr) return std::nullopt;
  const auto hash = labels->find(std::string(kTemplateHashLabel));
  if (hash == labels->end() || !hash->is_string()) return std::nullopt;
  const std::string ending = "-" + hash->get<std::string>();
  if (ending.size() == 1 || replica_set.size() <= ending.size() || !replica_set.ends_with(ending)) return std::nullopt;
  return std::string(replica_set.substr(0, replica_set.size() - ending.size()));
}

}  // namespace

std::string workload_of(const Fields& metadata, Problems& problems) {
  const json* owners = metadata.list("ownerReferences");
  if (owners == nullptr) return {};
  for (std::size_t i = 0; i < std::min(owners->size(), kMaxOwners); ++i) {
    const Fields owner(&(*owners)[i], fmt::format("{}[{}]", metadata.path("ownerReferences"), i), problems);
    const json* controller = owner.find("controller");
    if (controller == nullptr || !controller->is_boolean() || !controller->get<bool>()) continue;
    constexpr std::size_t kMost = model::ReportLimits::kMaxTextBytes;
    const auto kind = owner.text("kind", kMost);
    const auto name = owner.text("name", kMost);
    if (!kind || !name || kind->empty() || name->empty()) return {};
    std::string workload = fmt::format("{}/{}", *kind, *name);
    if (*kind == "ReplicaSet") {
      if (const auto deployment = deployment_of(*name, metadata)) workload = fmt::format("Deployment/{}", *deployment);
    }
    if (workload.size() > kMost) {
      problems.add(owner.path("name"), *name, fmt::format("with its kind it is cut to {} bytes", kMost));
      workload.resize(model::beginning(workload, kMost).size());
    }
    return workload;
  }
  return {};
}

}  // namespace tideline::k8s
