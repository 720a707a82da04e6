#include "storage/store/range_set.h"

#include <algorithm>

namespace tideline::store {

std::optional<RangeSet> RangeSet::from_ranges(std::vector<Range> ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].first > ranges[i].last) return std::nullopt;
    // Two steps, as last + 1 may wrap.
    if (i > 0 && (ranges[i].first <= ranges[i - 1].last || ranges[i].first - ranges[i - 1].last == 1)) {
      return std::nullopt;
    }
  }
  RangeSet set;
  set.ranges_ = std::move(ranges);
  return set;
}

std::size_t RangeSet::lower(std::uint64_t number) const {
  const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), number,
                                   [](const Range& range, std::uint64_t n) { return range.last < n; });
  return static_cast<std::size_t>(at - ranges_.begin());
}

bool RangeSet::contains(std::uint64_t number) const {
  const std::size_t i = lower(number);
  return i < ranges_.size() && ranges_[i].first <= number;
}

std::size_t RangeSet::ranges_with(std::uint64_t number) const {
  const std::size_t i = lower(number);
  if (i < ranges_.size() && ranges_[i].first <= number) return ranges_.size();
  const bool joins_next = i < ranges_.size() && ranges_[i].first - number == 1;
  const bool joins_previous = i > 0 && number - ranges_[i - 1].last == 1;
  return ranges_.size() + 1 - (joins_next ? 1 : 0) - (joins_previous ? 1 : 0);
}

bool RangeSet::insert(std::uint64_t number) {
  const std::size_t i = lower(number);
  if (i < ranges_.size() && ranges_[i].first <= number) return false;
  const bool joins_next = i < ranges_.size() && ranges_[i].first - number == 1;
  const bool joins_previous = i > 0 && number - ranges_[i - 1].last == 1;
  const auto at = ranges_.begin() + static_cast<std::ptrdiff_t>(i);
  if (joins_previous && joins_next) {
    ranges_[i - 1].last = ranges_[i].last;
    ranges_.erase(at);
  } else if (joins_previous) {
    ranges_[i - 1].last = number;
  } else if (joins_next) {
    ranges_[i].first = number;
  } else {
    ranges_.insert(at, Range{number, number});
  }
  return true;
}

void RangeSet::drop_lowest() {
  if (!ranges_.empty()) ranges_.erase(ranges_.begin());
}

std::uint64_t RangeSet::prefix_end() const {
  // Sequences start at 1; a set that holds 0 too has the same prefix.
  return contains(1) ? ranges_[lower(1)].last : 0;
}

}  // namespace tideline::store
