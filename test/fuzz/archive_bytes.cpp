// Bytes of chunks and archives from anyone: whatever they are, the answer is a value that holds or an Error, and what
// was accepted is written and read back the same.
//
// An input's first byte says what the others are, modulo kWays: a chunk; a chunk's head with its length before it, and
// a body, which get their frame and CRC here; an archive; an archive's index with its length in two bytes before it,
// and chunks and extras, which get header and footer here. So damage gets beyond the CRCs.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "storage/columns/archive.h"
#include "storage/columns/archive_parts.h"
#include "storage/columns/chunk.h"
#include "storage/columns/chunk_body.h"
#include "storage/columns/envelope.h"
#include "storage/columns/zstd_frame.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"
#include "test/storage/columns/samples.h"

namespace tideline::fuzz {
namespace {

using columns::Chunk;

enum class Way : std::uint8_t { kChunk, kBody, kArchive, kIndex };
constexpr std::uint8_t kWays = 4;
/// Chunks of more values are not written again: a few bytes may honestly hold millions.
constexpr std::size_t kMaxValues = 1 << 16;

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 1024, "a refusal does not repeat what it refuses");
  require(std::none_of(error.message().begin(), error.message().end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "a refusal holds no control characters");
}

void check_chunk(const Chunk& chunk) {
  require(chunk.rows() > 0 && chunk.rows() <= columns::ChunkLimits::kMaxRows, "rows are within their bound");
  for (const auto& column : chunk.columns)
    require(columns::is_known(column.id) && column.values.size() == chunk.rows(), "a column is known and whole");
  if (chunk.rows() * (chunk.columns.size() + 1) > kMaxValues) return;
  // Takes nothing that breaks a rule of chunk.h.
  const auto bytes = columns::encode_chunk(chunk, 1);
  require(bytes.ok(), "a chunk that is read can be written");
  const auto again = columns::decode_chunk(*bytes);
  require(again.ok() && *again == chunk, "a chunk is read the same when it is written again");
}

bool chunk_holds(std::string_view bytes) {
  const auto chunk = columns::decode_chunk(bytes);
  if (!chunk) {
    check_refusal(chunk.error());
    return false;
  }
  check_chunk(*chunk);
  return true;
}

bool archive_holds(std::string_view file) {
  const auto reader = columns::ArchiveReader::open(file);
  if (!reader) {
    check_refusal(reader.error());
    return false;
  }
  std::uint64_t covered = 0;
  const columns::ChunkEntry* before = nullptr;
  for (const auto& entry : reader->entries()) {
    require(before == nullptr || before->series < entry.series ||
                (before->series == entry.series && before->first <= entry.first),
            "entries are by series, then by first time");
    before = &entry;
    require(entry.offset <= file.size() && entry.size <= file.size() - entry.offset, "a chunk lies within the file");
    covered += entry.size;
    const auto chunk = reader->read(entry);
    if (!chunk) {
      check_refusal(chunk.error());
      continue;
    }
    require(chunk->series == entry.series && chunk->rows() == entry.rows, "a chunk is the one that its entry says");
    check_chunk(*chunk);
  }
  std::uint64_t behind = 0;
  for (const auto& entry : reader->extras()) {
    require(entry.offset >= behind && entry.offset <= file.size() && entry.size <= file.size() - entry.offset,
            "an extra lies within the file, behind the one before it");
    behind = entry.offset + entry.size;
    covered += entry.size;
    if (const auto bytes = reader->read_extra(entry); !bytes) check_refusal(bytes.error());
  }
  require(covered <= file.size(), "no byte is in two chunks");
  return true;
}

bool body_holds(std::string_view input) {
  if (input.empty()) return false;
  const std::size_t size = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  const auto head = input.substr(0, size);
  const auto frame = columns::compress(input.substr(head.size()), 1);
  require(frame.ok(), "anything can be compressed");
  return chunk_holds(columns::sealed(head, *frame));
}

bool index_holds(std::string_view input) {
  if (input.size() < 2) return false;
  const auto low = static_cast<std::uint8_t>(input[0]);
  const auto high = static_cast<std::uint8_t>(input[1]);
  input.remove_prefix(2);
  const auto index = input.substr(0, low + 256U * high);
  std::string file = columns::archive_header(columns::kExtraArchiveVersion);
  file += input.substr(index.size());
  const std::uint64_t offset = file.size();
  file += index;
  file += columns::archive_footer(offset, index);
  return archive_holds(file);
}

Bytes input_of(Way way, std::string_view bytes) {
  // Not insert() behind the first: GCC 12 believes that it writes beyond the one byte.
  Bytes input(1 + bytes.size(), static_cast<std::uint8_t>(way));
  std::copy(bytes.begin(), bytes.end(), input.begin() + 1);
  return input;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  std::vector<Chunk> chunks{columns::vm_chunk("vm-1", 60, random), columns::vm_chunk("vm-2", 3, random)};
  for (int i = 0; i < 4; ++i)
    chunks.push_back(columns::any_chunk(random));
  std::vector<Bytes> sound;
  std::string file;
  const auto into = [&file](std::string_view piece) -> model::Result<void> {
    file.append(piece);
    return {};
  };
  columns::ArchiveWriter writer(into, 0, true);
  for (const Chunk& chunk : chunks) {
    sound.push_back(input_of(Way::kChunk, *columns::encode_chunk(chunk)));
    const std::string head = columns::head_bytes({chunk.kind, chunk.series, chunk.rows(), chunk.columns.size()});
    // A head with a long name may need more than the one byte of its length.
    if (head.size() <= std::numeric_limits<std::uint8_t>::max()) {
      sound.push_back(input_of(Way::kBody, static_cast<char>(head.size()) + head + columns::body_of(chunk)));
    }
    require(writer.add(chunk).ok(), "a sound chunk is taken");
    const columns::Extra extra{.kind = columns::ExtraKind::kSketches,
                               .series = chunk.series,
                               .first = chunk.times.front(),
                               .last = chunk.times.back(),
                               .rows = chunk.rows(),
                               .bytes = "what is no chunk"};
    require(writer.add_extra(extra).ok(), "a sound extra is taken");
  }
  require(writer.finish(R"({"source":"fuzz"})").ok(), "an archive is finished");
  sound.push_back(input_of(Way::kArchive, file));

  const auto entries = columns::read_archive_index(file)->entries;
  const std::size_t end = entries.back().offset + entries.back().size;
  const std::string index = columns::archive_index("{}", entries);
  const std::string lengths{static_cast<char>(index.size() % 256), static_cast<char>(index.size() / 256)};
  const std::string written = file.substr(columns::kArchiveHeaderBytes, end - columns::kArchiveHeaderBytes);
  sound.push_back(input_of(Way::kIndex, lengths + index + written));
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  if (random() % 4 != 0 || bytes.empty()) {
    damage_words(bytes, random);
    return;
  }
  // A byte more or less: all that follows is read from elsewhere.
  const auto at = bytes.begin() + static_cast<Bytes::difference_type>(random() % bytes.size());
  if (random() % 2 == 0) {
    bytes.erase(at);
  } else {
    bytes.insert(at, static_cast<std::uint8_t>(random()));
  }
}

/// Four bytes of a frame may hold 128 KiB, each byte of which may be a value of eight.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{16} << 20) + 9 * (std::size_t{128} << 10) * (size / 4 + 1);
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool taken = false;
  switch (static_cast<fuzz::Way>(*data % fuzz::kWays)) {
    case fuzz::Way::kChunk:
      taken = fuzz::chunk_holds(bytes);
      break;
    case fuzz::Way::kBody:
      taken = fuzz::body_holds(bytes);
      break;
    case fuzz::Way::kArchive:
      taken = fuzz::archive_holds(bytes);
      break;
    case fuzz::Way::kIndex:
      taken = fuzz::index_holds(bytes);
      break;
  }
  fuzz::accepted += taken ? 1 : 0;
  return 0;
}
