#pragma once
// What is in an archive besides its chunks: header, index and footer.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/archive.h"

namespace tideline::columns {

inline constexpr std::size_t kArchiveHeaderBytes = 16;
inline constexpr std::size_t kArchiveFooterBytes = 32;

/// The most bytes that a description may have in an archive of that version.
constexpr std::size_t most_about_bytes(std::uint32_t version) {
  return version >= kLargeArchiveVersion ? kMaxLargeAboutBytes : kMaxAboutBytes;
}

std::string archive_header(std::uint32_t version = kArchiveVersion);
/// Entries in the order of their bytes, the first of which follow the header, each those before it.
std::string archive_index(std::string_view about, const std::vector<ChunkEntry>& entries);
/// Follows the index.
std::string archive_footer(std::uint64_t index_offset, std::string_view index);

constexpr bool is_extra(SeriesKind kind) {
  const auto number = static_cast<std::uint8_t>(kind);
  return number >= kFirstExtraKind && number <= kLastExtraKind;
}
/// "", or what breaks the rules of an entry in its kind, name, times or rows, where it is of no chunk.
std::string fault_of_extra(const ChunkEntry& entry);

struct ArchiveIndex {
  std::string about;
  std::vector<ChunkEntry> entries;  // in the order of their bytes
};
/// Of a whole file. kMalformed names the place and what is wrong there; kUnsupported for a newer version.
model::Result<ArchiveIndex> read_archive_index(std::string_view file);

}  // namespace tideline::columns
