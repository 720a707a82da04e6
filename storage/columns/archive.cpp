#include "storage/columns/archive.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storage/columns/archive_parts.h"
#include "storage/columns/crc32c.h"
#include "storage/columns/envelope.h"
#include "storage/columns/printable.h"

namespace tideline::columns {
namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";

bool is_json_object(std::string_view text) {
  // The parser would take a NUL for the end of the text and leave the rest unread.
  if (text.find('\0') != std::string_view::npos) return false;
  const auto begin = text.find_first_not_of(kJsonSpace);
  return begin != std::string_view::npos && text[begin] == '{' && nlohmann::json::accept(text);
}

std::string place_of(const ChunkEntry& entry) {
  return fmt::format("archive: series {} at offset {}", printable(entry.series), entry.offset);
}

model::Error bad_entry(const ChunkEntry& entry, std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("{}: {}", place_of(entry), why)};
}

}  // namespace

model::Result<void> ArchiveWriter::add(const Chunk& chunk) {
  if (ended_) return *ended_;
  const auto bytes = encode_chunk(chunk);
  if (!bytes) return bytes.error();
  return put_entry({.kind = chunk.kind,
                    .series = chunk.series,
                    .first = chunk.times.front(),
                    .last = chunk.times.back(),
                    .rows = chunk.rows()},
                   *bytes);
}

model::Result<void> ArchiveWriter::add_extra(const Extra& extra) {
  if (ended_) return *ended_;
  if (version_ < kExtraArchiveVersion) {
    return model::invalid(fmt::format("archive: series {}: it was begun without extras", printable(extra.series)));
  }
  ChunkEntry entry{.kind = static_cast<SeriesKind>(extra.kind),
                   .series = extra.series,
                   .first = extra.first,
                   .last = extra.last,
                   .rows = extra.rows};
  if (const auto why = fault_of_extra(entry); !why.empty()) {
    return model::invalid(fmt::format("archive: series {}: {}", printable(extra.series), why));
  }
  return put_entry(std::move(entry), extra.bytes);
}

model::Result<void> ArchiveWriter::finish(std::string_view about) {
  if (ended_) return *ended_;
  if (const std::size_t most = most_about_bytes(version_); about.size() > most) {
    return model::invalid(fmt::format("archive: its description has {} bytes, more than {}", about.size(), most));
  }
  if (!is_json_object(about)) return model::invalid("archive: its description is no JSON object");
  if (auto begun = begin(); !begun) return begun;
  const std::uint64_t index_offset = offset_;
  const std::string index = archive_index(about, entries_);
  if (auto written = put(index); !written) return written;
  if (auto written = put(archive_footer(index_offset, index)); !written) return written;
  ended_ = model::invalid("archive: it is finished");
  return {};
}

model::Result<void> ArchiveWriter::begin() {
  return offset_ == 0 ? put(archive_header(version_)) : model::Result<void>();
}

model::Result<void> ArchiveWriter::put_entry(ChunkEntry entry, std::string_view bytes) {
  if (auto begun = begin(); !begun) return begun;
  entry.offset = offset_;
  entry.size = bytes.size();
  entry.crc = crc32c(bytes);
  if (auto written = put(bytes); !written) return written;
  entries_.push_back(std::move(entry));
  return {};
}

model::Result<void> ArchiveWriter::put(std::string_view bytes) {
  auto written = sink_(bytes);
  if (!written) ended_ = written.error();
  offset_ += bytes.size();
  return written;
}

model::Result<ArchiveReader> ArchiveReader::open(std::string_view file) {
  auto index = read_archive_index(file);
  if (!index) return index.error();
  ArchiveReader reader;
  reader.file_ = file;
  reader.about_ = std::move(index->about);
  auto& entries = index->entries;
  const auto extras = std::stable_partition(entries.begin(), entries.end(),
                                            [](const ChunkEntry& entry) { return !is_extra(entry.kind); });
  reader.extras_.assign(std::make_move_iterator(extras), std::make_move_iterator(entries.end()));
  entries.erase(extras, entries.end());
  reader.entries_ = std::move(entries);
  std::sort(reader.entries_.begin(), reader.entries_.end(), [](const ChunkEntry& a, const ChunkEntry& b) {
    return std::tie(a.series, a.first, a.offset) < std::tie(b.series, b.first, b.offset);
  });
  return reader;
}

model::Result<std::string_view> ArchiveReader::read_extra(const ChunkEntry& entry) const {
  if (entry.offset > file_.size() || entry.size > file_.size() - entry.offset) {
    return bad_entry(entry,
                     fmt::format("its {} bytes are not all in the file, which has {}", entry.size, file_.size()));
  }
  const auto bytes = file_.substr(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size));
  const std::uint32_t found = crc32c(bytes);
  if (found != entry.crc) {
    return bad_entry(entry, fmt::format("its CRC-32C is {:08x}, and was {:08x}", found, entry.crc));
  }
  return bytes;
}

model::Result<Chunk> ArchiveReader::read(const ChunkEntry& entry) const {
  const auto bytes = read_extra(entry);
  if (!bytes) return bytes.error();
  auto chunk = decode_intact(*bytes);
  if (!chunk) return chunk.error().in(place_of(entry));
  if (chunk->kind != entry.kind || chunk->series != entry.series || chunk->rows() != entry.rows ||
      chunk->times.front() != entry.first || chunk->times.back() != entry.last) {
    return bad_entry(entry,
                     fmt::format("the chunk there is of {}, {} rows from {} to {}, and not what the index says",
                                 printable(chunk->series), chunk->rows(), chunk->times.front(), chunk->times.back()));
  }
  return chunk;
}

}  // namespace tideline::columns
