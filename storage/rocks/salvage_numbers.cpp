#include "storage/rocks/salvage_numbers.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "storage/store/limits.h"

namespace tideline::rocks {
namespace {

/// Whether it was not there.
bool remember(store::IncarnationSeqs& entry, std::uint64_t number) {
  if (number <= entry.forgotten_through || entry.seqs.contains(number)) return false;
  while (entry.seqs.ranges_with(number) > store::kMaxSeqRanges) {
    entry.forgotten_through = std::max(entry.forgotten_through, entry.seqs.ranges().front().last);
    entry.seqs.drop_lowest();
    if (number <= entry.forgotten_through) return true;
  }
  entry.seqs.insert(number);
  return true;
}

}  // namespace

void see(SeenNumbers& seen, model::Incarnation incarnation, std::uint64_t number, model::WallTime at) {
  SeenNumber& one = seen[incarnation.value()];
  one.highest = std::max(one.highest, number);
  one.newest_ms = std::max(one.newest_ms, at.ms);
}

SalvageNumbers::SalvageNumbers(std::optional<store::NodeIndex> known, SeenNumbers seen)
    : known_(std::move(known)), seen_(std::move(seen)) {}

void SalvageNumbers::add(const store::StoredReport& stored) {
  const model::Report& report = stored.report;
  if (known_) {
    for (store::IncarnationSeqs& entry : known_->incarnations) {
      if (entry.incarnation == report.incarnation && remember(entry, report.seq.value())) lacked_some_ = true;
    }
    return;
  }
  see(seen_, report.incarnation, report.seq.value(), stored.received);
  longest_window_ = std::max(longest_window_, report.window);
  last_received_ = std::max(last_received_, stored.received);
}

store::NodeIndex SalvageNumbers::made_anew() const {
  std::vector<std::pair<std::uint64_t, SeenNumber>> by_age(seen_.begin(), seen_.end());
  std::stable_sort(by_age.begin(), by_age.end(),
                   [](const auto& a, const auto& b) { return a.second.newest_ms < b.second.newest_ms; });
  const std::size_t forgotten = by_age.size() - std::min(by_age.size(), store::kMaxIncarnations);
  store::NodeIndex index;
  for (std::size_t i = forgotten; i < by_age.size(); ++i) {
    store::IncarnationSeqs& entry = index.incarnations.emplace_back();
    entry.incarnation = model::Incarnation(by_age[i].first);
    entry.forgotten_through = by_age[i].second.highest;
  }
  index.longest_window = longest_window_;
  index.last_received = last_received_;
  return index;
}

std::optional<store::NodeIndex> SalvageNumbers::changed() const {
  if (!known_) return made_anew();
  return lacked_some_ ? known_ : std::nullopt;
}

}  // namespace tideline::rocks
