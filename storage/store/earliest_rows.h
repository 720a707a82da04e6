#pragma once
// The `limit` earliest rows of a stream that is nearly in order, in bounded memory.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "messages/model/units.h"
#include "storage/store/history_store.h"

namespace tideline::store {

/// Row has a member `at`. Rows of equal time keep the order they were added in.
template <class Row>
class EarliestRows {
 public:
  explicit EarliestRows(std::size_t limit) : limit_(limit) {}

  void add(Row row) {
    heap_.push_back({std::move(row), added_++});
    std::push_heap(heap_.begin(), heap_.end(), before);
    if (heap_.size() > limit_ + 1) {
      std::pop_heap(heap_.begin(), heap_.end(), before);
      heap_.pop_back();
    }
  }

  /// No row from `time` on can still change the page.
  bool settled_at(model::WallTime time) const { return heap_.size() > limit_ && heap_.front().row.at <= time; }

  Page<Row> page() && {
    std::sort_heap(heap_.begin(), heap_.end(), before);
    Page<Row> page;
    page.truncated = heap_.size() > limit_;
    if (page.truncated) heap_.pop_back();
    page.rows.reserve(heap_.size());
    for (auto& entry : heap_)
      page.rows.push_back(std::move(entry.row));
    return page;
  }

 private:
  struct Entry {
    Row row;
    std::uint64_t order;
  };
  static bool before(const Entry& a, const Entry& b) {
    return a.row.at != b.row.at ? a.row.at < b.row.at : a.order < b.order;
  }

  std::size_t limit_;
  std::uint64_t added_ = 0;
  std::vector<Entry> heap_;
};

}  // namespace tideline::store
