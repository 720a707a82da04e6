// Bytes of history's chunks, sketches and events from a damaged store or anyone's archive: whatever they are, the
// answer is a value that holds or an Error, and what was accepted is written and read back the same.
//
// An input's first byte says what the others are, modulo kWays: a chunk; a chunk's head with its length before it, and
// a body, which get their frame and CRC here; sketches; what sketches have in their frame, which gets that and its CRC
// here; and so of events; a value of several pieces. So damage gets beyond the CRCs. Two bytes follow it: of chunks the
// tier and whether it is of an archive, of sketches the rows of their table, of events how many they are.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "storage/columns/chunk.h"
#include "storage/columns/chunk_body.h"
#include "storage/columns/envelope.h"
#include "storage/columns/zstd_frame.h"
#include "storage/series/event_bytes.h"
#include "storage/series/pieces.h"
#include "storage/series/sketch_bytes.h"
#include "storage/series/table_bytes.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"
#include "test/storage/series/series_samples.h"

namespace tideline::fuzz {
namespace {

using series::Sketch;
using series::SketchColumn;
using series::Summary;
using series::Table;

enum class Way : std::uint8_t { kChunk, kBody, kSketches, kContent, kEvents, kEventContent, kPieces };
constexpr std::uint8_t kWays = 7;
constexpr std::size_t kHeadBytes = 3;
/// Sketches of more bins are not written again: a few bytes may honestly hold a million.
constexpr std::size_t kMaxBins = 1 << 14;

struct Place {
  series::Tier tier = series::Tier::kTenSeconds;
  bool of_archive = false;
};

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 1024, "a refusal does not repeat what it refuses");
  require(std::none_of(error.message().begin(), error.message().end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "a refusal holds no control characters");
}

/// Whether each sum is what its mean and its count say: one that has stopped at the largest number is not.
bool has_true_sums(const Table& table) {
  for (const auto& column : table.fields) {
    for (const Summary& cell : column.cells) {
      if (cell.sum == std::numeric_limits<std::int64_t>::max()) return false;
    }
  }
  return true;
}

void check_table(const Table& table) {
  require(!table.empty() && table.times.size() <= 360, "rows are those of one block");
  const std::int64_t block = series::block_s(table.tier);
  std::int64_t before = table.times.front() - 1;
  for (const std::int64_t time : table.times) {
    require(time > before && time % series::step_s(table.tier) == 0, "times ascend on the tier's grid");
    require(series::floor_to(time, block) == series::floor_to(table.times.front(), block), "times are of one block");
    before = time;
  }
  for (const auto& column : table.fields) {
    require(column.cells.size() == table.times.size() && column.step >= 1, "a field is whole");
    for (const Summary& cell : column.cells) {
      if (cell.count == 0) continue;
      require(cell.min >= 0 && cell.min <= cell.mean() && cell.mean() <= cell.max && cell.max <= series::kMostValue,
              "a mean is within what was seen");
    }
  }
  const auto bytes = columns::encode_chunk(series::chunk_of(table), 1);
  require(bytes.ok(), "a table that is read can be written");
  const auto chunk = columns::decode_chunk(*bytes);
  require(chunk.ok(), "a table is written as a chunk");
  const auto again = series::table_of(*chunk, table.subject, table.tier);
  require(again.ok(), "a table that was written can be read");
  require(!has_true_sums(table) || *again == table, "a table is read the same when it is written again");
}

bool chunk_holds(std::string_view bytes, const Place& place) {
  const auto chunk = columns::decode_chunk(bytes);
  if (!chunk) {
    check_refusal(chunk.error());
    return false;
  }
  const bool is_host = chunk->kind == columns::SeriesKind::kHost;
  series::Subject subject{.kind = is_host ? series::SubjectKind::kNode : series::SubjectKind::kPod, .name = ""};
  if (!is_host) subject.name = chunk->series;
  const auto table = series::table_of(*chunk, subject, place.tier, place.of_archive);
  if (!table) {
    check_refusal(table.error());
    return false;
  }
  check_table(*table);
  return true;
}

bool body_holds(std::string_view input, const Place& place) {
  if (input.empty()) return false;
  const std::size_t size = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  const auto head = input.substr(0, size);
  const auto frame = columns::compress(input.substr(head.size()), 1);
  require(frame.ok(), "anything can be compressed");
  return chunk_holds(columns::sealed(head, *frame), place);
}

bool sketches_hold(std::string_view bytes, std::size_t rows) {
  const auto sketches = series::decode_sketches(bytes, rows);
  if (!sketches) {
    check_refusal(sketches.error());
    return false;
  }
  std::size_t bins = 0;
  for (const SketchColumn& column : *sketches) {
    require(column.cells.size() == rows, "a field has a sketch for each row");
    for (const Sketch& sketch : column.cells) {
      int before = -1;
      for (const Sketch::Bin& bin : sketch.bins()) {
        require(bin.bucket > before && bin.bucket <= Sketch::kMaxBucket && bin.count > 0, "bins are by bucket");
        before = bin.bucket;
      }
      require(sketch.quantile(0.5) <= sketch.quantile(1), "quantiles ascend");
      bins += sketch.bins().size();
    }
  }
  if (bins > kMaxBins) return true;
  const auto written = series::encode_sketches(*sketches);
  require(written.ok(), "sketches that are read can be written");
  const auto again = series::decode_sketches(*written, rows);
  require(again.ok() && *again == *sketches, "sketches are read the same when they are written again");
  return true;
}

bool content_holds(std::string_view content, std::size_t rows) {
  const auto frame = columns::compress(content, 1);
  require(frame.ok(), "anything can be compressed");
  return sketches_hold(series::sealed_sketches(*frame), rows);
}

bool events_hold(std::string_view bytes, std::size_t rows) {
  const auto events = series::decode_events(bytes, rows);
  if (!events) {
    check_refusal(events.error());
    return false;
  }
  require(events->size() == rows && rows > 0 && rows <= series::kMaxArchivedEvents, "as many as are told");
  const auto written = series::encode_events(*events);
  require(written.ok(), "events that are read can be written");
  const auto again = series::decode_events(*written, rows);
  require(again.ok() && *again == *events, "events are read the same when they are written again");
  return true;
}

bool event_content_holds(std::string_view content, std::size_t rows) {
  const auto frame = columns::compress(content, 1);
  require(frame.ok(), "anything can be compressed");
  return events_hold(series::wrapped_events(*frame), rows);
}

bool pieces_hold(std::string_view value) {
  const auto pieces = series::pieces_of(value);
  if (!pieces) {
    check_refusal(pieces.error());
    return false;
  }
  require(!pieces->empty() && pieces->size() <= series::kMaxPieces, "there are some, and not too many");
  for (const std::string_view piece : *pieces) {
    const bool is_within = piece.data() >= value.data() && piece.data() + piece.size() <= value.data() + value.size();
    require(piece.empty() || is_within, "a piece is of the value");
  }
  // One alone is written as itself.
  require(pieces->size() == 1 || series::joined_pieces(*pieces) == value, "pieces make the value that they are of");
  return true;
}

Bytes input_of(Way way, std::size_t option, std::string_view bytes) {
  Bytes input(kHeadBytes + bytes.size(), static_cast<std::uint8_t>(way));
  input[1] = static_cast<std::uint8_t>(option % 256);
  input[2] = static_cast<std::uint8_t>(option / 256);
  std::copy(bytes.begin(), bytes.end(), input.begin() + kHeadBytes);
  return input;
}

void add_chunk(std::vector<Bytes>& sound, const columns::Chunk& chunk, std::size_t option) {
  const auto bytes = columns::encode_chunk(chunk);
  require(bytes.ok(), "a sound table is written");
  sound.push_back(input_of(Way::kChunk, option, *bytes));
  const std::string head = columns::head_bytes({chunk.kind, chunk.series, chunk.rows(), chunk.columns.size()});
  require(head.size() <= std::numeric_limits<std::uint8_t>::max(), "a short name gives a short head");
  sound.push_back(input_of(Way::kBody, option, static_cast<char>(head.size()) + head + columns::body_of(chunk)));
}

std::vector<model::Event> some_events(std::size_t count, std::mt19937_64& random) {
  std::vector<model::Event> events;
  std::int64_t at = 1'764'547'200'000;
  for (; count > 0; --count) {
    at += static_cast<std::int64_t>(random() % 3 * (random() % 100'000));
    events.push_back({.at = {at},
                      .controller = static_cast<model::Controller>(random() % 14),
                      .reason = static_cast<model::Reason>(random() % 220),
                      .subject = "batch/sort-" + std::to_string(random() % 10),
                      .old_value = random() % 2 == 0 ? "" : "max 100000",
                      .new_value = std::string(random() % 50, 'v')});
  }
  return events;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  std::vector<Bytes> sound;
  for (const std::size_t count : {1, 7, 300}) {
    const auto events = some_events(count, random);
    const auto bytes = series::encode_events(events);
    require(bytes.ok(), "sound events are written");
    sound.push_back(input_of(Way::kEvents, count, *bytes));
    sound.push_back(input_of(Way::kEventContent, count, series::event_content(events)));
  }
  for (std::size_t i = 0; i < 6; ++i) {
    const std::size_t tier = i % series::kTiers.size();
    const series::Subject subject = i % 2 == 0 ? series::Subject{.kind = series::SubjectKind::kNode, .name = ""}
                                               : series::Subject{.kind = series::SubjectKind::kPod, .name = "uid-1"};
    const Table table = series::any_table(subject, series::kTiers[tier], 1, random);
    add_chunk(sound, series::chunk_of(table), tier);
    add_chunk(sound, series::chunk_for_archive(table, "n1/pod/uid-1"), tier + series::kTiers.size());
    const auto sketches = series::encode_sketches(table.sketches);
    require(sketches.ok(), "sound sketches are written");
    const auto whole = columns::encode_chunk(series::chunk_of(table));
    require(whole.ok(), "a sound table is written");
    sound.push_back(input_of(Way::kPieces, tier, series::joined_pieces({*whole, *sketches, *whole})));
    sound.push_back(input_of(Way::kSketches, table.times.size(), *sketches));
    std::vector<const SketchColumn*> parts;
    for (const SketchColumn& column : table.sketches)
      parts.push_back(&column);
    sound.push_back(input_of(Way::kContent, table.times.size(), series::sketch_content(parts)));
  }
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

/// Four bytes of a frame may hold 128 KiB, each byte of which may be a value of eight, and each two a bin of sixteen;
/// and a table is small.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{32} << 20) + 9 * (std::size_t{128} << 10) * (size / 4 + 1);
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size < fuzz::kHeadBytes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + fuzz::kHeadBytes, size - fuzz::kHeadBytes);
  const std::size_t option = data[1] + std::size_t{256} * data[2];
  const std::size_t tiers = tideline::series::kTiers.size();
  const fuzz::Place place{.tier = tideline::series::kTiers[option % tiers], .of_archive = option / tiers % 2 == 1};
  bool taken = false;
  switch (static_cast<fuzz::Way>(*data % fuzz::kWays)) {
    case fuzz::Way::kChunk:
      taken = fuzz::chunk_holds(bytes, place);
      break;
    case fuzz::Way::kBody:
      taken = fuzz::body_holds(bytes, place);
      break;
    case fuzz::Way::kSketches:
      taken = fuzz::sketches_hold(bytes, option);
      break;
    case fuzz::Way::kContent:
      taken = fuzz::content_holds(bytes, option);
      break;
    case fuzz::Way::kEvents:
      taken = fuzz::events_hold(bytes, option);
      break;
    case fuzz::Way::kEventContent:
      taken = fuzz::event_content_holds(bytes, option);
      break;
    case fuzz::Way::kPieces:
      taken = fuzz::pieces_hold(bytes);
      break;
  }
  fuzz::accepted += taken ? 1 : 0;
  return 0;
}
