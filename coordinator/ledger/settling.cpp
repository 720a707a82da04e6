#include "coordinator/ledger/settling.h"

#include <algorithm>
#include <utility>

#include "coordinator/fleet/application_book.h"
#include "coordinator/fleet/limits.h"

namespace tideline::ledger {
namespace {

/// Averages as of `slot` hold nothing of `doubtful` or before.
bool is_past(std::int64_t doubtful, std::int64_t slot) {
  return slot - doubtful >= static_cast<std::int64_t>(fleet::kAverageSlots);
}

}  // namespace

void Settling::take(const model::Report& report, std::int64_t slot) {
  if (!report.zones.empty() || report.status.zones < 2) knows_zones_ = true;
  if (settled_) return;
  if (!begun_) begun_ = slot;
  take_pods(report, slot);
  for (const auto& application : report.applications)
    applications_.insert(application.name);
  if (went_.size() > fleet::kMaxGonePods || applications_.size() > fleet::ApplicationBook::kMaxRows) {
    begin(report, slot);
    return;
  }
  if (!is_known_at(slot)) return;
  settled_ = true;
  listed_.clear();
  went_.clear();
  applications_.clear();
}

/// As if this were the first report.
void Settling::begin(const model::Report& report, std::int64_t slot) {
  begun_ = slot;
  went_.clear();
  applications_.clear();
  for (const auto& application : report.applications)
    applications_.insert(application.name);
}

void Settling::take_pods(const model::Report& report, std::int64_t slot) {
  std::set<model::PodUid> listed;
  for (const auto& pod : report.pods)
    listed.insert(pod.pod->uid);
  for (const auto& uid : listed_) {
    if (listed.contains(uid)) continue;
    auto& doubtful = went_.try_emplace(uid, *begun_).first->second;
    // What it goes with is its average, which is then a part of this slot's.
    if (!is_past(doubtful, slot)) doubtful = slot;
  }
  listed_ = std::move(listed);
}

bool Settling::is_known_at(std::int64_t slot) const {
  return is_past(*begun_, slot) &&
         std::all_of(went_.begin(), went_.end(), [&](const auto& pod) { return is_past(pod.second, slot); });
}

}  // namespace tideline::ledger
