#include "node-actor/simulation/fault.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "messages/model/quantity.h"

namespace tideline::simulation {
namespace {

using model::Duration;
using model::invalid;
using model::Result;

/// A kind, and the key of its amount; "": it has none.
struct Kind {
  FaultKind kind;
  std::string_view name;
  std::string_view amount;
};
constexpr std::array<Kind, 7> kKinds{{{FaultKind::kLinkLoss, "link-loss", ""},
                                      {FaultKind::kFlap, "flap", "every"},
                                      {FaultKind::kCrash, "crash", ""},
                                      {FaultKind::kPowerLoss, "power-loss", ""},
                                      {FaultKind::kClockSkew, "clock-skew", "by"},
                                      {FaultKind::kSlowDisk, "slow-disk", "delay"},
                                      {FaultKind::kDuplicate, "duplicate", ""}}};
constexpr Duration kShortestFlap = std::chrono::milliseconds(200);
constexpr Duration kLongestDelay = std::chrono::hours(1);

Result<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc{} && end == text.data() + text.size()) return value;
  return invalid(fmt::format("nodes '{}': want A-B or A, numbers of nodes", text));
}

Result<void> set_nodes(Fault& fault, std::string_view text) {
  const auto dash = text.find('-');
  const auto first = number(text.substr(0, dash));
  if (!first) return first.error();
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!last) return last.error();
  if (*last < *first) return invalid(fmt::format("nodes '{}': the second number is below the first", text));
  fault.first = *first;
  fault.last = *last;
  return {};
}

/// "0" is no duration for parse_duration.
Result<Duration> duration(std::string_view text) {
  if (text == "0") return model::kZeroDuration;
  return model::parse_duration(text);
}

Result<void> set_amount(Fault& fault, std::string_view key, std::string_view text) {
  const bool negative = key == "by" && text.starts_with('-');
  if (key == "by" && (negative || text.starts_with('+'))) text.remove_prefix(1);
  const auto parsed = model::parse_duration(text);
  if (!parsed) return parsed.error().in(key);
  if (fault.kind == FaultKind::kFlap && *parsed < kShortestFlap)
    return invalid(fmt::format("every={}: want at least 200ms", text));
  if (fault.kind == FaultKind::kSlowDisk && *parsed > kLongestDelay)
    return invalid(fmt::format("delay={}: want at most 1h", text));
  fault.amount = negative ? -*parsed : *parsed;
  return {};
}

Result<void> set(Fault& fault, std::string_view amount_key, std::string_view key, std::string_view value) {
  if (key == "nodes") return set_nodes(fault, value);
  if (key == "at" || key == "for") {
    const auto parsed = key == "at" ? duration(value) : model::parse_duration(value);
    if (!parsed) return parsed.error().in(key);
    if (key == "at") {
      fault.at = *parsed;
    } else {
      fault.length = *parsed;
    }
    return {};
  }
  if (!amount_key.empty() && key == amount_key) return set_amount(fault, key, value);
  return invalid(
      fmt::format("'{}': want nodes=, at=, for={}", key, amount_key.empty() ? "" : fmt::format(" or {}=", amount_key)));
}

}  // namespace

std::string_view name_of(FaultKind kind) {
  for (const Kind& each : kKinds) {
    if (each.kind == kind) return each.name;
  }
  return "unknown";
}

Result<Fault> parse_fault(std::string_view text) {
  const auto wrong = [&](const model::Error& why) { return why.in(fmt::format("fault '{}'", text)); };
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const auto* kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& each) { return each.name == name; });
  if (kind == kKinds.end()) {
    std::string names;
    for (const Kind& each : kKinds) {
      if (!names.empty()) names += ", ";
      names += each.name;
    }
    return wrong(invalid(fmt::format("'{}' is none of {}", name, names)));
  }
  Fault fault;
  fault.kind = kind->kind;
  fault.text = text;
  std::string_view rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  bool has_amount = false;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return wrong(invalid(fmt::format("'{}': want key=value", part)));
    const auto key = part.substr(0, equals);
    if (auto done = set(fault, kind->amount, key, part.substr(equals + 1)); !done) return wrong(done.error());
    has_amount = has_amount || key == kind->amount;
  }
  if (!kind->amount.empty() && !has_amount) {
    return wrong(invalid(fmt::format("{} wants {}=", kind->name, kind->amount)));
  }
  return fault;
}

}  // namespace tideline::simulation
