#pragma once
// What one frame of the audit ring holds. Plain functions of bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/action.h"

namespace tideline::guard {

struct AuditRecord {
  std::uint64_t number = 0;  // from 1, without holes as long as the disk takes them
  model::Event event;
  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

/// How far the events are told: written before the report that tells them is stored, so that the report itself decides.
struct AuditMark {
  std::uint64_t incarnation = 0;  // of the spool; 0: there is no mark
  std::uint64_t seq = 0;          // the report that tells all up to `through`, if it was stored
  std::uint64_t before = 0;       // all up to this were told by earlier ones
  std::uint64_t through = 0;
  friend bool operator==(const AuditMark&, const AuditMark&) = default;
};

std::string audit_frame(const AuditRecord& record);
std::string audit_frame(const AuditMark& mark);

/// Of a frame whose checksums hold; nullopt: it is of the other kind, or not what this build writes.
std::optional<AuditRecord> audit_record(std::uint64_t incarnation, std::uint64_t seq, std::string_view payload);
std::optional<AuditMark> audit_mark(std::uint64_t incarnation, std::uint64_t seq, std::string_view payload);

}  // namespace tideline::guard
