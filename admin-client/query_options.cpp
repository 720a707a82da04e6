#include "admin-client/query_options.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin-client/time_text.h"
#include "coordinator/policy/spelling.h"
#include "messages/model/cluster.h"

namespace tideline::tidectl {
namespace {

using model::invalid;
using model::Result;
using series::Across;
using series::Aggregate;
using series::QuestionLimits;
using series::SubjectKind;
using series::Tier;

constexpr std::int64_t kWantedPoints = 240;
/// No retention of a tier is shorter.
constexpr std::int64_t kSurelyKeptS = 3'600;
constexpr std::array<std::pair<std::string_view, Across>, 6> kAcrossWords = {{{"each", Across::kEach},
                                                                              {"sum", Across::kSum},
                                                                              {"mean", Across::kMean},
                                                                              {"min", Across::kMin},
                                                                              {"max", Across::kMax},
                                                                              {"all", Across::kAll}}};

std::int64_t rounded_up(std::int64_t value, std::int64_t unit) {
  return series::floor_to(value + unit - 1, unit);
}

std::int64_t floor_seconds(model::WallTime at) {
  return series::floor_to(at.ms, 1000) / 1000;
}

Result<std::vector<series::Field>> fields_value(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const series::Field field : series::all_fields())
    names.push_back(series::name_of(field));
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::vector<series::Field> fields;
  for (const std::string& word : words) {
    std::istringstream list(word);
    for (std::string name; std::getline(list, name, ',');) {
      const auto field = series::field_from(name);
      if (!field) {
        return invalid(fmt::format("FIELD {} is not known{}; want some of {}", name, policy::did_you_mean(name, known),
                                   fmt::join(known, ", ")));
      }
      if (std::find(fields.begin(), fields.end(), *field) == fields.end()) fields.push_back(*field);
    }
  }
  if (fields.empty()) return invalid(fmt::format("FIELD is empty; want some of {}", fmt::join(known, ", ")));
  if (fields.size() > QuestionLimits::kMaxFields) {
    return invalid(fmt::format("{} FIELDs; at most {}", fields.size(), QuestionLimits::kMaxFields));
  }
  return fields;
}

Result<void> take_subject(const RawQuery& raw, SeriesQuestion& question) {
  const int given = int{!raw.pod.empty()} + int{!raw.workload.empty()} + int{raw.pods} + int{raw.workloads};
  if (given > 1) return invalid("--pod, --workload, --pods and --workloads exclude each other");
  if (!raw.workload.empty()) {
    const auto parts = std::count(raw.workload.begin(), raw.workload.end(), '/') + 1;
    if (parts != 3 || raw.workload.front() == '/' || raw.workload.back() == '/' ||
        raw.workload.find("//") != std::string::npos) {
      return invalid(fmt::format("--workload {}: want NAMESPACE/KIND/NAME", raw.workload));
    }
  }
  if (raw.pods || !raw.pod.empty()) question.kind = SubjectKind::kPod;
  if (raw.workloads || !raw.workload.empty()) question.kind = SubjectKind::kWorkload;
  question.subject = raw.pod.empty() ? raw.workload : raw.pod;
  for (const series::Field field : question.fields) {
    if (question.kind == SubjectKind::kNode && is_of_pods(field)) {
      return invalid(fmt::format("FIELD {} is one of pods and workloads: want --pods, --workloads, --pod or --workload",
                                 series::name_of(field)));
    }
    if (question.kind != SubjectKind::kNode && !is_of_pods(field)) {
      return invalid(
          fmt::format("FIELD {} is one of nodes, and pods or workloads are asked for", series::name_of(field)));
    }
  }
  return {};
}

Result<void> take_nodes(const RawQuery& raw, SeriesQuestion& question) {
  question.nodes = raw.nodes;
  std::sort(question.nodes.begin(), question.nodes.end());
  question.nodes.erase(std::unique(question.nodes.begin(), question.nodes.end()), question.nodes.end());
  if (question.nodes.size() > QuestionLimits::kMaxNodes) {
    return invalid(fmt::format("{} nodes by --node; at most {}", question.nodes.size(), QuestionLimits::kMaxNodes));
  }
  if (!question.nodes.empty() && question.nodes.front().empty()) return invalid("--node is empty");
  if (raw.label.empty()) return {};
  if (!question.nodes.empty()) return invalid("--label and --node exclude each other");
  if (!model::cluster_part(raw.label)) return invalid(fmt::format("--label {}: want KEY=VALUE", raw.label));
  question.label = raw.label;
  return {};
}

Result<double> quantile_value(const std::string& text) {
  double percent = 0;
  const bool plain = text.size() > 1 && text.front() == 'p' &&
                     text.find_first_not_of("0123456789.", 1) == std::string::npos && text.size() <= 8;
  const char* end = text.data() + text.size();
  if (plain) {
    const auto [stop, problem] = std::from_chars(text.data() + 1, end, percent);
    if (problem == std::errc() && stop == end && percent <= 100) return percent / 100;
  }
  return invalid(fmt::format("--agg {}: want mean, min, max, or a percentile like p95 or p99.9", text));
}

Result<void> take_aggregate(const RawQuery& raw, SeriesQuestion& question) {
  constexpr std::array<std::pair<std::string_view, Aggregate>, 3> kWords = {
      {{"mean", Aggregate::kMean}, {"min", Aggregate::kMin}, {"max", Aggregate::kMax}}};
  const auto word = std::find_if(kWords.begin(), kWords.end(), [&](const auto& w) { return w.first == raw.aggregate; });
  if (word != kWords.end()) {
    question.aggregate = word->second;
    return {};
  }
  const auto quantile = quantile_value(raw.aggregate);
  if (!quantile) return quantile.error();
  question.aggregate = Aggregate::kQuantile;
  question.quantile = *quantile;
  return {};
}

Result<void> take_across(const RawQuery& raw, SeriesQuestion& question) {
  std::vector<std::string_view> words;
  for (const auto& [word, across] : kAcrossWords) {
    if (word == raw.across) {
      question.across = across;
      return {};
    }
    words.push_back(word);
  }
  return invalid(fmt::format("--across {} is not known{}; want one of {}", raw.across,
                             policy::did_you_mean(raw.across, words), fmt::join(words, ", ")));
}

/// The finest tier from which the question can be answered.
std::optional<Tier> finest_tier(const SeriesQuestion& question) {
  for (const Tier tier : series::kTiers) {
    if (series::tier_for(series::step_s(tier), question.aggregate, question.fields)) return tier;
  }
  return std::nullopt;
}

Result<Tier> take_tier(const RawQuery& raw, SeriesQuestion& question) {
  const auto finest = finest_tier(question);
  if (!finest) {
    std::vector<std::string> kept;
    for (const series::Field field : series::all_fields()) {
      if (series::has_sketch(field)) kept.push_back(series::name_of(field));
    }
    return invalid(fmt::format("--agg {}: quantiles are kept of {} only", raw.aggregate, fmt::join(kept, ", ")));
  }
  if (raw.tier.empty()) return *finest;
  const auto tier = series::tier_from(std::string_view(raw.tier));
  if (!tier) return invalid(fmt::format("--tier {} is not known; want 10s, 1m or 15m", raw.tier));
  if (*tier < *finest) {
    return invalid(fmt::format("--tier {} has no quantiles of all of these fields; the finest that has is {}", raw.tier,
                               series::name_of(*finest)));
  }
  question.tier = tier;
  return *tier;
}

Result<void> take_step(const RawQuery& raw, Tier finest, QueryOptions& options) {
  if (raw.step.empty()) return {};
  const auto step = parse_duration(raw.step);
  if (!step) return step.error().in("--step");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*step);
  if (seconds != *step || seconds.count() <= 0 || seconds.count() % series::step_s(finest) != 0) {
    return invalid(fmt::format("--step {}: want a multiple of {}{}", raw.step, series::name_of(finest),
                               options.question.tier ? ", the step of --tier" : ""));
  }
  const std::int64_t steps = (floor_seconds(options.to) - floor_seconds(options.from)) / seconds.count() + 1;
  if (steps > static_cast<std::int64_t>(QuestionLimits::kMaxSteps)) {
    return invalid(fmt::format("--step {}: {} steps from {} to {}; at most {}", raw.step, steps,
                               format_instant(options.from), format_instant(options.to), QuestionLimits::kMaxSteps));
  }
  options.step_s = seconds.count();
  return {};
}

Result<void> take_range(const RawQuery& raw, model::WallTime now, QueryOptions& options) {
  if (const auto before = parse_duration(raw.since)) {
    options.from.ms = now.ms - model::to_ms(*before);
  } else {
    const auto from = parse_instant(raw.since, now);
    if (!from) {
      return invalid(
          fmt::format("--since {}: want a duration before now like 2d, RFC 3339 like 2026-03-01T12:00:00Z, "
                      "or ms since the epoch",
                      raw.since));
    }
    options.from = *from;
  }
  const auto to = parse_instant(raw.until, now);
  if (!to) return to.error().in("--until");
  options.to = *to;
  if (options.from >= options.to) {
    return invalid(
        fmt::format("--since {} is not before --until {}", format_instant(options.from), format_instant(options.to)));
  }
  if (options.from.ms < 0) return invalid(fmt::format("--since {} is before 1970", raw.since));
  return {};
}

/// Some 240 of them make the range.
std::int64_t usual_step_s(std::int64_t range_s, Tier finest, Tier coarsest) {
  const std::int64_t ideal = std::max<std::int64_t>(1, rounded_up(range_s, kWantedPoints) / kWantedPoints);
  std::int64_t unit = series::step_s(finest);
  for (const Tier tier : series::kTiers) {
    if (tier >= finest && tier <= coarsest && series::step_s(tier) <= ideal) unit = series::step_s(tier);
  }
  return rounded_up(ideal, unit);
}

}  // namespace

bool is_of_pods(series::Field field) {
  constexpr std::uint16_t kFirst = 512;  // field.h: numbers of pods and workloads
  constexpr std::uint16_t kEnd = 600;
  const auto number = static_cast<std::uint16_t>(field);
  return number >= kFirst && number < kEnd;
}

std::string field_lists() {
  std::string nodes;
  std::string pods;
  for (const series::Field field : series::all_fields())
    (is_of_pods(field) ? pods : nodes) += " " + series::name_of(field);
  return fmt::format("Fields of nodes:{}\nFields of pods and workloads:{}\n", nodes, pods);
}

std::string aggregate_text(const SeriesQuestion& question) {
  switch (question.aggregate) {
    case Aggregate::kMean:
      return "mean";
    case Aggregate::kMin:
      return "min";
    case Aggregate::kMax:
      return "max";
    case Aggregate::kQuantile:
      break;
  }
  return fmt::format("p{:.6g}", question.quantile * 100);
}

std::string_view across_text(Across across) {
  const auto word =
      std::find_if(kAcrossWords.begin(), kAcrossWords.end(), [&](const auto& w) { return w.second == across; });
  return word == kAcrossWords.end() ? "each" : word->first;
}

Result<QueryOptions> check_query(const RawQuery& raw, model::WallTime now) {
  QueryOptions options;
  auto fields = fields_value(raw.fields);
  if (!fields) return fields.error();
  options.question.fields = *std::move(fields);
  if (auto good = take_subject(raw, options.question); !good) return good.error();
  if (auto good = take_nodes(raw, options.question); !good) return good.error();
  if (auto good = take_aggregate(raw, options.question); !good) return good.error();
  if (auto good = take_across(raw, options.question); !good) return good.error();
  if (auto good = take_range(raw, now, options); !good) return good.error();
  const auto finest = take_tier(raw, options.question);
  if (!finest) return finest.error();
  if (auto good = take_step(raw, *finest, options); !good) return good.error();
  return options;
}

bool needs_reach(const QueryOptions& options, model::WallTime now) {
  return !options.step_s && !options.question.tier && floor_seconds(now) - floor_seconds(options.from) > kSurelyKeptS;
}

SeriesQuestion question_of(const QueryOptions& options, const TierReach& reach, model::WallTime now) {
  SeriesQuestion question = options.question;
  const std::int64_t from_s = floor_seconds(options.from);
  const std::int64_t to_s = rounded_up(options.to.ms, 1000) / 1000;
  if (options.step_s) {
    question.step_s = *options.step_s;
  } else if (question.tier) {
    question.step_s = usual_step_s(to_s - from_s, *question.tier, *question.tier);
  } else {
    Tier finest = finest_tier(question).value_or(series::kTiers.back());
    const std::int64_t age_s = floor_seconds(now) - from_s;
    for (const Tier tier : series::kTiers) {
      const std::int64_t kept_s = reach[series::place_of(tier)];
      const bool keeps_enough = kept_s <= 0 || kept_s >= age_s;
      if (tier == finest && !keeps_enough && tier != series::kTiers.back()) {
        finest = series::kTiers[series::place_of(tier) + 1];
      }
    }
    question.step_s = usual_step_s(to_s - from_s, finest, series::kTiers.back());
  }
  question.from_s = series::floor_to(from_s, question.step_s);
  question.to_s = rounded_up(to_s, question.step_s);
  return question;
}

}  // namespace tideline::tidectl
