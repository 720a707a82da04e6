#include "coordinator/planner_program/fingerprint.h"

#include <fmt/format.h>

namespace tideline::planner_program {

void Fingerprint::add_byte(std::uint8_t byte) {
  state_ = (state_ ^ byte) * 0x0000'0100'0000'01B3;
}

void Fingerprint::add(std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    add_byte(static_cast<std::uint8_t>(number >> shift));
}

void Fingerprint::add(std::string_view text) {
  add(std::uint64_t{text.size()});
  for (const char c : text)
    add_byte(static_cast<std::uint8_t>(c));
}

std::string Fingerprint::text() const {
  return fmt::format("{:016x}", state_);
}

std::string fingerprint_of(const columns::ArchiveReader& archive) {
  Fingerprint all;
  all.add(archive.about());
  for (const auto& entry : archive.entries()) {
    all.add(std::uint64_t{static_cast<std::uint8_t>(entry.kind)});
    all.add(entry.series);
    for (const std::uint64_t number : {static_cast<std::uint64_t>(entry.first), static_cast<std::uint64_t>(entry.last),
                                       entry.rows, entry.size, std::uint64_t{entry.crc}}) {
      all.add(number);
    }
  }
  return all.text();
}

std::string fingerprint_of(std::string_view text) {
  Fingerprint one;
  one.add(text);
  return one.text();
}

}  // namespace tideline::planner_program
