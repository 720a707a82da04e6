// Of NodeLoop: whom operators' holds and its own pod keep it off, and that all goes back.
#include <algorithm>

#include "messages/clock/clock.h"
#include "node-actor/actor/node_loop.h"
#include "node-actor/guard/restore.h"

namespace tideline::node {

void NodeLoop::keep_off_own_pod() {
  drop_ended_holds(clock::mono_now());
  const auto own = own_pod_.look(pods_);
  const bool holds_root = own && own->what.group == tree_.best_effort();
  if (own != own_hold_) own_restore_due_ = holds_root;
  // A limit on besteffort from before would stay, now that nobody may write there.
  if (own_restore_due_) {
    const auto back = put_all_back();
    if (!back) note_trouble(back.error());
    own_restore_due_ = !back;
  }
  if (own == own_hold_) return;
  auto ordered = holds_;
  std::erase_if(ordered, [&](const decide::Hold& hold) { return own_hold_ == hold; });
  own_hold_ = own;
  if (const auto done = set_hands_off(std::move(ordered)); !done) note_trouble(done.error());
}

model::Result<void> NodeLoop::set_hands_off(std::vector<decide::Hold> holds) {
  if (own_hold_) holds.push_back(*own_hold_);
  const auto is_release = [](const decide::Hold& hold) { return hold.what.release; };
  const bool released = std::any_of(holds_.begin(), holds_.end(), is_release);
  const bool release = std::any_of(holds.begin(), holds.end(), is_release);
  drop_ended_holds(clock::mono_now());
  for (auto& event : decide::changes(holds_, holds, clock::wall_now()))
    note(std::move(event));
  holds_ = std::move(holds);
  // A record that is left is one that could not be put back.
  const bool nothing_left =
      journal_.records().empty() && cpu_side_->cookies_owned() == 0 && memory_side_->scores_owned() == 0;
  if (!release || (released && nothing_left)) return {};
  return put_all_back();
}

bool NodeLoop::end_writes() {
  const bool knobs_ended = slow_writes_.forget();
  const bool relief_ended = memory_side_->end_writes();
  return knobs_ended && relief_ended;
}

model::Result<void> NodeLoop::put_all_back() {
  if (!lease_.still_mine()) {
    return model::Error(model::ErrorCode::kFenced, "nothing put back: another owner took the lease");
  }
  const bool writes_ended = end_writes();
  auto report = guard::restore(journal_, guard::RestoreMode::kAllOriginals, false);
  guard::settle(journal_, report);
  std::string failed;
  for (const auto& item : report.items) {
    const bool went_wrong = item.outcome == guard::RestoreItem::Outcome::kFailed;
    if (went_wrong) failed += (failed.empty() ? "" : "; ") + guard::line_of(item);
    if (went_wrong || item.wrote.empty()) continue;
    note({clock::wall_now(), model::Controller::kGuard, model::Reason::kRelease, tree_.below_root(item.file.path),
          item.found, item.wrote});
  }
  if (const auto released = cpu_side_->release_cookies(); !released) {
    failed += (failed.empty() ? "" : "; ") + released.error().message();
  }
  if (!writes_ended) {
    failed += (failed.empty() ? "" : "; ") + std::string("a write of memory is stuck in the kernel and may end later");
  }
  if (const auto released = memory_side_->release_scores(); !released) {
    failed += (failed.empty() ? "" : "; ") + released.error().message();
  }
  suppress_ = {};
  be_limit_.forget();
  cpu_side_->forget();
  memory_side_->forget();
  if (failed.empty()) return {};
  return model::Error(model::ErrorCode::kUnavailable, "not everything could be put back: " + failed);
}

void NodeLoop::drop_ended_holds(model::MonoTime now) {
  std::erase_if(holds_, [&](const decide::Hold& hold) {
    if (!decide::is_over(hold, now)) return false;
    note(model::over(hold.what, clock::wall_now(), model::Controller::kGuard, "expired"));
    return true;
  });
}

}  // namespace tideline::node
