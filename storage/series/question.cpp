#include "storage/series/question.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "messages/model/report.h"
#include "storage/store/limits.h"

namespace tideline::series {
namespace {

/// The year 10000 either side of the epoch: far from where sums of times overflow.
constexpr std::int64_t kMaxAskedTime = 253'402'300'800;
constexpr std::size_t kMaxAskedSubjectBytes = 2 * model::ReportLimits::kMaxTextBytes + 1;
constexpr std::size_t kMaxShownNameBytes = 80;
/// Cells that hold a sketch each are so much larger than others.
constexpr std::size_t kSketchWeight = 16;

std::string shown_name(std::string_view name) {
  return model::printable(name, kMaxShownNameBytes);
}

std::string_view plural_of(SubjectKind kind) {
  return kind == SubjectKind::kNode ? "nodes" : kind == SubjectKind::kPod ? "pods" : "workloads";
}

bool is_field_of_nodes(Field field) {
  return metric_of(field).has_value() || field == Field::kReports || field == Field::kReportsLost ||
         field == Field::kCpuCapacity || field == Field::kMemoryCapacity;
}

bool is_field_of(Field field, SubjectKind kind) {
  if (is_field_of_nodes(field)) return kind == SubjectKind::kNode;
  if (field == Field::kPods) return kind == SubjectKind::kWorkload;
  return field >= Field::kPodCpu && field <= Field::kQos && kind != SubjectKind::kNode;
}

bool has_quantiles_in(Field field, Tier tier) {
  if (!has_sketch(field)) return false;
  return tier == Tier::kQuarterHour || (tier == Tier::kMinute && is_field_of_nodes(field));
}

/// Names of the fields, of all that may be asked for, for which `wanted` holds.
template <class Wanted>
std::string names_where(const Wanted& wanted) {
  std::vector<std::string> names;
  for (const Field field : all_fields()) {
    if (wanted(field)) names.push_back(name_of(field));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

model::Result<void> check_asked_kinds(const Question& question) {
  if (question.kind > SubjectKind::kWorkload) {
    return model::invalid(
        fmt::format("kind: {} is none: 0 nodes, 1 pods, 2 workloads", static_cast<int>(question.kind)));
  }
  if (const auto tier = static_cast<std::uint8_t>(question.tier); !tier_from(tier)) {
    return model::invalid(fmt::format("tier: {} is none: 1 10s, 2 1m, 3 15m", tier));
  }
  if (question.aggregate > Aggregate::kQuantile) {
    return model::invalid(
        fmt::format("aggregate: {} is none: 0 mean, 1 min, 2 max, 3 quantile", static_cast<int>(question.aggregate)));
  }
  if (question.across > Across::kAll) {
    return model::invalid(fmt::format("across: {} is none: 0 each, 1 sum, 2 mean, 3 min, 4 max, 5 all",
                                      static_cast<int>(question.across)));
  }
  // Not a number is neither.
  if (question.aggregate == Aggregate::kQuantile && !(question.quantile >= 0 && question.quantile <= 1)) {
    return model::invalid(fmt::format("quantile: {} is not 0 to 1", question.quantile));
  }
  return {};
}

model::Result<void> check_asked_subjects(const Question& question) {
  if (question.nodes.size() > QuestionLimits::kMaxNodes) {
    return model::invalid(
        fmt::format("nodes: {} are asked, more than {}", question.nodes.size(), QuestionLimits::kMaxNodes));
  }
  const model::NodeName* before = nullptr;
  for (const model::NodeName& node : question.nodes) {
    if (node.empty() || node.str().size() > store::kMaxNodeNameBytes) {
      return model::invalid(fmt::format("nodes: a name has {} bytes, not 1 to {}: {}", node.str().size(),
                                        store::kMaxNodeNameBytes, shown_name(node.str())));
    }
    if (before != nullptr && *before >= node) {
      return model::invalid(fmt::format("nodes: {} stands after {}: each stands once, by name", shown_name(node.str()),
                                        shown_name(before->str())));
    }
    before = &node;
  }
  const std::string& subject = question.subject;
  if (question.kind == SubjectKind::kNode && !subject.empty()) {
    return model::invalid(fmt::format("subject: {}: of nodes none is named", shown_name(subject)));
  }
  if (subject.size() > kMaxAskedSubjectBytes) {
    return model::invalid(
        fmt::format("subject: its name has {} bytes, more than {}", subject.size(), kMaxAskedSubjectBytes));
  }
  if (question.kind == SubjectKind::kWorkload && !subject.empty() && subject.find('/') == std::string::npos) {
    return model::invalid(fmt::format("subject: {}: a workload's name is namespace/kind/name", shown_name(subject)));
  }
  return {};
}

model::Result<void> check_asked_fields(const Question& question) {
  const auto& fields = question.fields;
  if (fields.empty() || fields.size() > QuestionLimits::kMaxFields) {
    return model::invalid(fmt::format("fields: {} are asked, not 1 to {}", fields.size(), QuestionLimits::kMaxFields));
  }
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    if (std::find(fields.begin(), field, *field) != field) {
      return model::invalid(fmt::format("fields: {} comes twice", name_of(*field)));
    }
    if (is_field_of(*field, question.kind)) continue;
    return model::invalid(
        fmt::format("fields: {} is none of {}, which have {}", name_of(*field), plural_of(question.kind),
                    names_where([&question](Field known) { return is_field_of(known, question.kind); })));
  }
  const std::size_t series = question.nodes.size() * fields.size();
  if (question.kind == SubjectKind::kNode && question.across == Across::kEach && series > QuestionLimits::kMaxSeries) {
    return model::invalid(
        fmt::format("nodes: {} with {} fields each are {} series, more than {}: ask for fewer, or combine them",
                    question.nodes.size(), fields.size(), series, QuestionLimits::kMaxSeries));
  }
  return {};
}

model::Result<void> check_asked_range(const Question& question) {
  const std::int64_t row = step_s(question.tier);
  const std::int64_t step = question.step_s;
  if (step <= 0 || step % row != 0) {
    return model::invalid(
        fmt::format("step: {} s is no multiple of the {} s of the tier {}", step, row, name_of(question.tier)));
  }
  const std::array edges{std::pair("from", question.from_s), std::pair("to", question.to_s)};
  for (const auto& [edge, time] : edges) {
    if (time < -kMaxAskedTime || time > kMaxAskedTime) {
      return model::invalid(fmt::format("{}: {} s is beyond the year 9999", edge, time));
    }
    if (time % step != 0) {
      return model::invalid(fmt::format("{}: {} s is no multiple of the step, {} s", edge, time, step));
    }
  }
  if (question.from_s >= question.to_s) {
    return model::invalid(fmt::format("from: {} s is not before to, {} s", question.from_s, question.to_s));
  }
  const auto steps = static_cast<std::uint64_t>((question.to_s - question.from_s) / step);
  if (steps > QuestionLimits::kMaxSteps) {
    return model::invalid(fmt::format("step: {} s divides the range into {} steps, more than {}", step, steps,
                                      QuestionLimits::kMaxSteps));
  }
  return {};
}

model::Result<void> check_asked_quantiles(const Question& question) {
  if (question.aggregate != Aggregate::kQuantile) return {};
  for (const Field field : question.fields) {
    if (has_quantiles_in(field, question.tier)) continue;
    if (!has_sketch(field)) {
      const auto others = [&question](Field known) { return has_sketch(known) && is_field_of(known, question.kind); };
      return model::invalid(
          fmt::format("aggregate: no quantiles are kept of {}, but of {}", name_of(field), names_where(others)));
    }
    std::vector<std::string_view> tiers;
    for (const Tier tier : kTiers) {
      if (has_quantiles_in(field, tier)) tiers.push_back(name_of(tier));
    }
    return model::invalid(fmt::format("aggregate: no quantiles of {} are kept in the tier {}, but in {}",
                                      name_of(field), name_of(question.tier), fmt::join(tiers, " and ")));
  }
  return {};
}

/// What an Answer holds of one step, or gives of it.
std::size_t cells_of_step(const Question& question) {
  const bool within = is_within_blocks(question);
  const bool apart = question.across == Across::kEach || (question.across != Across::kAll && !within);
  std::size_t cells = question.fields.size();
  if (apart) {
    cells *= std::max<std::size_t>(1, question.nodes.size());
    if (question.kind != SubjectKind::kNode && question.subject.empty()) cells *= model::ReportLimits::kMaxPods;
  }
  if (question.across == Across::kEach) cells = std::min(cells, QuestionLimits::kMaxSeries);
  const bool holds_sketches =
      question.aggregate == Aggregate::kQuantile && (question.across == Across::kAll || !within);
  return std::max<std::size_t>(1, holds_sketches ? cells * kSketchWeight : cells);
}

}  // namespace

model::Result<void> check(const Question& question) {
  using Rule = model::Result<void> (*)(const Question&);
  // In this order: each may take for granted what those before it say.
  for (const Rule rule :
       {check_asked_kinds, check_asked_subjects, check_asked_fields, check_asked_range, check_asked_quantiles}) {
    if (const auto kept = rule(question); !kept) return kept.error().in("question");
  }
  return {};
}

std::optional<Tier> tier_for(std::int64_t step_s, Aggregate aggregate, const std::vector<Field>& fields) {
  std::optional<Tier> coarsest;
  for (const Tier tier : kTiers) {
    const bool has_all =
        aggregate != Aggregate::kQuantile ||
        std::all_of(fields.begin(), fields.end(), [tier](Field field) { return has_quantiles_in(field, tier); });
    if (step_s > 0 && step_s % series::step_s(tier) == 0 && has_all) coarsest = tier;
  }
  return coarsest;
}

PageRange page_of(const Question& question, std::int64_t from_s) {
  const std::int64_t step = question.step_s;
  const std::int64_t from = floor_to(std::clamp(from_s, question.from_s, question.to_s), step);
  const std::int64_t left = (question.to_s - from) / step;

  const std::size_t nodes = std::max<std::size_t>(1, question.nodes.size());
  const auto blocks = static_cast<std::int64_t>(std::max<std::size_t>(1, QuestionLimits::kMaxPageTables / nodes));
  const std::int64_t block = block_s(question.tier);
  const std::int64_t read_until = floor_to(from, block) + blocks * block;
  const std::int64_t by_tables = (floor_to(read_until, step) - from) / step;

  const auto by_points = static_cast<std::int64_t>(QuestionLimits::kMaxPagePoints / cells_of_step(question));
  const std::int64_t steps = std::min(left, std::max<std::int64_t>(1, std::min(by_tables, by_points)));
  return {.from_s = from, .to_s = from + steps * step};
}

}  // namespace tideline::series
