#pragma once
// Pages of an answer put together, and the names of pods in it. Bounded, whatever the coordinator says.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "admin-client/connection.h"
#include "admin-client/history_answers.h"
#include "messages/model/result.h"

namespace tideline::tidectl {

struct HeldSeries {
  series::Field field{};
  std::string node;     // "" where subjects are combined
  std::string subject;  // likewise, and of a node
  std::vector<Point> points;
};

/// Series by their place in the question's fields, then by node and subject, points as they came.
class HeldAnswer {
 public:
  explicit HeldAnswer(const SeriesQuestion& question) : question_(question) {}
  /// kOverloaded beyond the bounds below; what is held then is of no use.
  model::Result<void> add(const SeriesPage& page);
  std::size_t points() const { return points_; }
  std::vector<HeldSeries> finish() &&;

  static constexpr std::size_t kMaxPoints = Connection::kMaxPoints;
  static constexpr std::size_t kMaxSeries = 50'000;

 private:
  using Key = std::tuple<std::size_t, std::string, std::string>;
  const SeriesQuestion& question_;
  std::map<Key, HeldSeries> series_;
  std::size_t points_ = 0;
};

/// What a page answers of its question's range, in s.
struct PageSpan {
  std::int64_t from_s = 0;
  std::int64_t to_s = 0;
};

/// Of the pods of pages, by node and uid.
class PodNames {
 public:
  /// Asks for those of the page that were not asked for yet, and had a report in the span. Pods of a node that history
  /// does not know, or that had more of them in it than one answer tells, stay without a name. Where kMost are known
  /// those of earlier pages are let go.
  model::Result<void> learn(Connection& connection, PageSpan span, const SeriesPage& page,
                            const std::function<void(std::size_t nodes, std::size_t of)>& progress = {});
  /// nullptr: not known.
  const series::PodInfo* find(const std::string& node, const std::string& uid) const;
  std::size_t size() const { return pods_.size(); }

  /// More than an answer that is held as a whole can have.
  static constexpr std::size_t kMost = 2 * HeldAnswer::kMaxSeries;

 private:
  std::map<std::pair<std::string, std::string>, std::optional<series::PodInfo>> pods_;
};

/// Pulls the pages of the answer one by one; an error from `take` ends it.
model::Result<void> pull_pages(Connection& connection, const SeriesQuestion& question,
                               const std::function<model::Result<void>(const SeriesPage& page, PageSpan span)>& take);

}  // namespace tideline::tidectl
