#pragma once
// A question about history, and its answer out of tables.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "storage/series/table.h"

namespace tideline::series {

/// Over the time of a step, of all its samples: of means each counts with its samples. reports and reports.lost are
/// counts: for kMean they are summed up, also over subjects by kAll, and whole numbers.
enum class Aggregate : std::uint8_t { kMean = 0, kMin = 1, kMax = 2, kQuantile = 3 };
/// Over subjects, of which a workload is one on each of its nodes: kEach: none, a series each. kSum, kMean, kMin, kMax:
/// of the subjects' values of a step. kAll: all samples together, and the aggregate of them.
enum class Across : std::uint8_t { kEach = 0, kSum = 1, kMean = 2, kMin = 3, kMax = 4, kAll = 5 };

struct QuestionLimits {
  static constexpr std::size_t kMaxFields = 16;
  static constexpr std::size_t kMaxNodes = 50'000;
  static constexpr std::size_t kMaxSeries = 10'000;      // of one answer
  static constexpr std::size_t kMaxSteps = 200'000;      // of the range
  static constexpr std::size_t kMaxPagePoints = 50'000;  // of one page, all series together
  static constexpr std::size_t kMaxPageTables = 2'000;   // that one page reads: nodes x blocks, and one block at least
  static constexpr std::size_t kMaxHeldBytes = std::size_t{128} << 20;  // by one Answer, between tables
};

struct Question {
  SubjectKind kind = SubjectKind::kNode;
  std::vector<model::NodeName> nodes;  // by name, each once; those that are asked
  std::string subject;                 // uid or "namespace/kind/name"; "" = all of the kind
  std::vector<Field> fields;           // 1..kMaxFields, each once
  std::int64_t from_s = 0;             // s since the epoch; both multiples of step_s
  std::int64_t to_s = 0;
  Tier tier = Tier::kMinute;
  std::int64_t step_s = 60;  // a multiple of the tier's
  Aggregate aggregate = Aggregate::kMean;
  double quantile = 0.95;  // 0..1, of kQuantile
  Across across = Across::kEach;
};

/// kInvalidArgument names the field and the value that breaks the rules above, a field that is none of the subject's
/// kind, and quantiles of a field or tier that has none (naming those that have).
model::Result<void> check(const Question& question);

/// Each step lies within one block of the tier: one table has all that is known of a subject in it.
constexpr bool is_within_blocks(const Question& question) {
  return block_s(question.tier) % question.step_s == 0;
}

/// The coarsest tier whose step divides `step_s` and that has quantiles if they are asked for; nullopt: none.
std::optional<Tier> tier_for(std::int64_t step_s, Aggregate aggregate, const std::vector<Field>& fields);

struct AnswerPoint {
  std::int64_t time_s = 0;  // begin of the step
  double value = 0;         // in unit_of(field)
  friend bool operator==(const AnswerPoint&, const AnswerPoint&) = default;
};
struct AnswerSeries {
  Field field{};
  std::string node;                 // "" where subjects are combined
  std::string subject;              // likewise, and of a node
  std::vector<AnswerPoint> points;  // oldest first; steps in which nothing is known are left out
  friend bool operator==(const AnswerSeries&, const AnswerSeries&) = default;
};

/// The stretch of the question's range that one page answers, from `from_s` on: as many whole steps as the limits
/// allow, at least one step. to_s of it is where the next page begins: pages from question.from_s on, each from the
/// to_s of the one before, are the range, once. Empty at its end. `from_s` may be anything, and counts as the begin of
/// the step that it is in, or as the nearer end of the range. Where all pods or workloads are kept apart, a node is
/// taken to have ReportLimits::kMaxPods of them at most.
struct PageRange {
  std::int64_t from_s = 0;
  std::int64_t to_s = 0;
};
PageRange page_of(const Question& question, std::int64_t from_s);

/// Answers one page, of a question that was checked, out of the tables of its range, in any order.
class Answer {
 public:
  Answer(const Question& question, PageRange page);
  Answer(Answer&& other) noexcept;
  Answer& operator=(Answer&& other) noexcept;
  ~Answer();
  /// `table`: all that is known of its subject in one block, as SeriesStore::read gives it; rows outside of the page do
  /// not count, and subjects that are not asked for are passed over. kOverloaded beyond kMaxSeries and kMaxHeldBytes,
  /// kInvalidArgument for a table of another tier.
  model::Result<void> add(const model::NodeName& node, const Table& table);
  /// By field, then node, then subject; each subject that was added has a series, also an empty one. Of subjects that
  /// are combined one a field: a step's value is over those of which something is known in it.
  std::vector<AnswerSeries> finish() &&;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace tideline::series
