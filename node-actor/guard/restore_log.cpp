#include "node-actor/guard/restore_log.h"

#include <algorithm>

#include "messages/clock/clock.h"

namespace tideline::guard {
namespace {

bool was_written(const RestoreItem& item) {
  return !item.wrote.empty() && item.outcome != RestoreItem::Outcome::kFailed;
}

}  // namespace

void log_restores(AuditRing& audit, const RestoreReport& report, model::Reason reason) {
  const auto add = [&](const std::string& file, const std::string& found, const std::string& wrote) {
    audit.add({clock::wall_now(), model::Controller::kGuard, reason, file, found, wrote});
  };
  for (const auto& item : report.items) {
    if (was_written(item)) add(item.file.path, item.found, item.wrote);
  }
  if (report.cookie_threads > 0) add("core-sched cookies", std::to_string(report.cookie_threads) + " threads", "none");
  if (report.oom_scores > 0) add("oom_score_adj", std::to_string(report.oom_scores) + " processes", "their own");
}

void log_restores(const std::string& state_dir, const RestoreReport& report, model::Reason reason) {
  // The ring is read whole when it is opened: not for nothing.
  const bool nothing = report.cookie_threads == 0 && report.oom_scores == 0 &&
                       std::none_of(report.items.begin(), report.items.end(), was_written);
  if (nothing) return;
  if (auto audit = AuditRing::open(state_dir)) log_restores(*audit, report, reason);
}

}  // namespace tideline::guard
