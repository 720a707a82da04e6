#include "storage/rocks/series_rows.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "storage/columns/chunk.h"
#include "storage/columns/envelope.h"
#include "storage/columns/printable.h"
#include "storage/rocks/bytes.h"
#include "storage/rocks/layout.h"
#include "storage/series/pieces.h"
#include "storage/series/table_bytes.h"

namespace tideline::rocks {
namespace {

using series::SubjectKind;

constexpr std::string_view kNodeSeries = "node";
constexpr std::size_t kMaxInfoText = 0xFFFF;

/// Tables that pass have the number of their tier and this: so they lie apart, and go as one stretch.
constexpr std::uint8_t kPassingShelf = 16;

std::uint8_t shelf_of(series::Tier tier, series::Stay stay) {
  const auto number = static_cast<std::uint8_t>(tier);
  return static_cast<std::uint8_t>(stay == series::Stay::kPassing ? number + kPassingShelf : number);
}

ByteWriter block_writer(const BlockKey& block) {
  ByteWriter key;
  key.integer(shelf_of(block.tier, block.stay)).integer(std::max<std::int64_t>(0, block.block_s));
  return key;
}

std::optional<BlockKey> read_block(ByteReader& reader) {
  const auto shelf = reader.integer<std::uint8_t>();
  const bool passes = shelf >= kPassingShelf;
  const auto tier = series::tier_from(static_cast<std::uint8_t>(passes ? shelf - kPassingShelf : shelf));
  const auto block = reader.integer<std::int64_t>();
  if (!reader.ok() || !tier || block < 0) return std::nullopt;
  return BlockKey{*tier, block, passes ? series::Stay::kPassing : series::Stay::kLasting};
}

BlockKey block_of(const TableKey& key) {
  return {key.tier, key.block_s, series::stay_of(key.subject)};
}

/// A table's key, and where it lies.
struct PlacedKey {
  TableKey key;
  series::Stay lies = series::Stay::kLasting;
  bool is_misplaced() const { return series::stay_of(key.subject) != lies; }
};

std::optional<PlacedKey> read_table_key(std::string_view key) {
  ByteReader reader(key);
  const auto block = read_block(reader);
  const auto node = reader.text<std::uint8_t>();
  const auto kind = reader.integer<std::uint8_t>();
  if (!block || !reader.ok() || kind > static_cast<std::uint8_t>(SubjectKind::kWorkload)) return std::nullopt;
  const auto name = reader.rest();
  const bool is_node = kind == static_cast<std::uint8_t>(SubjectKind::kNode);
  if (is_node != name.empty() || name.size() > kMaxSubjectBytes) return std::nullopt;
  return PlacedKey{.key = {.tier = block->tier,
                           .block_s = block->block_s,
                           .node = model::NodeName(std::string(node)),
                           .subject = {.kind = static_cast<SubjectKind>(kind), .name = std::string(name)}},
                   .lies = block->stay};
}

std::string text_of(const series::Subject& subject) {
  switch (subject.kind) {
    case SubjectKind::kNode:
      return "the node itself";
    case SubjectKind::kPod:
      return "pod " + columns::printable(subject.name);
    case SubjectKind::kWorkload:
      break;
  }
  return "workload " + columns::printable(subject.name);
}

std::string_view series_name(const series::Subject& subject) {
  return subject.kind == SubjectKind::kNode ? kNodeSeries : std::string_view(subject.name);
}

model::Error malformed_table(const TableKey& key, std::string_view what) {
  return {model::ErrorCode::kMalformed, fmt::format("history of {}: {}", name_of(key), what)};
}

std::string_view info_text(const std::string& text) {
  return std::string_view(text).substr(0, kMaxInfoText);
}

}  // namespace

std::string utc_text(std::int64_t time_s) {
  constexpr std::int64_t kLast = 253'402'300'799;
  const std::chrono::sys_seconds time{std::chrono::seconds(std::clamp<std::int64_t>(time_s, 0, kLast))};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss of_day(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day.hours().count(),
                     of_day.minutes().count(), of_day.seconds().count());
}

std::string block_key(const BlockKey& block) {
  return block_writer(block).take();
}

std::string tier_end(series::Tier tier, series::Stay stay) {
  return std::string(1, static_cast<char>(shelf_of(tier, stay) + 1));
}

std::string node_block_begin(const BlockKey& block, const model::NodeName& node) {
  return block_writer(block).text<std::uint8_t>(node.str()).take();
}

std::string node_block_end(const BlockKey& block, const model::NodeName& node) {
  // Kinds of subjects are below 0x80.
  return node_block_begin(block, node) + '\x80';
}

std::optional<BlockKey> block_head(std::string_view key) {
  ByteReader reader(key);
  return read_block(reader);
}

std::string name_of(const BlockKey& block) {
  return fmt::format("{}{} of {}", series::name_of(block.tier), block.stay == series::Stay::kPassing ? "-pods" : "",
                     utc_text(block.block_s));
}

std::string table_key(const TableKey& key) {
  return block_writer(block_of(key))
      .text<std::uint8_t>(key.node.str())
      .integer(static_cast<std::uint8_t>(key.subject.kind))
      .raw(key.subject.name)
      .take();
}

std::optional<TableKey> stored_table_key(std::string_view key) {
  auto placed = read_table_key(key);
  if (!placed || placed->is_misplaced()) return std::nullopt;
  return std::move(placed->key);
}

std::optional<TableKey> misplaced_table_key(std::string_view key) {
  auto placed = read_table_key(key);
  if (!placed || placed->lies == series::Stay::kPassing || !placed->is_misplaced()) return std::nullopt;
  return std::move(placed->key);
}

std::string name_of(const TableKey& key) {
  return fmt::format("node {}, {} of {}, {}", columns::printable(key.node.str()), series::name_of(key.tier),
                     utc_text(key.block_s), text_of(key.subject));
}

namespace {

/// One chunk and the sketches beside it.
model::Result<series::Table> table_of_piece(const TableKey& key, std::string_view chunk, std::string_view sketches) {
  const auto read = columns::decode_chunk(chunk);
  if (!read) return malformed_table(key, read.error().message());
  if (read->series != series_name(key.subject)) {
    return malformed_table(key, fmt::format("holds one of {} instead", columns::printable(read->series)));
  }
  auto table = series::table_of(*read, key.subject, key.tier);
  if (!table) return malformed_table(key, table.error().message());
  if (table->empty() || series::floor_to(table->times.front(), series::block_s(key.tier)) != key.block_s ||
      series::floor_to(table->times.back(), series::block_s(key.tier)) != key.block_s) {
    return malformed_table(key, "holds rows of another block");
  }
  if (!sketches.empty()) {
    auto decoded = series::decode_sketches(sketches, table->times.size());
    if (!decoded) return malformed_table(key, decoded.error().message());
    table->sketches = std::move(decoded).value();
  }
  return table;
}

struct PieceOfTable {
  std::string_view chunk;
  std::string_view sketches;  // "" = none
};

model::Result<std::vector<PieceOfTable>> pieces_of_table(const TableKey& key, std::string_view chunk,
                                                         std::string_view sketches) {
  const auto chunks = series::pieces_of(chunk);
  if (!chunks) return malformed_table(key, chunks.error().message());
  std::vector<PieceOfTable> pieces;
  pieces.reserve(chunks->size());
  for (const std::string_view one : *chunks)
    pieces.push_back({.chunk = one, .sketches = {}});
  if (sketches.empty()) return pieces;
  const auto beside = series::pieces_of(sketches);
  if (!beside) return malformed_table(key, beside.error().message());
  if (beside->size() != pieces.size()) {
    return malformed_table(key,
                           fmt::format("{} pieces of sketches beside {} of the table", beside->size(), pieces.size()));
  }
  for (std::size_t i = 0; i < pieces.size(); ++i)
    pieces[i].sketches = (*beside)[i];
  return pieces;
}

}  // namespace

model::Result<series::Table> stored_table(const TableKey& key, std::string_view chunk, std::string_view sketches) {
  const auto pieces = pieces_of_table(key, chunk, sketches);
  if (!pieces) return pieces.error();
  series::Table whole;
  for (const PieceOfTable& piece : *pieces) {
    auto table = table_of_piece(key, piece.chunk, piece.sketches);
    if (!table) return table.error();
    whole = whole.empty() ? std::move(table).value() : series::merge(whole, *table);
  }
  return whole;
}

model::Result<std::size_t> intact_pieces(const TableKey& key, std::string_view chunk, std::string_view sketches) {
  const auto pieces = pieces_of_table(key, chunk, sketches);
  if (!pieces) return pieces.error();
  for (const PieceOfTable& piece : *pieces) {
    if (const auto intact = columns::check_seal(piece.chunk); !intact) {
      return malformed_table(key, intact.error().message());
    }
    if (const auto intact = series::check_sketch_seal(piece.sketches); !intact) {
      return malformed_table(key, intact.error().message());
    }
  }
  return pieces->size();
}

void fit_names(series::Folded& folded) {
  for (auto& tables : folded.tiers) {
    for (series::Table& table : tables)
      table.subject.name = series::stored_name(std::move(table.subject.name));
  }
  for (series::PodInfo& info : folded.pods) {
    if (info.uid.str().size() > kMaxSubjectBytes) info.uid = model::PodUid(series::stored_name(info.uid.str()));
  }
}

std::string info_key(const model::NodeName& node, const model::PodUid& uid) {
  return ByteWriter().text<std::uint8_t>(node.str()).raw(uid.str()).take();
}

std::string infos_end(const model::NodeName& node) {
  // No uid is so long.
  return node_prefix(node) + std::string(kMaxSubjectBytes + 1, '\xff');
}

std::optional<InfoKey> stored_info_key(std::string_view key) {
  ByteReader reader(key);
  const auto node = reader.text<std::uint8_t>();
  const auto uid = reader.rest();
  if (!reader.ok() || uid.empty() || uid.size() > kMaxSubjectBytes) return std::nullopt;
  return InfoKey{model::NodeName(std::string(node)), model::PodUid(std::string(uid))};
}

std::string info_value(const series::PodInfo& info) {
  return ByteWriter()
      .integer(static_cast<std::uint8_t>(info.qos))
      .integer(info.first_s)
      .integer(info.last_s)
      .text<std::uint16_t>(info_text(info.name_space))
      .text<std::uint16_t>(info_text(info.name))
      .text<std::uint16_t>(info_text(info.workload))
      .take();
}

model::Result<series::PodInfo> stored_info(std::string_view key, std::string_view value) {
  const auto head = stored_info_key(key);
  if (!head) {
    return model::Error(model::ErrorCode::kMalformed,
                        fmt::format("history: a key of {} bytes of a pod's info does not parse", key.size()));
  }
  ByteReader reader(value);
  series::PodInfo info;
  info.uid = head->uid;
  const auto qos = reader.integer<std::uint8_t>();
  info.qos = static_cast<model::QosClass>(qos);
  info.first_s = reader.integer<std::int64_t>();
  info.last_s = reader.integer<std::int64_t>();
  info.name_space = reader.text<std::uint16_t>();
  info.name = reader.text<std::uint16_t>();
  info.workload = reader.text<std::uint16_t>();
  if (!reader.done() || qos > static_cast<std::uint8_t>(model::QosClass::kSystem) || info.first_s > info.last_s) {
    return model::Error(
        model::ErrorCode::kMalformed,
        fmt::format("history of node {}: {} bytes of what pod {} is do not parse", columns::printable(head->node.str()),
                    value.size(), columns::printable(head->uid.str())));
  }
  return info;
}

std::string fold_value(const FoldRow& row) {
  return ByteWriter().integer(row.folded_until_ms).integer(row.newest_s.value_or(-1)).take();
}

std::optional<FoldRow> stored_fold(std::string_view value) {
  ByteReader reader(value);
  FoldRow row;
  row.folded_until_ms = reader.integer<std::int64_t>();
  const auto newest = reader.integer<std::int64_t>();
  if (newest >= 0) row.newest_s = newest;
  if (!reader.done() || row.folded_until_ms < 0 || newest < -1) return std::nullopt;
  return row;
}

std::string block_value(const BlockCount& count) {
  return ByteWriter().integer(count.tables).integer(count.bytes).take();
}

std::optional<BlockCount> stored_block(std::string_view value) {
  ByteReader reader(value);
  BlockCount count;
  count.tables = reader.integer<std::uint64_t>();
  count.bytes = reader.integer<std::uint64_t>();
  return reader.done() ? std::optional(count) : std::nullopt;
}

}  // namespace tideline::rocks
