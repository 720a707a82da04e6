#include "storage/store/node_index.h"

#include <algorithm>

namespace tideline::store {

const RangeSet* NodeIndex::seqs(model::Incarnation incarnation) const {
  for (const auto& entry : incarnations) {
    if (entry.incarnation == incarnation) return &entry.seqs;
  }
  return nullptr;
}

AppendOutcome NodeIndex::admit(const ReportView& incoming) {
  const model::Report& report = incoming.report;
  const std::uint64_t seq = report.seq.value();
  auto found = std::find_if(incarnations.begin(), incarnations.end(),
                            [&](const auto& entry) { return entry.incarnation == report.incarnation; });
  if (found != incarnations.end()) {
    if (seq <= found->forgotten_through) return AppendOutcome::kRefused;
    if (found->seqs.contains(seq)) return AppendOutcome::kDuplicate;
  } else {
    if (incarnations.size() == kMaxIncarnations) incarnations.erase(incarnations.begin());
    incarnations.push_back({.incarnation = report.incarnation, .seqs = {}});
    found = incarnations.end() - 1;
  }
  while (found->seqs.ranges_with(seq) > kMaxSeqRanges) {
    const std::uint64_t lowest = found->seqs.ranges().front().last;
    if (seq < lowest) return AppendOutcome::kRefused;
    found->seqs.drop_lowest();
    found->forgotten_through = lowest;
  }
  found->seqs.insert(seq);
  std::rotate(found, found + 1, incarnations.end());
  longest_window = std::max(longest_window, report.window);
  last_received = std::max(last_received, incoming.received);
  return AppendOutcome::kStored;
}

bool storable(const model::Report& report) {
  return report.node.str().size() <= kMaxNodeNameBytes && model::validate(report).ok();
}

}  // namespace tideline::store
