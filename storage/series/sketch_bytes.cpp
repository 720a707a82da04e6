#include "storage/series/sketch_bytes.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "storage/columns/crc32c.h"
#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"
#include "storage/series/table_bytes.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

using columns::put_varint;

constexpr std::string_view kSketchMagic = "TDS";
constexpr std::size_t kSketchCrcAt = 4;
constexpr std::size_t kSketchFrameAt = 8;
/// They are small and many.
constexpr int kSketchLevel = 3;
/// Of a bin, its bucket and its count.
constexpr std::size_t kMinBinBytes = 2;
constexpr std::size_t kMaxBinBytes = 2 + columns::kMaxVarintBytes;

static_assert(kMaxSketchRows == static_cast<std::size_t>(block_s(Tier::kTenSeconds) / step_s(Tier::kTenSeconds)));
static_assert(kMaxSketchRows >= static_cast<std::size_t>(block_s(Tier::kMinute) / step_s(Tier::kMinute)));
static_assert(kMaxSketchRows >= static_cast<std::size_t>(block_s(Tier::kQuarterHour) / step_s(Tier::kQuarterHour)));

model::Error bad_sketches(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("sketches: {}", why)};
}

bool has_sketches(const SketchColumn& column) {
  return std::any_of(column.cells.begin(), column.cells.end(), [](const Sketch& sketch) { return !sketch.empty(); });
}

/// Buckets as distances: of a row's first from that of the last row that has any, of the others less one.
void put_buckets(const SketchColumn& column, std::string& content) {
  std::int64_t first = 0;
  for (const Sketch& sketch : column.cells) {
    std::int64_t before = -1;
    for (const Sketch::Bin& bin : sketch.bins()) {
      const std::int64_t bucket = bin.bucket;
      if (before < 0) {
        put_varint(content, columns::zigzag(bucket - first));
        first = bucket;
      } else {
        put_varint(content, static_cast<std::uint64_t>(bucket - before - 1));
      }
      before = bucket;
    }
  }
}

void put_bin_counts(const SketchColumn& column, std::string& content) {
  for (const Sketch& sketch : column.cells) {
    for (const Sketch::Bin& bin : sketch.bins())
      put_varint(content, std::min(bin.count, static_cast<std::uint64_t>(kMostWhole)) - 1);
  }
}

/// The text says what is wrong with it; empty: nothing is.
std::string take_buckets(columns::Cursor& in, std::vector<std::vector<Sketch::Bin>>& cells) {
  std::int64_t first = 0;
  for (std::size_t row = 0; row < cells.size(); ++row) {
    std::int64_t before = -1;
    for (Sketch::Bin& bin : cells[row]) {
      const std::int64_t bucket = before < 0 ? first + in.signed_number(Sketch::kMaxBucket)
                                             : before + 1 + static_cast<std::int64_t>(in.number(Sketch::kMaxBucket));
      if (!in.ok() || bucket < 0 || bucket > Sketch::kMaxBucket) {
        return fmt::format("row {}: its buckets are none", row);
      }
      if (before < 0) first = bucket;
      before = bucket;
      bin.bucket = static_cast<std::uint16_t>(bucket);
    }
  }
  return {};
}

std::string take_bin_counts(columns::Cursor& in, std::vector<std::vector<Sketch::Bin>>& cells) {
  for (std::size_t row = 0; row < cells.size(); ++row) {
    for (Sketch::Bin& bin : cells[row]) {
      bin.count = in.number(static_cast<std::uint64_t>(kMostWhole) - 1) + 1;
      if (!in.ok()) return fmt::format("row {}: its counts are none", row);
    }
  }
  return {};
}

/// Likewise.
std::string take_cells(columns::Cursor& in, std::vector<Sketch>& cells) {
  std::vector<std::size_t> bins(cells.size());
  std::size_t all = 0;
  for (std::size_t& of_row : bins) {
    of_row = static_cast<std::size_t>(in.number(std::uint64_t{Sketch::kMaxBucket} + 1));
    all += of_row;
  }
  // No memory for more bins than there can be.
  if (!in.ok() || all > in.rest().size() / kMinBinBytes) return "its bytes cannot hold the bins of its rows";
  if (all == 0) return "it has none in any row";
  std::vector<std::vector<Sketch::Bin>> taken(cells.size());
  for (std::size_t row = 0; row < cells.size(); ++row)
    taken[row].resize(bins[row]);
  if (auto wrong = take_buckets(in, taken); !wrong.empty()) return wrong;
  if (auto wrong = take_bin_counts(in, taken); !wrong.empty()) return wrong;
  for (std::size_t row = 0; row < cells.size(); ++row)
    cells[row] = Sketch::of(std::move(taken[row]));
  return {};
}

model::Result<void> check_sketches(const std::vector<SketchColumn>& sketches) {
  if (sketches.size() > kMaxSketchFields) {
    return model::invalid(fmt::format("sketches: of {} fields, more than {}", sketches.size(), kMaxSketchFields));
  }
  unsigned before = 0;
  for (const SketchColumn& column : sketches) {
    const auto number = static_cast<unsigned>(column.field);
    if (number <= before || number > kLastField) {
      return model::invalid(fmt::format("sketches: field {} stands after field {}", number, before));
    }
    before = number;
    const std::size_t rows = column.cells.size();
    if (rows != sketches.front().cells.size() || rows == 0 || rows > kMaxSketchRows) {
      return model::invalid(fmt::format("sketches: field {} has {} rows, and the first {}, of at most {}", number, rows,
                                        sketches.front().cells.size(), kMaxSketchRows));
    }
    for (const Sketch& sketch : column.cells) {
      int last = -1;
      for (const Sketch::Bin& bin : sketch.bins()) {
        if (bin.bucket <= last || bin.bucket > Sketch::kMaxBucket || bin.count == 0) {
          return model::invalid(fmt::format("sketches: field {}: bucket {} with count {} after bucket {}", number,
                                            bin.bucket, bin.count, last));
        }
        last = bin.bucket;
      }
    }
  }
  return {};
}

/// Of all bytes but itself.
std::uint32_t seal_of_sketches(std::string_view start, std::string_view frame) {
  return columns::crc32c(frame, columns::crc32c(start));
}

}  // namespace

std::string sketch_content(const std::vector<const SketchColumn*>& sketches) {
  std::string content;
  put_varint(content, sketches.empty() ? 0 : sketches.front()->cells.size());
  put_varint(content, sketches.size());
  for (const SketchColumn* column : sketches) {
    put_varint(content, static_cast<std::uint64_t>(column->field));
    for (const Sketch& sketch : column->cells)
      put_varint(content, sketch.bins().size());
    put_buckets(*column, content);
    put_bin_counts(*column, content);
  }
  return content;
}

std::size_t max_sketch_content(std::size_t rows) {
  const std::size_t most_in_a_row = 2 + (std::size_t{Sketch::kMaxBucket} + 1) * kMaxBinBytes;
  return 2 * columns::kMaxVarintBytes + kMaxSketchFields * (columns::kMaxVarintBytes + rows * most_in_a_row);
}

model::Result<std::vector<SketchColumn>> sketches_from(std::string_view content, std::size_t rows) {
  columns::Cursor in(content);
  const std::uint64_t has_rows = in.number();
  const std::uint64_t fields = in.number();
  if (!in.ok() || fields == 0 || fields > kMaxSketchFields) {
    return bad_sketches(fmt::format("of {} fields, not 1 to {}", fields, kMaxSketchFields));
  }
  if (has_rows != rows) return bad_sketches(fmt::format("of {} rows, and the table has {}", has_rows, rows));
  std::vector<SketchColumn> sketches;
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < fields; ++i) {
    const std::uint64_t number = in.number();
    if (!in.ok() || number <= before || number > kLastField) {
      return bad_sketches(fmt::format("field {} stands after field {}", number, before));
    }
    before = number;
    SketchColumn& column = sketches.emplace_back();
    column.field = static_cast<Field>(number);
    column.cells.resize(rows);
    if (const auto wrong = take_cells(in, column.cells); !wrong.empty()) {
      return bad_sketches(fmt::format("{}: {}", name_of(column.field), wrong));
    }
  }
  if (!in.rest().empty()) return bad_sketches(fmt::format("{} bytes follow the last field", in.rest().size()));
  return sketches;
}

std::string sealed_sketches(std::string_view frame) {
  std::string bytes(kSketchMagic);
  bytes.push_back(static_cast<char>(kSketchVersion));
  columns::put_fixed(bytes, seal_of_sketches(bytes, frame), kSketchFrameAt - kSketchCrcAt);
  bytes.append(frame);
  return bytes;
}

model::Result<std::string> encode_sketches(const std::vector<SketchColumn>& sketches, columns::FrameWriter& frames,
                                           int level) {
  if (const auto sound = check_sketches(sketches); !sound) return sound.error();
  std::vector<const SketchColumn*> some;
  for (const SketchColumn& column : sketches) {
    if (has_sketches(column)) some.push_back(&column);
  }
  if (some.empty()) return std::string();
  const auto frame = frames.write(sketch_content(some), level);
  if (!frame) return frame.error().in("sketches");
  return sealed_sketches(*frame);
}

model::Result<std::string> encode_sketches(const std::vector<SketchColumn>& sketches) {
  if (sketches.empty()) return std::string();
  columns::FrameWriter frames;
  return encode_sketches(sketches, frames, kSketchLevel);
}

model::Result<void> check_sketch_seal(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() < kSketchFrameAt || bytes.substr(0, kSketchMagic.size()) != kSketchMagic) {
    return bad_sketches(fmt::format("{} bytes that do not begin as such", bytes.size()));
  }
  const auto said =
      static_cast<std::uint32_t>(columns::Cursor(bytes.substr(kSketchCrcAt)).fixed(kSketchFrameAt - kSketchCrcAt));
  const std::uint32_t found = seal_of_sketches(bytes.substr(0, kSketchCrcAt), bytes.substr(kSketchFrameAt));
  if (found == said) return {};
  return bad_sketches(fmt::format("their CRC-32C is {:08x}, and was {:08x} when they were written", found, said));
}

model::Result<std::vector<SketchColumn>> decode_sketches(std::string_view bytes, std::size_t rows) {
  if (bytes.empty()) return std::vector<SketchColumn>();
  if (const auto intact = check_sketch_seal(bytes); !intact) return intact.error();
  const auto frame = bytes.substr(kSketchFrameAt);
  const int version = static_cast<std::uint8_t>(bytes[kSketchMagic.size()]);
  if (version > kSketchVersion) {
    return model::Error(
        model::ErrorCode::kUnsupported,
        fmt::format("sketches: they have version {}, this build reads up to {}", version, kSketchVersion));
  }
  if (version == 0) return bad_sketches("they have version 0, which there is not");
  if (rows == 0 || rows > kMaxSketchRows) {
    return bad_sketches(fmt::format("of a table of {} rows, not 1 to {}", rows, kMaxSketchRows));
  }
  const auto content = columns::decompress(frame, max_sketch_content(rows));
  if (!content) return content.error().in("sketches");
  return sketches_from(*content, rows);
}

}  // namespace tideline::series
