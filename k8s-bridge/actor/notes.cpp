#include "k8s-bridge/actor/notes.h"

#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tideline::bridge {
namespace {

k8s::EventNote note_of(const char* kind, k8s::ObjectKey object, k8s::EventNote::Type type, const char* reason,
                       std::string message) {
  k8s::EventNote note;
  note.kind = kind;
  note.object = std::move(object);
  note.type = type;
  note.reason = reason;
  note.message = std::move(message);
  return note;
}

template <class Unit>
std::string amount(const std::optional<Unit>& value) {
  return value ? fmt::format("{}", value->value()) : "absent";
}

template <class Unit>
void add_difference(std::string& text, std::string_view resource, const std::optional<Unit>& found,
                    const std::optional<Unit>& ours) {
  if (found == ours) return;
  text += fmt::format("{}{} is {} and not {}", text.empty() ? "" : "; ", resource, amount(found), amount(ours));
}

}  // namespace

k8s::EventNote refused_note(const k8s::ObjectKey& config_map, const std::string& problem) {
  return note_of("ConfigMap", config_map, k8s::EventNote::Type::kWarning, "ColocationCfgUnmarshalFailed", problem);
}

k8s::EventNote applied_note(const k8s::ObjectKey& config_map, model::PolicyVersion version,
                            const std::vector<policy::Notice>& notices) {
  std::string message = fmt::format("in force as version {}", version.value());
  for (const auto& notice : notices)
    message += fmt::format("; {} {}: {}", notice.document, notice.path, notice.why);
  return note_of("ConfigMap", config_map, k8s::EventNote::Type::kNormal, "PolicyApplied", std::move(message));
}

k8s::EventNote left_aside_note(const k8s::ObjectKey& config_map, const ConfigMapName& in_force) {
  return note_of("ConfigMap", config_map, k8s::EventNote::Type::kWarning, "PolicyNotInForce",
                 fmt::format("{} is in force, and nothing of this ConfigMap is: remove one of the two, or start the "
                             "coordinator with --preferred-configmap",
                             subject_of(in_force)));
}

k8s::EventNote foreign_note(const publish::Foreign& foreign) {
  k8s::ObjectKey node;
  node.name = foreign.node.str();
  return note_of(
      "Node", std::move(node), k8s::EventNote::Type::kWarning, "ForeignWriter",
      fmt::format("somebody else writes what Tideline publishes: {}", differences(foreign.found, foreign.ours)));
}

std::string differences(const k8s::Extended& found, const k8s::Extended& ours) {
  std::string text;
  add_difference(text, k8s::kBatchCpu, found.batch_cpu, ours.batch_cpu);
  add_difference(text, k8s::kBatchMemory, found.batch_memory, ours.batch_memory);
  add_difference(text, k8s::kMidCpu, found.mid_cpu, ours.mid_cpu);
  add_difference(text, k8s::kMidMemory, found.mid_memory, ours.mid_memory);
  add_difference(text, k8s::kOlderBatchCpu, found.older_batch_cpu, ours.older_batch_cpu);
  add_difference(text, k8s::kOlderBatchMemory, found.older_batch_memory, ours.older_batch_memory);
  add_difference(text, k8s::kReclaimedCpu, found.reclaimed_cpu, ours.reclaimed_cpu);
  add_difference(text, k8s::kReclaimedMemory, found.reclaimed_memory, ours.reclaimed_memory);
  return text;
}

}  // namespace tideline::bridge
