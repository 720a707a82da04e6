#pragma once
// An archive: chunks of many series in one file, and beside them what is no chunk, with an index at its end. Written
// once from front to back, read at any place. docs/archive-format.md has its bytes.

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

/// What is written, but where a description is larger than that has room for: then it is kLargeArchiveVersion; or where
/// there is more than chunks: then it is kExtraArchiveVersion.
inline constexpr std::uint32_t kArchiveVersion = 1;
inline constexpr std::uint32_t kLargeArchiveVersion = 2;
inline constexpr std::uint32_t kExtraArchiveVersion = 3;
/// Bytes of a description.
inline constexpr std::size_t kMaxAboutBytes = 1 << 20;
inline constexpr std::size_t kMaxLargeAboutBytes = 64 << 20;

/// What is no chunk: bytes that somebody else has to read. The numbers are in files and never change; a reader keeps
/// all from kFirstExtraKind to kLastExtraKind, whatever they mean.
enum class ExtraKind : std::uint8_t {
  kSketches = 64,  // of the chunk before it (storage/series)
  kEvents = 65     // of a node, or of the cluster (likewise)
};
inline constexpr std::uint8_t kFirstExtraKind = 64;
inline constexpr std::uint8_t kLastExtraKind = 127;

struct ChunkEntry {
  SeriesKind kind{};  // of an extra its ExtraKind: extra_kind()
  std::string series;
  std::int64_t first = 0;  // times of its first and last row
  std::int64_t last = 0;
  std::uint64_t rows = 0;
  std::uint64_t offset = 0;  // of its bytes in the file
  std::uint64_t size = 0;
  std::uint32_t crc = 0;  // CRC-32C of those bytes
  friend bool operator==(const ChunkEntry&, const ChunkEntry&) = default;
};

/// Of an entry of extras().
constexpr ExtraKind extra_kind(const ChunkEntry& entry) {
  return static_cast<ExtraKind>(entry.kind);
}

/// What add_extra() writes; `series`, times and rows by the rules of a chunk's.
struct Extra {
  ExtraKind kind{};
  std::string series;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::uint64_t rows = 0;
  std::string_view bytes;
};

/// Bytes go to `sink` in order; what it answers with an error ends the archive with that error.
class ArchiveWriter {
 public:
  using Sink = std::function<model::Result<void>(std::string_view bytes)>;
  /// `about_bytes`: of the description that finish() will get, where that is known. Beyond kMaxAboutBytes the archive
  /// is of version 2, and with `extras` of version 3, which older builds refuse; the first bytes say so.
  explicit ArchiveWriter(Sink sink, std::size_t about_bytes = 0, bool extras = false)
      : sink_(std::move(sink)),
        version_(extras                         ? kExtraArchiveVersion
                 : about_bytes > kMaxAboutBytes ? kLargeArchiveVersion
                                                : kArchiveVersion) {}

  /// kInvalidArgument for what encode_chunk() does not take: nothing of it is written then, and others may follow.
  model::Result<void> add(const Chunk& chunk);
  /// kInvalidArgument, with nothing written, in an archive without extras, and for what breaks the rules of an entry.
  model::Result<void> add_extra(const Extra& extra);
  /// `about`: a JSON object, up to kMaxAboutBytes, or kMaxLargeAboutBytes from version 2 on, that readers get back as
  /// it is: where the data is from. Once, at the end.
  model::Result<void> finish(std::string_view about);

 private:
  model::Result<void> begin();
  model::Result<void> put(std::string_view bytes);
  /// The entry's offset, size and CRC follow from `bytes`.
  model::Result<void> put_entry(ChunkEntry entry, std::string_view bytes);

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

  /// Of chunks, by series, then by first time, then by offset.
  const std::vector<ChunkEntry>& entries() const { return entries_; }
  /// Of what is no chunk, in the order in which it lies in the file.
  const std::vector<ChunkEntry>& extras() const { return extras_; }
  const std::string& about() const { return about_; }
  /// kMalformed names series and offset where its CRC is not the entry's or its rows are not.
  model::Result<Chunk> read(const ChunkEntry& entry) const;
  /// An entry's bytes, as they were written: kMalformed names series and offset where its CRC is not the entry's.
  model::Result<std::string_view> read_extra(const ChunkEntry& entry) const;

 private:
  std::string_view file_;
  std::vector<ChunkEntry> entries_;
  std::vector<ChunkEntry> extras_;
  std::string about_;
};

}  // namespace tideline::columns
