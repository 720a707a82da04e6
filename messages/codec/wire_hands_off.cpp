#include <chrono>

#include <fmt/format.h>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"

namespace tideline::codec {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::int64_t kMaxMs = model::to_ms(model::HandsOffLimits::kMaxDuration);

Result<model::HandsOff> read_entry(schema::HandsOff::Reader in) {
  model::HandsOff entry{.group = str(in.getGroup()),
                        .remaining = std::nullopt,
                        .release = in.getRelease(),
                        .who = str(in.getWho()),
                        .reason = str(in.getReason())};
  if (const auto ms = read(in.getRemainingMs())) {
    if (*ms < 0 || *ms > kMaxMs) {
      return Error(ErrorCode::kMalformed, fmt::format("remainingMs: {} is outside 0..{}", *ms, kMaxMs));
    }
    entry.remaining = std::chrono::milliseconds(*ms);
  }
  if (const auto valid = model::validate(entry); !valid) {
    return Error(ErrorCode::kMalformed, "entries: " + valid.error().message());
  }
  return entry;
}

}  // namespace

void write(const model::HandsOffOrder& order, schema::HandsOffOrder::Builder out) {
  out.setNumber(order.number);
  out.setEpoch(order.epoch.value());
  auto entries = out.initEntries(static_cast<unsigned>(order.entries.size()));
  for (unsigned i = 0; i < entries.size(); ++i) {
    const model::HandsOff& entry = order.entries[i];
    entries[i].setGroup(ptr(entry.group));
    std::optional<std::int64_t> ms;
    if (entry.remaining) ms = model::to_ms(*entry.remaining);
    write(ms, entries[i].initRemainingMs());
    entries[i].setRelease(entry.release);
    entries[i].setWho(ptr(entry.who));
    entries[i].setReason(ptr(entry.reason));
  }
}

Result<model::HandsOffOrder> read(schema::HandsOffOrder::Reader in) {
  model::HandsOffOrder order{.number = in.getNumber(), .epoch = model::Epoch(in.getEpoch()), .entries = {}};
  const auto entries = in.getEntries();
  if (entries.size() > model::HandsOffLimits::kMaxPerNode) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("entries: {} entries, limit {}", entries.size(), model::HandsOffLimits::kMaxPerNode));
  }
  for (const auto entry : entries) {
    auto one = read_entry(entry);
    if (!one) return one.error();
    order.entries.push_back(*std::move(one));
  }
  return order;
}

}  // namespace tideline::codec
