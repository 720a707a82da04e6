#include "coordinator/planner_program/option_values.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/policy/spelling.h"
#include "messages/model/json_text.h"
#include "messages/model/quantity.h"
#include "messages/model/rfc3339.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::size_t kMostShownBytes = 80;
constexpr std::size_t kMostForecasts = 200;
constexpr std::size_t kMostLabels = 200;

model::Error unfit(std::string_view option, std::string_view text, std::string_view want) {
  return model::invalid(fmt::format("{} {}: want {}", option, model::printable(text, kMostShownBytes), want));
}

template <class Number>
bool read_whole(std::string_view text, Number& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}

/// At commas outside of brackets.
std::vector<std::string_view> listed_parts(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (text[i] != ',' || depth > 0) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

Result<double> number_value(std::string_view option, std::string_view text, double least, double most) {
  double number = 0;
  // What is no number compares with nothing.
  if (read_whole(text, number) && number >= least && number <= most) return number;
  return unfit(option, text, fmt::format("a number from {} to {}", least, most));
}

Result<std::uint64_t> count_value(std::string_view option, std::string_view text, std::uint64_t least,
                                  std::uint64_t most) {
  std::uint64_t number = 0;
  if (read_whole(text, number) && number >= least && number <= most) return number;
  return unfit(option, text, fmt::format("a whole number from {} to {}", least, most));
}

Result<std::int64_t> seconds_value(std::string_view option, std::string_view text) {
  const auto length = model::parse_duration(text);
  if (!length) return length.error().in(option);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*length);
  if (seconds == *length) return std::int64_t{seconds.count()};
  return unfit(option, text, "whole seconds");
}

Result<std::int64_t> time_value(std::string_view option, std::string_view text) {
  constexpr std::size_t kDayBytes = 10;
  auto at = model::parse_rfc3339(text);
  if (!at && text.size() == kDayBytes) at = model::parse_rfc3339(std::string(text) + "T00:00:00Z");
  if (!at) return unfit(option, text, "a time of RFC 3339 like 2013-07-01T12:00:00Z, or a day like 2013-07-01");
  return std::int64_t{std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds(at->ms)).count()};
}

Result<std::int64_t> cpu_value(std::string_view option, std::string_view text, bool zero) {
  const auto cpu = model::parse_cpu(text);
  if (!cpu) return cpu.error().in(option);
  if (cpu->value() > 0 || zero) return cpu->value();
  return unfit(option, text, "more than 0");
}

Result<std::int64_t> memory_value(std::string_view option, std::string_view text, bool zero) {
  const auto memory = model::parse_bytes(text);
  if (!memory) return memory.error().in(option);
  if (memory->value() > 0 || zero) return memory->value();
  return unfit(option, text, "more than 0");
}

Result<planner::Shard> shard_value(std::string_view option, std::string_view text) {
  planner::Shard shard;
  const auto slash = text.find('/');
  const bool good = slash != std::string_view::npos && read_whole(text.substr(0, slash), shard.number) &&
                    read_whole(text.substr(slash + 1), shard.count) && shard.number >= 1 &&
                    shard.number <= shard.count && shard.count <= kMostShards;
  if (good) return shard;
  return unfit(option, text, fmt::format("NUMBER/COUNT, from 1 to COUNT of {} at most, like 3/8", kMostShards));
}

Result<policy::Labels> labels_value(std::string_view option, std::string_view text) {
  policy::Labels labels;
  for (const std::string_view part : listed_parts(text)) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) return unfit(option, part, "key=value");
    const auto [place, fresh] =
        labels.try_emplace(std::string(part.substr(0, equals)), std::string(part.substr(equals + 1)));
    if (!fresh) return unfit(option, part, "each key once");
    if (labels.size() > kMostLabels) return unfit(option, text, fmt::format("{} labels at most", kMostLabels));
  }
  return labels;
}

Result<std::vector<forecast::ForecastSpec>> forecasts_value(std::string_view option, std::string_view text) {
  std::vector<forecast::ForecastSpec> specs;
  for (const std::string_view part : listed_parts(text)) {
    auto spec = forecast::parse_forecast(part);
    if (!spec) return spec.error().in(option);
    if (std::find(specs.begin(), specs.end(), *spec) == specs.end()) specs.push_back(*std::move(spec));
    if (specs.size() > kMostForecasts) {
      return unfit(option, text, fmt::format("{} predictors at most", kMostForecasts));
    }
  }
  return specs;
}

std::string wanted_words(std::string_view word, const std::vector<std::string_view>& known) {
  return fmt::format("{}; want one of {}", policy::did_you_mean(word, known), fmt::join(known, ", "));
}

}  // namespace tideline::planner_program
