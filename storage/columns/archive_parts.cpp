#include "storage/columns/archive_parts.h"

#include <utility>

#include <fmt/format.h>

#include "storage/columns/chunk_body.h"
#include "storage/columns/crc32c.h"
#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"

namespace tideline::columns {
namespace {

constexpr std::string_view kHeaderMagic = "tideline";
constexpr std::string_view kFooterMagic = "tide-end";
constexpr std::size_t kCrcBytes = 4;
/// Kind, name with its length, first time, span, rows, size, CRC.
constexpr std::size_t kMinEntryBytes = 1 + 2 + 4 * 1 + kCrcBytes;

model::Error bad_archive(std::string_view place, std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("archive: {}: {}", place, why)};
}

/// The archive's version.
model::Result<std::uint32_t> read_header(std::string_view file) {
  if (file.size() < kArchiveHeaderBytes || file.substr(0, kHeaderMagic.size()) != kHeaderMagic) {
    return bad_archive("header", fmt::format("{} bytes that do not begin as an archive", file.size()));
  }
  Cursor in(file.substr(kHeaderMagic.size(), kArchiveHeaderBytes - kHeaderMagic.size()));
  const auto version = static_cast<std::uint32_t>(in.fixed(kCrcBytes));
  const auto said = static_cast<std::uint32_t>(in.fixed(kCrcBytes));
  const std::uint32_t found = crc32c(file.substr(0, kArchiveHeaderBytes - kCrcBytes));
  if (found != said) return bad_archive("header", fmt::format("its CRC-32C is {:08x}, and was {:08x}", found, said));
  if (version > kExtraArchiveVersion) {
    return model::Error(
        model::ErrorCode::kUnsupported,
        fmt::format("archive: it has version {}, this build reads up to {}", version, kExtraArchiveVersion));
  }
  if (version == 0) return bad_archive("header", "version 0, which there is not");
  return version;
}

struct IndexPlace {
  std::size_t offset = 0;
  std::string_view bytes;
};

model::Result<IndexPlace> find_index(std::string_view file) {
  if (file.size() < kArchiveHeaderBytes + kArchiveFooterBytes || !file.ends_with(kFooterMagic)) {
    return bad_archive("footer",
                       fmt::format("there is none at the end of {} bytes: cut off, or not finished", file.size()));
  }
  const auto footer = file.substr(file.size() - kArchiveFooterBytes);
  const std::size_t covered = kArchiveFooterBytes - kFooterMagic.size() - kCrcBytes;
  Cursor in(footer);
  const std::uint64_t offset = in.fixed(8);
  const std::uint64_t size = in.fixed(8);
  const auto index_crc = static_cast<std::uint32_t>(in.fixed(kCrcBytes));
  const auto said = static_cast<std::uint32_t>(in.fixed(kCrcBytes));
  const std::uint32_t found = crc32c(footer.substr(0, covered));
  if (found != said) return bad_archive("footer", fmt::format("its CRC-32C is {:08x}, and was {:08x}", found, said));
  const std::size_t end = file.size() - kArchiveFooterBytes;
  if (offset < kArchiveHeaderBytes || offset > end || size != end - offset) {
    return bad_archive("footer", fmt::format("an index of {} bytes at offset {} does not end at {}, where it begins",
                                             size, offset, end));
  }
  const auto index = file.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  const std::uint32_t index_found = crc32c(index);
  if (index_found != index_crc) {
    return bad_archive("index",
                       fmt::format("its CRC-32C is {:08x}, and was {:08x} at writing", index_found, index_crc));
  }
  return IndexPlace{.offset = static_cast<std::size_t>(offset), .bytes = index};
}

void put_entry(std::string& index, const ChunkEntry& entry) {
  index.push_back(static_cast<char>(entry.kind));
  index.push_back(static_cast<char>(entry.series.size()));
  index.append(entry.series);
  put_varint(index, zigzag(entry.first));
  put_varint(index, static_cast<std::uint64_t>(entry.last - entry.first));
  put_varint(index, entry.rows);
  put_varint(index, entry.size);
  put_fixed(index, entry.crc, kCrcBytes);
}

/// "" or what is wrong with name, times or rows.
std::string fault_of_row(const ChunkEntry& entry) {
  if (entry.series.empty() || entry.series.size() > ChunkLimits::kMaxName) {
    return fmt::format("its series' name has {} bytes, not 1 to {}", entry.series.size(), ChunkLimits::kMaxName);
  }
  if (entry.last > ChunkLimits::kMaxValue) return fmt::format("its last time is {}, beyond 2^53", entry.last);
  if (entry.rows == 0 || entry.rows > ChunkLimits::kMaxRows) {
    return fmt::format("it has {} rows, not 1 to {}", entry.rows, ChunkLimits::kMaxRows);
  }
  return {};
}

/// The text says what is wrong with it; empty: nothing is. `room`: the bytes from its begin to the index.
std::string take_entry(Cursor& in, std::uint32_t version, std::uint64_t room, ChunkEntry& entry) {
  entry.kind = static_cast<SeriesKind>(in.byte());
  entry.series = in.text(in.byte());
  entry.first = in.signed_number(ChunkLimits::kMaxValue);
  const auto span = static_cast<std::int64_t>(in.number());
  entry.last = entry.first + span;
  entry.rows = in.number();
  entry.size = in.number();
  entry.crc = static_cast<std::uint32_t>(in.fixed(kCrcBytes));
  if (!in.ok()) return "it is cut, or a number in it is beyond its bound";
  if (!is_known(entry.kind) && !(version >= kExtraArchiveVersion && is_extra(entry.kind))) {
    return fmt::format("kind {} of series is none", static_cast<int>(entry.kind));
  }
  if (auto why = fault_of_row(entry); !why.empty()) return why;
  if (entry.size > room) return fmt::format("its chunk has {} bytes, and the index follows in {}", entry.size, room);
  return {};
}

}  // namespace

std::string fault_of_extra(const ChunkEntry& entry) {
  if (!is_extra(entry.kind)) return fmt::format("kind {} is none of an extra", static_cast<int>(entry.kind));
  if (entry.first < -ChunkLimits::kMaxValue || entry.first > entry.last) {
    return fmt::format("its times, {} to {}, are none", entry.first, entry.last);
  }
  return fault_of_row(entry);
}

std::string archive_header(std::uint32_t version) {
  std::string header(kHeaderMagic);
  put_fixed(header, version, kCrcBytes);
  put_fixed(header, crc32c(header), kCrcBytes);
  return header;
}

std::string archive_index(std::string_view about, const std::vector<ChunkEntry>& entries) {
  std::string index;
  put_varint(index, about.size());
  index.append(about);
  put_varint(index, entries.size());
  for (const ChunkEntry& entry : entries)
    put_entry(index, entry);
  return index;
}

std::string archive_footer(std::uint64_t index_offset, std::string_view index) {
  std::string footer;
  put_fixed(footer, index_offset, 8);
  put_fixed(footer, index.size(), 8);
  put_fixed(footer, crc32c(index), kCrcBytes);
  put_fixed(footer, crc32c(footer), kCrcBytes);
  footer.append(kFooterMagic);
  return footer;
}

model::Result<ArchiveIndex> read_archive_index(std::string_view file) {
  const auto version = read_header(file);
  if (!version) return version.error();
  const auto place = find_index(file);
  if (!place) return place.error();
  Cursor in(place->bytes);
  ArchiveIndex index;
  index.about = in.text(in.number(most_about_bytes(*version)));
  const std::uint64_t count = in.number();
  // No memory for more entries than there can be.
  if (!in.ok() || count > in.rest().size() / kMinEntryBytes) {
    return bad_archive("index", fmt::format("its {} bytes cannot hold what it says", place->bytes.size()));
  }
  index.entries.reserve(static_cast<std::size_t>(count));
  std::uint64_t offset = kArchiveHeaderBytes;
  for (std::uint64_t number = 1; number <= count; ++number) {
    ChunkEntry entry;
    entry.offset = offset;
    if (const auto why = take_entry(in, *version, place->offset - offset, entry); !why.empty()) {
      return bad_archive("index", fmt::format("entry {} of {}: {}", number, count, why));
    }
    offset += entry.size;
    index.entries.push_back(std::move(entry));
  }
  if (offset != place->offset) {
    return bad_archive("index", fmt::format("its chunks end at offset {}, and it begins at {}", offset, place->offset));
  }
  if (!in.rest().empty()) {
    return bad_archive("index", fmt::format("{} bytes follow its last entry", in.rest().size()));
  }
  return index;
}

}  // namespace tideline::columns
