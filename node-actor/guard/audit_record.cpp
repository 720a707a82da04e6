#include "node-actor/guard/audit_record.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "node-actor/frames/frames.h"

namespace tideline::guard {
namespace {

template <class Number>
void add_number(std::string& bytes, Number number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof raw);
  bytes.append(raw, sizeof raw);
}

void add_text(std::string& bytes, const std::string& text) {
  const auto size = std::min<std::size_t>(text.size(), std::numeric_limits<std::uint16_t>::max());
  add_number(bytes, static_cast<std::uint16_t>(size));
  bytes.append(text, 0, size);
}

/// Takes from the front; false once there is not enough.
template <class Number>
bool next_number(std::string_view& bytes, Number& number) {
  if (bytes.size() < sizeof number) return false;
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return true;
}

bool next_text(std::string_view& bytes, std::string& text) {
  std::uint16_t size = 0;
  if (!next_number(bytes, size) || bytes.size() < size) return false;
  text.assign(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return true;
}

}  // namespace

std::string audit_frame(const AuditRecord& record) {
  const auto& event = record.event;
  std::string payload;
  payload.reserve(32 + event.subject.size() + event.old_value.size() + event.new_value.size());
  add_number(payload, event.at.ms);
  add_number(payload, static_cast<std::uint8_t>(event.controller));
  add_number(payload, static_cast<std::uint16_t>(event.reason));
  add_text(payload, event.subject);
  add_text(payload, event.old_value);
  add_text(payload, event.new_value);
  return frames::make_frame(0, record.number, 0, payload);
}

std::string audit_frame(const AuditMark& mark) {
  std::string payload;
  add_number(payload, mark.before);
  add_number(payload, mark.through);
  return frames::make_frame(mark.incarnation, mark.seq, 0, payload);
}

std::optional<AuditRecord> audit_record(std::uint64_t incarnation, std::uint64_t seq, std::string_view payload) {
  if (incarnation != 0 || seq == 0) return std::nullopt;
  AuditRecord record;
  record.number = seq;
  std::uint8_t controller = 0;
  std::uint16_t reason = 0;
  auto& event = record.event;
  const bool whole = next_number(payload, event.at.ms) && next_number(payload, controller) &&
                     next_number(payload, reason) && next_text(payload, event.subject) &&
                     next_text(payload, event.old_value) && next_text(payload, event.new_value) && payload.empty();
  if (!whole) return std::nullopt;
  event.controller = static_cast<model::Controller>(controller);
  event.reason = static_cast<model::Reason>(reason);
  return record;
}

std::optional<AuditMark> audit_mark(std::uint64_t incarnation, std::uint64_t seq, std::string_view payload) {
  if (incarnation == 0) return std::nullopt;
  AuditMark mark{.incarnation = incarnation, .seq = seq, .before = 0, .through = 0};
  if (!next_number(payload, mark.before) || !next_number(payload, mark.through) || !payload.empty())
    return std::nullopt;
  if (mark.before > mark.through) return std::nullopt;
  return mark;
}

}  // namespace tideline::guard
