#pragma once
// Whether two things are the same, by 64 bits of each: for who may have mixed them up, not for who means harm.

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/columns/archive.h"

namespace tideline::planner_program {

/// FNV-1a, of pieces with their lengths.
class Fingerprint {
 public:
  void add(std::string_view text);
  void add(std::uint64_t number);
  /// 16 hexadecimal digits.
  std::string text() const;

 private:
  void add_byte(std::uint8_t byte);

  std::uint64_t state_ = 0xCBF2'9CE4'8422'2325;
};

/// By its index, which has a checksum of every chunk.
std::string fingerprint_of(const columns::ArchiveReader& archive);
std::string fingerprint_of(std::string_view text);

}  // namespace tideline::planner_program
