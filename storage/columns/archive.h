#pragma once
// An archive: chunks of many series in one file, with an index at its end. Written once from front to back, read at
// any place. docs/archive-format.md has its bytes.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/chunk.h"

namespace tideline::columns {

/// What is written, but where a description is larger than that has room for: then it is kLargeArchiveVersion.
inline constexpr std::uint32_t kArchiveVersion = 1;
inline constexpr std::uint32_t kLargeArchiveVersion = 2;
/// Bytes of a description.
inline constexpr std::size_t kMaxAboutBytes = 1 << 20;
inline constexpr std::size_t kMaxLargeAboutBytes = 64 << 20;

struct ChunkEntry {
  SeriesKind kind{};
  std::string series;
  std::int64_t first = 0;  // times of its first and last row
  std::int64_t last = 0;
  std::uint64_t rows = 0;
  std::uint64_t offset = 0;  // of its bytes in the file
  std::uint64_t size = 0;
  std::uint32_t crc = 0;  // CRC-32C of those bytes
  friend bool operator==(const ChunkEntry&, const ChunkEntry&) = default;
};

/// Bytes go to `sink` in order; what it answers with an error ends the archive with that error.
class ArchiveWriter {
 public:
  using Sink = std::function<model::Result<void>(std::string_view bytes)>;
  /// `about_bytes`: of the description that finish() will get, where that is known. Beyond kMaxAboutBytes the archive
  /// is of version 2, which older builds refuse; the first bytes say so.
  explicit ArchiveWriter(Sink sink, std::size_t about_bytes = 0)
      : sink_(std::move(sink)), version_(about_bytes > kMaxAboutBytes ? kLargeArchiveVersion : kArchiveVersion) {}

  /// kInvalidArgument for what encode_chunk() does not take: nothing of it is written then, and others may follow.
  model::Result<void> add(const Chunk& chunk);
  /// `about`: a JSON object, up to kMaxAboutBytes, or kMaxLargeAboutBytes in version 2, that readers get back as it is:
  /// where the data is from. Once, at the end.
  model::Result<void> finish(std::string_view about);

 private:
  model::Result<void> put(std::string_view bytes);

  Sink sink_;
  std::uint32_t version_;
  std::uint64_t offset_ = 0;
  std::vector<ChunkEntry> entries_;
  std::optional<model::Error> ended_;  // what add() and finish() say from then on
};

/// Over all bytes of a file, which must outlive it.
class ArchiveReader {
 public:
  /// Reads header, footer and index, no chunk. kMalformed names the place and what is wrong there: not an archive, cut
  /// off, a flipped bit, or kUnsupported with both versions if it is of a newer one.
  static model::Result<ArchiveReader> open(std::string_view file);

  /// By series, then by first time, then by offset.
  const std::vector<ChunkEntry>& entries() const { return entries_; }
  const std::string& about() const { return about_; }
  /// kMalformed names series and offset where its CRC is not the entry's or its rows are not.
  model::Result<Chunk> read(const ChunkEntry& entry) const;

 private:
  std::string_view file_;
  std::vector<ChunkEntry> entries_;
  std::string about_;
};

}  // namespace tideline::columns
