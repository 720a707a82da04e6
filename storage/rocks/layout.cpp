#include "storage/rocks/layout.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "messages/codec/report_bytes.h"
#include "messages/model/crc32.h"
#include "storage/rocks/bytes.h"

namespace tideline::rocks {
namespace {

using model::Error;
using model::ErrorCode;

constexpr std::uint8_t kFromReport = 0;
constexpr std::uint8_t kFromCoordinator = 1;

ByteWriter key_of(const model::NodeName& node, model::WallTime at) {
  ByteWriter key;
  key.text<std::uint8_t>(node.str()).integer(std::max<std::int64_t>(0, at.ms));
  return key;
}

std::optional<KeyHead> read_head(ByteReader& key) {
  KeyHead head;
  head.node = model::NodeName(std::string(key.text<std::uint8_t>()));
  head.at = model::WallTime{key.integer<std::int64_t>()};
  if (!key.ok() || head.at.ms < 0) return std::nullopt;
  return head;
}

}  // namespace

std::string setting_key(std::string_view key) {
  return "setting/" + std::string(key);
}

std::string encode_u32(std::uint32_t value) {
  return ByteWriter().integer(value).take();
}

std::string encode_u64(std::uint64_t value) {
  return ByteWriter().integer(value).take();
}

std::optional<std::uint32_t> decode_u32(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto value = reader.integer<std::uint32_t>();
  return reader.done() ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> decode_u64(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto value = reader.integer<std::uint64_t>();
  return reader.done() ? std::optional(value) : std::nullopt;
}

std::string node_prefix(const model::NodeName& node) {
  return ByteWriter().text<std::uint8_t>(node.str()).take();
}

std::string time_key(const model::NodeName& node, model::WallTime at) {
  return key_of(node, at).take();
}

std::string node_end(const model::NodeName& node) {
  // Times are not negative, so their first byte is below 0x80.
  return node_prefix(node) + '\x80';
}

std::optional<KeyHead> key_head(std::string_view key) {
  ByteReader reader(key);
  return read_head(reader);
}

std::string report_key(const model::Report& report, model::WallTime at) {
  return key_of(report.node, at).integer(report.incarnation.value()).integer(report.seq.value()).take();
}

std::string report_value(const store::ReportView& incoming, std::string_view report_bytes) {
  return ByteWriter()
      .integer(incoming.received.ms)
      .integer(static_cast<std::int64_t>(incoming.clock_offset.count()))
      .raw(report_bytes)
      .take();
}

std::optional<ReportKey> stored_report_key(std::string_view key) {
  ByteReader reader(key);
  const auto head = read_head(reader);
  const auto incarnation = model::Incarnation(reader.integer<std::uint64_t>());
  const auto seq = model::Seq(reader.integer<std::uint64_t>());
  if (!head || !reader.done()) return std::nullopt;
  return ReportKey{head->node, head->at, incarnation, seq};
}

model::Result<store::StoredReport> stored_report(std::string_view key, std::string_view value, const FindPods& find) {
  const auto head = stored_report_key(key);
  if (!head) {
    return Error(ErrorCode::kMalformed, fmt::format("history: a report key of {} bytes does not parse", key.size()));
  }
  const auto where = [&] {
    return fmt::format("history of node {}, incarnation {}, report {}", head->node.str(), head->incarnation.value(),
                       head->seq.value());
  };
  ByteReader reader(value);
  const auto received = model::WallTime{reader.integer<std::int64_t>()};
  const auto offset = model::Duration(reader.integer<std::int64_t>());
  if (!reader.ok()) return Error(ErrorCode::kMalformed, fmt::format("{} bytes", value.size())).in(where());
  auto report = codec::report_from_bytes(std::as_bytes(std::span(reader.rest())),
                                         [&](std::uint64_t list) { return find(head->node, head->at, list); });
  if (!report) return Error(ErrorCode::kMalformed, report.error().message()).in(where());
  if (report->node != head->node || report->incarnation != head->incarnation || report->seq != head->seq) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("holds report {} of node {} instead", report->seq.value(), report->node.str()))
        .in(where());
  }
  return store::StoredReport{std::move(report).value(), received, offset, head->at};
}

model::WallTime pods_until(const model::NodeName& node, model::WallTime at) {
  constexpr std::int64_t kHourMs = 3'600'000;
  const std::int64_t phase = model::crc32(node.str()) % kHourMs;
  const std::int64_t bounded = std::clamp<std::int64_t>(at.ms, 0, INT64_MAX - 2 * kHourMs);
  return {(bounded - phase + kHourMs) / kHourMs * kHourMs + phase};
}

std::string pods_key(const model::NodeName& node, model::WallTime until, std::uint64_t list) {
  return key_of(node, until).integer(list).take();
}

model::Result<std::string> pods_value(const model::Report& report) {
  model::Report pods;
  pods.node = report.node;
  pods.incarnation = report.incarnation;
  pods.seq = report.seq;
  pods.pods.reserve(report.pods.size());
  for (const auto& summary : report.pods)
    pods.pods.emplace_back().pod = summary.pod;
  const auto bytes = codec::to_bytes(pods);
  if (!bytes) return bytes.error();
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

model::Result<model::SharedPods> stored_pods(std::string_view value) {
  const auto report = codec::report_from_bytes(std::as_bytes(std::span(value)));
  if (!report) return report.error();
  return model::shared_pods(*report);
}

std::string report_event_key(const model::Report& report, std::uint32_t index, model::WallTime at) {
  return key_of(report.node, at)
      .integer(kFromReport)
      .integer(report.incarnation.value())
      .integer(report.seq.value())
      .integer(index)
      .take();
}

std::string coordinator_event_key(const model::NodeName& node, std::uint64_t counter, model::WallTime at) {
  return key_of(node, at)
      .integer(kFromCoordinator)
      .integer(std::uint64_t{0})
      .integer(counter)
      .integer(std::uint32_t{0})
      .take();
}

std::optional<EventKey> stored_event_key(std::string_view key) {
  ByteReader reader(key);
  const auto head = read_head(reader);
  const auto source = reader.integer<std::uint8_t>();
  const auto incarnation = model::Incarnation(reader.integer<std::uint64_t>());
  const auto number = reader.integer<std::uint64_t>();
  reader.integer<std::uint32_t>();
  if (!head || !reader.done() || source > kFromCoordinator) return std::nullopt;
  return EventKey{head->node, head->at, source == kFromReport, incarnation, number};
}

std::string event_value(const model::Event& event) {
  return ByteWriter()
      .integer(event.at.ms)
      .integer(static_cast<std::uint8_t>(event.controller))
      .integer(static_cast<std::uint16_t>(event.reason))
      .text<std::uint16_t>(event.subject)
      .text<std::uint16_t>(event.old_value)
      .text<std::uint16_t>(event.new_value)
      .take();
}

model::Result<store::StoredEvent> stored_event(std::string_view key, std::string_view value) {
  const auto head = key_head(key);
  if (!head) {
    return Error(ErrorCode::kMalformed, fmt::format("history: an event key of {} bytes does not parse", key.size()));
  }
  ByteReader reader(value);
  store::StoredEvent stored;
  stored.at = head->at;
  stored.event.at = model::WallTime{reader.integer<std::int64_t>()};
  // A number that this build does not know is kept: name_of says "unknown".
  stored.event.controller = static_cast<model::Controller>(reader.integer<std::uint8_t>());
  stored.event.reason = static_cast<model::Reason>(reader.integer<std::uint16_t>());
  stored.event.subject = reader.text<std::uint16_t>();
  stored.event.old_value = reader.text<std::uint16_t>();
  stored.event.new_value = reader.text<std::uint16_t>();
  if (!reader.done()) {
    return Error(ErrorCode::kMalformed, fmt::format("history of node {}: an event of {} bytes at {} ms does not parse",
                                                    head->node.str(), value.size(), head->at.ms));
  }
  return stored;
}

std::string account_value(const model::Reclaimed& account) {
  const auto bytes = codec::to_bytes(account);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

model::Result<model::AccountAt> stored_account(std::string_view key, std::string_view value) {
  ByteReader reader(key);
  const auto head = read_head(reader);
  if (!head || !reader.done()) {
    return Error(ErrorCode::kMalformed, fmt::format("history: an account key of {} bytes does not parse", key.size()));
  }
  const auto where = [&] { return fmt::format("history of node {}, account at {} ms", head->node.str(), head->at.ms); };
  auto account = codec::account_from_bytes(std::as_bytes(std::span(value)));
  if (!account) return account.error().in(where());
  if (account->node != head->node) {
    return Error(ErrorCode::kMalformed, fmt::format("holds one of node {} instead", account->node.str())).in(where());
  }
  return model::AccountAt{head->at, std::move(account).value()};
}

std::string index_value(const store::NodeIndex& index) {
  ByteWriter out;
  out.integer(static_cast<std::int64_t>(index.longest_window.count())).integer(index.last_received.ms);
  out.integer(static_cast<std::uint16_t>(index.incarnations.size()));
  for (const auto& entry : index.incarnations) {
    out.integer(entry.incarnation.value()).integer(entry.forgotten_through);
    out.integer(static_cast<std::uint16_t>(entry.seqs.ranges().size()));
    for (const auto& range : entry.seqs.ranges())
      out.integer(range.first).integer(range.last);
  }
  return out.take();
}

model::Result<store::NodeIndex> stored_index(std::string_view value) {
  const auto malformed = [&](std::string_view what) {
    return Error(ErrorCode::kMalformed, fmt::format("sequence numbers of {} bytes: {}", value.size(), what));
  };
  ByteReader reader(value);
  store::NodeIndex index;
  index.longest_window = model::Duration(reader.integer<std::int64_t>());
  index.last_received = model::WallTime{reader.integer<std::int64_t>()};
  const auto incarnations = reader.integer<std::uint16_t>();
  if (incarnations > store::kMaxIncarnations) return malformed("too many incarnations");
  for (std::uint16_t i = 0; i < incarnations; ++i) {
    store::IncarnationSeqs entry;
    entry.incarnation = model::Incarnation(reader.integer<std::uint64_t>());
    entry.forgotten_through = reader.integer<std::uint64_t>();
    const auto count = reader.integer<std::uint16_t>();
    if (count > store::kMaxSeqRanges) return malformed("too many ranges");
    std::vector<store::Range> ranges(count);
    for (auto& range : ranges) {
      range.first = reader.integer<std::uint64_t>();
      range.last = reader.integer<std::uint64_t>();
    }
    auto seqs = store::RangeSet::from_ranges(std::move(ranges));
    if (!seqs) return malformed("ranges out of order");
    entry.seqs = std::move(*seqs);
    index.incarnations.push_back(std::move(entry));
  }
  if (!reader.done()) return malformed("does not parse");
  return index;
}

std::optional<model::Duration> stored_longest_window(std::string_view value) {
  ByteReader reader(value);
  const auto window = model::Duration(reader.integer<std::int64_t>());
  return reader.ok() ? std::optional(window) : std::nullopt;
}

}  // namespace tideline::rocks
