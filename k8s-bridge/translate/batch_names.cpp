#include "k8s-bridge/translate/batch_names.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/containers.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/json_text.h"

namespace tideline::k8s {
namespace {

using nlohmann::json;

/// By BatchName.
constexpr std::array kCpuNames{kBatchCpu, kOlderBatchCpu, kReclaimedCpu};
constexpr std::array kMemoryNames{kBatchMemory, kOlderBatchMemory, kReclaimedMemory};
static_assert(kCpuNames.size() == kBatchNames && kMemoryNames.size() == kBatchNames);

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

/// The newest of `names` that the list has a value of.
std::optional<BatchName> newest_in(const json& list, const std::array<std::string_view, kBatchNames>& names) {
  for (std::size_t i = 0; i < kBatchNames; ++i) {
    const auto found = list.find(std::string(names.at(i)));
    if (found != list.end() && !found->is_null()) return static_cast<BatchName>(i);
  }
  return std::nullopt;
}

void take_newer(std::optional<BatchName>& newest, std::optional<BatchName> other) {
  if (other && (!newest || *other < *newest)) newest = other;
}

}  // namespace

std::string_view name_of(BatchName name) {
  switch (name) {
    case BatchName::kKubernetes:
      return "kubernetes.io";
    case BatchName::kKoordinator:
      return "koordinator.sh";
    case BatchName::kAlibaba:
      return "alibabacloud.com";
  }
  return "unknown";
}

bool OlderNames::has(BatchName name) const {
  switch (name) {
    case BatchName::kKubernetes:
      return false;
    case BatchName::kKoordinator:
      return koordinator;
    case BatchName::kAlibaba:
      return alibaba;
  }
  return false;
}

void OlderNames::add(BatchName name) {
  if (name == BatchName::kKoordinator) koordinator = true;
  if (name == BatchName::kAlibaba) alibaba = true;
}

model::Result<OlderNames> older_names_from(std::string_view text) {
  OlderNames names;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto word = text.substr(0, end);
    if (word == name_of(BatchName::kKoordinator)) {
      names.koordinator = true;
    } else if (word == name_of(BatchName::kAlibaba)) {
      names.alibaba = true;
    } else {
      return model::Error(model::ErrorCode::kInvalidArgument,
                          fmt::format("\"{}\": want koordinator.sh, alibabacloud.com, or both with a comma between",
                                      model::printable(word, 64)));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

AskedBy asked_by(const json& spec) {
  std::optional<BatchName> cpu;
  std::optional<BatchName> memory;
  for (const char* kind : {"initContainers", "containers"}) {
    const json* containers = member(spec, kind);
    if (containers == nullptr || !containers->is_array()) continue;
    for (std::size_t i = 0; i < std::min(containers->size(), kMaxParts); ++i) {
      const json* resources = member((*containers)[i], "resources");
      if (resources == nullptr) continue;
      for (const char* list_name : {"requests", "limits"}) {
        const json* list = member(*resources, list_name);
        if (list == nullptr || !list->is_object()) continue;
        take_newer(cpu, newest_in(*list, kCpuNames));
        take_newer(memory, newest_in(*list, kMemoryNames));
      }
    }
  }
  return {.cpu = cpu.value_or(BatchName::kKubernetes), .memory = memory.value_or(BatchName::kKubernetes)};
}

}  // namespace tideline::k8s
