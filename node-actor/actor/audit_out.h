#pragma once
// The audit ring for people and as JSON, without the coordinator.

#include <optional>
#include <string>
#include <vector>

#include "messages/model/units.h"
#include "node-actor/guard/audit_ring.h"

namespace tideline::node {

struct AuditFilter {
  std::optional<model::WallTime> since{};  // inclusive
  std::string subject_part{};              // only files, pods and groups whose name has it; "" = all
};

/// One line an event, oldest first. Control characters of foreign text become '?'.
std::string audit_text(const std::vector<guard::AuditRecord>& records, const AuditFilter& filter);
/// {"events": [...]} with the keys of `tidectl events --json`, and each event's number.
std::string audit_json(const std::vector<guard::AuditRecord>& records, const AuditFilter& filter);

}  // namespace tideline::node
