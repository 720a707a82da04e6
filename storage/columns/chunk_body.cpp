#include "storage/columns/chunk_body.h"

#include <cstdint>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"

namespace tideline::columns {
namespace {

/// A column's id, encoding, step and size, or the encoding, first time and size of times.
constexpr std::size_t kMaxColumnHead = 1 + 3 * kMaxVarintBytes;

model::Error bad_body(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("chunk: {}", why)};
}

void put_bytes(std::string& body, std::string_view bytes) {
  put_varint(body, bytes.size());
  body.append(bytes);
}

}  // namespace

bool is_known(SeriesKind kind) {
  return kind >= SeriesKind::kWorkload && kind <= SeriesKind::kTasks;
}

bool is_known(ColumnId id) {
  return (id >= ColumnId::kCpuRequest && id <= ColumnId::kQos) || static_cast<std::uint16_t>(id) >= kFirstHistoryColumn;
}

bool may_stand_still(SeriesKind kind) {
  return kind == SeriesKind::kTasks;
}

std::string body_of(const Chunk& chunk) {
  ColumnEncoder columns;
  std::string body;
  put_body(chunk, columns, body);
  return body;
}

void put_body(const Chunk& chunk, ColumnEncoder& columns, std::string& body) {
  const ColumnBytes times = encode_times(chunk.times);
  body.assign(1, static_cast<char>(times.encoding));
  put_varint(body, zigzag(chunk.times.front()));
  put_bytes(body, times.bytes);
  for (const Column& column : chunk.columns) {
    const ColumnEncoder::Encoded values = columns.values(column.values, column.step);
    put_varint(body, static_cast<std::uint64_t>(column.id));
    body.push_back(static_cast<char>(values.encoding));
    put_varint(body, static_cast<std::uint64_t>(column.step));
    put_bytes(body, values.bytes);
  }
}

std::size_t max_body_bytes(const ChunkHead& head) {
  return (head.columns + 1) * (kMaxColumnHead + head.rows * kMaxVarintBytes);
}

model::Result<Chunk> chunk_from(const ChunkHead& head, std::string_view body) {
  Chunk chunk;
  chunk.kind = head.kind;
  chunk.series = head.series;
  Cursor in(body);
  const auto time_encoding = static_cast<Encoding>(in.byte());
  const std::int64_t first = in.signed_number(ChunkLimits::kMaxValue);
  const auto time_bytes = in.text(in.number());
  if (!in.ok()) return bad_body("it ends within its times");
  // A row takes a byte at least: no memory for more than there can be.
  if (time_bytes.size() + 1 < head.rows) {
    return bad_body(fmt::format("{} bytes of times cannot be those of {} rows", time_bytes.size(), head.rows));
  }
  chunk.times.resize(head.rows);
  chunk.times.front() = first;
  if (!times_from(time_encoding, time_bytes, may_stand_still(head.kind) ? 0 : 1, chunk.times)) {
    return bad_body(
        fmt::format("its times, encoded by {}, are not {} that ascend", static_cast<int>(time_encoding), head.rows));
  }
  std::uint64_t id_before = 0;
  for (std::size_t number = 0; number < head.columns; ++number) {
    const std::uint64_t id = in.number(std::numeric_limits<std::uint16_t>::max());
    const auto encoding = static_cast<Encoding>(in.byte());
    const std::uint64_t step = in.number();
    const auto bytes = in.text(in.number());
    if (!in.ok()) return bad_body(fmt::format("it ends within its column {} of {}", number + 1, head.columns));
    if (id <= id_before) return bad_body(fmt::format("column {} stands after column {}", id, id_before));
    id_before = id;
    if (!is_known(static_cast<ColumnId>(id))) continue;
    if (step == 0 || step > static_cast<std::uint64_t>(ChunkLimits::kMaxValue)) {
      return bad_body(fmt::format("column {} has step {}", id, step));
    }
    if (bytes.size() < head.rows) {
      return bad_body(fmt::format("column {}: {} bytes cannot be those of {} rows", id, bytes.size(), head.rows));
    }
    Column column{.id = static_cast<ColumnId>(id), .step = static_cast<std::int64_t>(step), .values = {}};
    column.values.resize(head.rows);
    if (!values_from(encoding, bytes, column.step, column.values)) {
      return bad_body(fmt::format("column {}: its bytes, encoded by {}, are not {} values", id,
                                  static_cast<int>(encoding), head.rows));
    }
    chunk.columns.push_back(std::move(column));
  }
  if (!in.rest().empty()) return bad_body(fmt::format("{} bytes follow its last column", in.rest().size()));
  return chunk;
}

}  // namespace tideline::columns
