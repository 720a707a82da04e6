#pragma once
// Reads one page of a question about history in tiers, in turns, so that others have theirs between them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "coordinator/admin/backend.h"

namespace tideline::coordinator {

/// What one page may cost.
struct PageBounds {
  model::Duration turn = std::chrono::milliseconds(100);
  /// Spent on a page of more than one step: then it is begun anew with a quarter of them, and the next page begins
  /// earlier. What is not folded yet is folded on the way, which makes a page of now dearer than one of yesterday. No
  /// turn on it is much longer, as a node may be left in its middle.
  model::Duration attempt = std::chrono::seconds(4);
  /// From its begin, others' turns included: then it is given up. Below AdminServerConfig::backend_deadline.
  model::Duration whole = std::chrono::seconds(25);
};

/// Not for several threads.
class PageReading {
 public:
  using Clock = std::function<model::MonoTime()>;
  /// Asked between tables: true gives the page up.
  using GivesUp = std::function<bool()>;

  /// `query.question` has its nodes, and series::check takes it.
  PageReading(admin::SeriesQuery query, PageBounds bounds, Clock mono_now, GivesUp gives_up = {});

  const series::Question& question() const { return question_; }
  /// One turn. nullopt: there is more to read.
  std::optional<model::Result<admin::SeriesPage>> read_on(const series::SeriesStore& store);

 private:
  void begin(series::PageRange page);
  /// `since`: when it was begun. False: it was left in its middle, as the page takes too long.
  model::Result<bool> read_node(const series::SeriesStore& store, const model::NodeName& node, model::MonoTime since);
  bool is_too_long(model::Duration spent, model::MonoTime now) const;
  std::int64_t steps() const;
  /// Whether a page of fewer steps was begun.
  bool shorten();

  const series::Question question_;
  const PageBounds bounds_;
  const Clock mono_now_;
  const GivesUp gives_up_;
  const model::MonoTime begun_;
  std::vector<series::Subject> only_;  // empty = all subjects
  series::PageRange page_;
  std::optional<series::Answer> answer_;
  std::size_t next_ = 0;      // of the question's nodes
  model::Duration spent_{0};  // on this attempt
};

}  // namespace tideline::coordinator
