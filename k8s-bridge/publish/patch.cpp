#include "k8s-bridge/publish/patch.h"

#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace tideline::publish {
namespace {

using nlohmann::json;

void set_annotation(json& metadata, std::string_view key, const std::optional<std::string>& value) {
  if (!value) return;
  metadata["annotations"][std::string(key)] = value->empty() ? json() : json(*value);
}

}  // namespace

std::string merge_patch(const Patch& patch) {
  json metadata = json::object();
  if (!patch.uid.empty()) metadata["uid"] = patch.uid;
  set_annotation(metadata, k8s::kAccountAnnotation, patch.account);
  set_annotation(metadata, k8s::kOriginAnnotation, patch.origin);
  set_annotation(metadata, k8s::kNormalizationAnnotation, patch.normalization);
  set_annotation(metadata, k8s::kAmplificationAnnotation, patch.amplification);
  json resources = json::object();
  for (std::size_t i = 0; i < kResources; ++i) {
    if (!patch.sets[i]) continue;
    const auto& value = patch.values[i];
    resources[std::string(kResourceNames[i])] = value ? json(std::to_string(*value)) : json();
  }
  json root = json::object();
  if (!metadata.empty()) root["metadata"] = std::move(metadata);
  root["status"]["capacity"] = resources;
  root["status"]["allocatable"] = std::move(resources);
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace tideline::publish
