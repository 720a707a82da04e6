#include "messages/model/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace tideline::model {
namespace {

constexpr std::array<std::pair<std::string_view, long double>, 15> kSuffixes{{{"Ki", 1024.0L},
                                                                              {"Mi", 1048576.0L},
                                                                              {"Gi", 1073741824.0L},
                                                                              {"Ti", 1099511627776.0L},
                                                                              {"Pi", 1125899906842624.0L},
                                                                              {"Ei", 1152921504606846976.0L},
                                                                              {"n", 1e-9L},
                                                                              {"u", 1e-6L},
                                                                              {"m", 1e-3L},
                                                                              {"k", 1e3L},
                                                                              {"M", 1e6L},
                                                                              {"G", 1e9L},
                                                                              {"T", 1e12L},
                                                                              {"P", 1e15L},
                                                                              {"E", 1e18L}}};

/// The text times `scale`, rounded up to an integer.
Result<std::int64_t> parse_scaled(std::string_view text, long double scale, long double limit) {
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not a quantity: {}", text, why));
  };
  std::string_view number = text;
  long double factor = scale;
  for (const auto& [suffix, value] : kSuffixes) {
    if (number.ends_with(suffix)) {
      number.remove_suffix(suffix.size());
      factor *= value;
      break;
    }
  }
  if (number.starts_with('+')) number.remove_prefix(1);
  long double parsed = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), parsed);
  if (problem != std::errc{} || end != number.data() + number.size() || !std::isfinite(parsed)) {
    return refuse("want a number with an optional suffix such as m, k, Mi or Gi");
  }
  if (parsed < 0) return refuse("it is negative");
  const long double scaled = parsed * factor;
  if (scaled > limit) return refuse("it is too large");
  // 0.1 and the like are not exact in binary: what is within 1e-6 of an integer is that integer.
  const long double nearest = std::round(scaled);
  const long double rounded = std::fabs(scaled - nearest) < 1e-6L ? nearest : std::ceil(scaled);
  return static_cast<std::int64_t>(rounded);
}

}  // namespace

Result<MilliCpu> parse_cpu(std::string_view text) {
  const auto milli = parse_scaled(text, 1000.0L, 1e13L);
  if (!milli) return milli.error();
  return MilliCpu(*milli);
}

Result<Bytes> parse_bytes(std::string_view text) {
  const auto bytes = parse_scaled(text, 1.0L, 1152921504606846976.0L);
  if (!bytes) return bytes.error();
  return Bytes(*bytes);
}

Result<MilliCpu> parse_batch_cpu(std::string_view text) {
  const auto milli = parse_bytes(text);
  if (!milli) return milli.error();
  return MilliCpu(milli->value());
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not a duration: {}", text, why));
  };
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (problem != std::errc{} || !std::isfinite(number)) return refuse("want a number and ms, s, m, h or d");
  for (const auto& [name, ns] : kUnits) {
    if (unit != name) continue;
    const double total = number * ns;
    if (total < 1 || total > 10 * 365.25 * 86400e9) return refuse("want more than 0 and at most 10 years");
    return Duration(static_cast<std::int64_t>(std::llround(total)));
  }
  return refuse("want a number and ms, s, m, h or d");
}

}  // namespace tideline::model
