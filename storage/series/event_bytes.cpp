#include "storage/series/event_bytes.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "messages/model/report.h"
#include "storage/columns/chunk.h"
#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"

namespace tideline::series {
namespace {

constexpr std::string_view kEventMagic = "TDE";
constexpr std::size_t kEventFrameAt = 4;
constexpr int kEventLevel = 9;
constexpr std::int64_t kLastEventMs = columns::ChunkLimits::kMaxValue;
constexpr std::size_t kMaxEventText = model::ReportLimits::kMaxTextBytes;
/// Time, controller, reason and three lengths.
constexpr std::size_t kMinEventBytes = 6;
constexpr std::size_t kMaxEventBytes = 6 * columns::kMaxVarintBytes + 3 * kMaxEventText;

model::Error bad_events(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("events: {}", why)};
}

model::Result<void> check_archived(std::span<const model::Event> events) {
  if (events.empty() || events.size() > kMaxArchivedEvents) {
    return model::invalid(fmt::format("events: {} of them, not 1 to {}", events.size(), kMaxArchivedEvents));
  }
  std::int64_t before = 0;
  for (const model::Event& event : events) {
    if (event.at.ms < before || event.at.ms > kLastEventMs) {
      return model::invalid(fmt::format("events: one at {} ms after one at {} ms", event.at.ms, before));
    }
    before = event.at.ms;
    const std::size_t longest = std::max({event.subject.size(), event.old_value.size(), event.new_value.size()});
    if (longest > kMaxEventText) {
      return model::invalid(fmt::format("events: one with {} bytes of text, limit {}", longest, kMaxEventText));
    }
  }
  return {};
}

template <class Enum>
Enum take_enum(columns::Cursor& in) {
  return static_cast<Enum>(in.number(std::numeric_limits<std::underlying_type_t<Enum>>::max()));
}

std::string take_text(columns::Cursor& in) {
  return std::string(in.text(in.number(kMaxEventText)));
}

model::Result<std::vector<model::Event>> events_from(std::string_view content, std::uint64_t rows) {
  columns::Cursor in(content);
  const std::uint64_t count = in.number();
  if (!in.ok() || count != rows) return bad_events(fmt::format("{} of them, and the index says {}", count, rows));
  // No memory for more than there can be.
  if (count > in.rest().size() / kMinEventBytes) return bad_events("their bytes cannot hold what they say");
  std::vector<model::Event> events(static_cast<std::size_t>(count));
  std::int64_t before = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    model::Event& event = events[i];
    event.at.ms = before + static_cast<std::int64_t>(in.number());
    event.controller = take_enum<model::Controller>(in);
    event.reason = take_enum<model::Reason>(in);
    event.subject = take_text(in);
    event.old_value = take_text(in);
    event.new_value = take_text(in);
    if (!in.ok() || event.at.ms > kLastEventMs) {
      return bad_events(fmt::format("number {} of {}: it is cut, or a number in it is beyond its bound", i + 1, count));
    }
    before = event.at.ms;
  }
  if (!in.rest().empty()) return bad_events(fmt::format("{} bytes follow the last one", in.rest().size()));
  return events;
}

}  // namespace

std::string event_content(std::span<const model::Event> events) {
  std::string content;
  columns::put_varint(content, events.size());
  std::int64_t before = 0;
  for (const model::Event& event : events) {
    columns::put_varint(content, static_cast<std::uint64_t>(event.at.ms - before));
    before = event.at.ms;
    columns::put_varint(content, static_cast<std::uint64_t>(event.controller));
    columns::put_varint(content, static_cast<std::uint64_t>(event.reason));
    for (const std::string* text : {&event.subject, &event.old_value, &event.new_value}) {
      columns::put_varint(content, text->size());
      content.append(*text);
    }
  }
  return content;
}

std::string wrapped_events(std::string_view frame) {
  std::string bytes(kEventMagic);
  bytes.push_back(static_cast<char>(kEventVersion));
  bytes.append(frame);
  return bytes;
}

model::Result<std::string> encode_events(std::span<const model::Event> events) {
  if (const auto sound = check_archived(events); !sound) return sound.error();
  const auto frame = columns::compress(event_content(events), kEventLevel);
  if (!frame) return frame.error().in("events");
  return wrapped_events(*frame);
}

model::Result<std::vector<model::Event>> decode_events(std::string_view bytes, std::uint64_t rows) {
  if (bytes.size() < kEventFrameAt || bytes.substr(0, kEventMagic.size()) != kEventMagic) {
    return bad_events(fmt::format("{} bytes that do not begin as such", bytes.size()));
  }
  const int version = static_cast<std::uint8_t>(bytes[kEventMagic.size()]);
  if (version > kEventVersion) {
    return model::Error(model::ErrorCode::kUnsupported,
                        fmt::format("events: they have version {}, this build reads up to {}", version, kEventVersion));
  }
  if (version == 0) return bad_events("they have version 0, which there is not");
  if (rows == 0 || rows > kMaxArchivedEvents) {
    return bad_events(fmt::format("{} of them, not 1 to {}", rows, kMaxArchivedEvents));
  }
  const auto content = columns::decompress(bytes.substr(kEventFrameAt),
                                           columns::kMaxVarintBytes + static_cast<std::size_t>(rows) * kMaxEventBytes);
  if (!content) return content.error().in("events");
  return events_from(*content, rows);
}

}  // namespace tideline::series
