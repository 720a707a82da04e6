#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "storage/series/question.h"

namespace tideline::series {
namespace {

/// What a node of a map takes beside its content, more or less.
constexpr std::size_t kAnswerMapNodeBytes = 48;

/// What was seen of one field in one step.
struct StepSeen {
  std::uint64_t count = 0;
  std::int64_t min = 0;
  std::int64_t max = 0;
  double sum = 0;  // sums of bytes over days and nodes are beyond 2^63
  Sketch sketch;   // for quantiles alone, and then without the others

  /// whole: what the sum is a multiple of. Out of a file it is so but for the rounding of the mean.
  void add(const Summary& cell, double whole) {
    if (cell.count == 0) return;
    const auto kept = static_cast<double>(cell.sum);
    merge_numbers(cell.count, cell.min, cell.max, whole > 1 ? std::round(kept / whole) * whole : kept);
  }
  void add(const Sketch& cell, double /*whole*/) { add(cell); }
  void add(const Sketch& cell) {
    sketch.merge(cell);
    count += cell.count();
  }
  void merge(const StepSeen& other) {
    if (other.count == 0) return;
    if (!other.sketch.empty()) {
      add(other.sketch);
      return;
    }
    merge_numbers(other.count, other.min, other.max, other.sum);
  }
  std::size_t bytes() const {
    return sizeof(StepSeen) + kAnswerMapNodeBytes + sketch.bins().size() * sizeof(Sketch::Bin);
  }

 private:
  void merge_numbers(std::uint64_t other_count, std::int64_t other_min, std::int64_t other_max, double other_sum) {
    min = count == 0 ? other_min : std::min(min, other_min);
    max = count == 0 ? other_max : std::max(max, other_max);
    sum += other_sum;
    count += other_count;
  }
};
using StepsSeen = std::map<std::int64_t, StepSeen>;  // by the step's begin

/// Values of several subjects in one step.
struct StepCombined {
  std::uint64_t subjects = 0;
  double sum = 0;
  double least = 0;
  double most = 0;

  void add(double value) {
    least = subjects == 0 ? value : std::min(least, value);
    most = subjects == 0 ? value : std::max(most, value);
    sum += value;
    ++subjects;
  }
  double value(Across across) const {
    switch (across) {
      case Across::kMean:
        return sum / static_cast<double>(subjects);
      case Across::kMin:
        return least;
      case Across::kMax:
        return most;
      default:
        return sum;
    }
  }
};

/// Each sample of it counts things that happened; of others it is a state.
bool counts_things(Field field) {
  return field == Field::kReports || field == Field::kReportsLost;
}

template <class Column>
const Column* answer_column(const std::vector<Column>& columns, Field field) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [field](const Column& column) { return column.field == field; });
  return found == columns.end() ? nullptr : &*found;
}

model::Error answer_too_large(std::string_view what) {
  return {model::ErrorCode::kOverloaded,
          fmt::format("question: {}: ask for fewer nodes or fields, or combine subjects", what)};
}

}  // namespace

class Answer::Work {
 public:
  Work(const Question& question, PageRange page)
      : kind_(question.kind),
        subject_(question.subject),
        fields_(question.fields),
        tier_(question.tier),
        step_s_(question.step_s),
        aggregate_(question.aggregate),
        quantile_(question.quantile),
        across_(question.across),
        within_(is_within_blocks(question)),
        page_(page) {
    std::sort(fields_.begin(), fields_.end());
    together_.resize(fields_.size());
    combined_.resize(fields_.size());
  }

  model::Result<void> add(const model::NodeName& node, const Table& table);
  std::vector<AnswerSeries> finish();

 private:
  /// By fields_. What is open is of steps of which other tables may know more.
  struct OfSubject {
    std::vector<std::vector<AnswerPoint>> points;
    std::vector<StepsSeen> open;
  };

  /// nullptr: there would be one too many.
  OfSubject* of(const model::NodeName& node, const std::string& subject);
  void add_field(std::size_t place, const Table& table, OfSubject* mine);
  template <class Cells>
  void add_cells(std::size_t place, const std::vector<std::int64_t>& times, const Cells& cells, OfSubject* mine);
  /// All that one table knows of a step.
  void settle(std::size_t place, std::int64_t step, StepSeen&& seen, OfSubject* mine);
  void hold(StepsSeen& steps, std::int64_t step, StepSeen&& seen);
  /// All that is known of a subject in a step.
  void give(std::size_t place, std::int64_t step, double value, OfSubject* mine);
  double value_of(std::size_t place, const StepSeen& seen) const;
  std::vector<AnswerPoint> points_together(std::size_t place) const;

  SubjectKind kind_;
  std::string subject_;
  std::vector<Field> fields_;
  Tier tier_;
  std::int64_t step_s_;
  Aggregate aggregate_;
  double quantile_;
  Across across_;
  bool within_;
  PageRange page_;

  std::map<std::pair<std::string, std::string>, OfSubject> subjects_;  // node and name; where they are kept apart
  std::vector<StepsSeen> together_;                                    // by fields_; of kAll
  std::vector<std::map<std::int64_t, StepCombined>> combined_;         // likewise; neither of kEach nor of kAll
  std::size_t held_bytes_ = 0;
};

model::Result<void> Answer::Work::add(const model::NodeName& node, const Table& table) {
  if (table.tier != tier_) {
    return model::invalid(fmt::format("question: a table of node {} is of the tier {}, and {} is asked", node.str(),
                                      name_of(table.tier), name_of(tier_)));
  }
  if (table.subject.kind != kind_ || (!subject_.empty() && table.subject.name != subject_)) return {};
  OfSubject* mine = nullptr;
  if (across_ == Across::kEach || (across_ != Across::kAll && !within_)) {
    mine = of(node, table.subject.name);
    if (mine == nullptr) {
      return answer_too_large(fmt::format("its answer has more than {} series", QuestionLimits::kMaxSeries));
    }
  }
  for (std::size_t place = 0; place < fields_.size(); ++place)
    add_field(place, table, mine);
  if (held_bytes_ <= QuestionLimits::kMaxHeldBytes) return {};
  return answer_too_large(fmt::format("from {} s on it takes more than {} MiB to answer", page_.from_s,
                                      QuestionLimits::kMaxHeldBytes >> 20));
}

Answer::Work::OfSubject* Answer::Work::of(const model::NodeName& node, const std::string& subject) {
  std::pair key(node.str(), subject);
  if (const auto found = subjects_.find(key); found != subjects_.end()) return &found->second;
  if (across_ == Across::kEach && (subjects_.size() + 1) * fields_.size() > QuestionLimits::kMaxSeries) return nullptr;
  held_bytes_ += kAnswerMapNodeBytes + sizeof(key) + key.first.size() + key.second.size() + sizeof(OfSubject) +
                 fields_.size() * (sizeof(std::vector<AnswerPoint>) + sizeof(StepsSeen));
  OfSubject& made = subjects_[std::move(key)];
  made.points.resize(fields_.size());
  made.open.resize(fields_.size());
  return &made;
}

void Answer::Work::add_field(std::size_t place, const Table& table, OfSubject* mine) {
  if (aggregate_ == Aggregate::kQuantile) {
    const auto* column = answer_column(table.sketches, fields_[place]);
    if (column != nullptr) add_cells(place, table.times, column->cells, mine);
  } else {
    const auto* column = answer_column(table.fields, fields_[place]);
    if (column != nullptr) add_cells(place, table.times, column->cells, mine);
  }
}

template <class Cells>
void Answer::Work::add_cells(std::size_t place, const std::vector<std::int64_t>& times, const Cells& cells,
                             OfSubject* mine) {
  const auto row_of = [&times](std::int64_t time) {
    return static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time) - times.begin());
  };
  const Field field = fields_[place];
  const double whole = counts_things(field) ? static_cast<double>(scale_of(field)) : 1;
  const std::size_t end = row_of(page_.to_s);
  for (std::size_t row = row_of(page_.from_s); row < end;) {
    const std::int64_t step = floor_to(times[row], step_s_);
    StepSeen seen;
    for (; row < end && times[row] < step + step_s_; ++row)
      seen.add(cells[row], whole);
    if (seen.count > 0) settle(place, step, std::move(seen), mine);
  }
}

void Answer::Work::settle(std::size_t place, std::int64_t step, StepSeen&& seen, OfSubject* mine) {
  if (across_ == Across::kAll) {
    hold(together_[place], step, std::move(seen));
  } else if (within_) {
    give(place, step, value_of(place, seen), mine);
  } else {
    hold(mine->open[place], step, std::move(seen));
  }
}

void Answer::Work::hold(StepsSeen& steps, std::int64_t step, StepSeen&& seen) {
  const auto [at, made] = steps.try_emplace(step);
  StepSeen& held = at->second;
  if (made) {
    held = std::move(seen);
  } else {
    held_bytes_ -= held.bytes();
    held.merge(seen);
  }
  held_bytes_ += held.bytes();
}

void Answer::Work::give(std::size_t place, std::int64_t step, double value, OfSubject* mine) {
  if (across_ == Across::kEach) {
    mine->points[place].push_back({.time_s = step, .value = value});
    held_bytes_ += sizeof(AnswerPoint);
    return;
  }
  const auto [at, made] = combined_[place].try_emplace(step);
  if (made) held_bytes_ += kAnswerMapNodeBytes + sizeof(*at);
  at->second.add(value);
}

double Answer::Work::value_of(std::size_t place, const StepSeen& seen) const {
  const auto scaled = [&] {
    switch (aggregate_) {
      case Aggregate::kMin:
        return static_cast<double>(seen.min);
      case Aggregate::kMax:
        return static_cast<double>(seen.max);
      case Aggregate::kQuantile:
        return static_cast<double>(seen.sketch.quantile(quantile_));
      case Aggregate::kMean:
        break;
    }
    return counts_things(fields_[place]) ? seen.sum : seen.sum / static_cast<double>(seen.count);
  };
  return scaled() / static_cast<double>(scale_of(fields_[place]));
}

std::vector<AnswerPoint> Answer::Work::points_together(std::size_t place) const {
  std::vector<AnswerPoint> points;
  for (const auto& [step, seen] : together_[place])
    points.push_back({.time_s = step, .value = value_of(place, seen)});
  for (const auto& [step, combined] : combined_[place])
    points.push_back({.time_s = step, .value = combined.value(across_)});
  return points;
}

std::vector<AnswerSeries> Answer::Work::finish() {
  for (auto& [name, mine] : subjects_) {
    for (std::size_t place = 0; place < fields_.size(); ++place) {
      for (const auto& [step, seen] : mine.open[place])
        give(place, step, value_of(place, seen), &mine);
      auto& points = mine.points[place];
      std::sort(points.begin(), points.end(),
                [](const AnswerPoint& a, const AnswerPoint& b) { return a.time_s < b.time_s; });
    }
  }
  std::vector<AnswerSeries> series;
  for (std::size_t place = 0; place < fields_.size(); ++place) {
    if (across_ != Across::kEach) {
      series.push_back({.field = fields_[place], .node = "", .subject = "", .points = points_together(place)});
      continue;
    }
    for (auto& [name, mine] : subjects_) {
      series.push_back({.field = fields_[place],
                        .node = name.first,
                        .subject = name.second,
                        .points = std::move(mine.points[place])});
    }
  }
  return series;
}

Answer::Answer(const Question& question, PageRange page) : work_(std::make_unique<Work>(question, page)) {}
Answer::Answer(Answer&& other) noexcept = default;
Answer& Answer::operator=(Answer&& other) noexcept = default;
Answer::~Answer() = default;

model::Result<void> Answer::add(const model::NodeName& node, const Table& table) {
  return work_->add(node, table);
}

std::vector<AnswerSeries> Answer::finish() && {
  return work_->finish();
}

}  // namespace tideline::series
