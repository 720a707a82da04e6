#include "node-actor/actor/be_limit.h"

#include <algorithm>
#include <utility>

namespace tideline::node {

using decide::CurrentLimit;
using model::ErrorCode;
using model::MilliCpu;
using model::Result;

BeLimit::BeLimit(BeQuota quota, LiftPods lift_pods) : quota_(std::move(quota)), lift_pods_(std::move(lift_pods)) {}

CurrentLimit BeLimit::whole() const {
  return root_.kind == CurrentLimit::Kind::kQuota ? CurrentLimit::of(root_.quota + outside_) : root_;
}

std::optional<BeQuota::Foreign> BeLimit::seen(const model::HostCounters& counters) {
  const auto inode = counters.best_effort.inode;
  // A group that was made again never held ours.
  if (inode_ != 0 && inode != 0 && inode != inode_) disown();
  if (inode != 0) inode_ = inode;
  if (!counters.be_limit_known) {
    root_ = CurrentLimit::unknown();
    missing_knob_ = quota_.missing_knob();
    return std::nullopt;
  }
  missing_knob_.clear();
  root_ = counters.be_limit ? CurrentLimit::of(*counters.be_limit) : CurrentLimit::none();
  if (!ours_) return std::nullopt;
  auto foreign = root_ == CurrentLimit::of(*ours_) ? std::nullopt : quota_.foreign();
  if (!foreign) {
    pace_.gone();
    return std::nullopt;
  }
  const bool lower = root_.kind == CurrentLimit::Kind::kQuota && root_.quota < *ours_;
  return pace_.found(counters.at, lower) ? foreign : std::nullopt;
}

std::optional<MilliCpu> BeLimit::overwritten(model::MonoTime now) const {
  return ours_ && pace_.waits(now) ? std::optional(*ours_ + outside_) : std::nullopt;
}

void BeLimit::disown() {
  quota_.disown();
  ours_.reset();
  pace_ = {};
}

Result<void> BeLimit::limit(MilliCpu whole, MilliCpu root, model::Reason reason, model::MonoTime at) {
  auto now = quota_.limit(root, reason);
  if (!now && now.error().code() == ErrorCode::kInvalidArgument) {
    if (const auto lifted = lift_pods_(root); !lifted) return lifted.error();
    now = quota_.limit(root, reason);
  }
  if (now) {
    outside_ = whole - root;
    ours_ = root;
    pace_.answered(at);
    changed_ = at;
  }
  return settle(now);
}

Result<void> BeLimit::release(model::Reason reason) {
  outside_ = MilliCpu(0);
  const auto now = quota_.release(reason);
  if (now) disown();
  return settle(now);
}

Result<void> BeLimit::settle(const Result<CurrentLimit>& now) {
  if (now) {
    problem_.clear();
    root_ = *now;
    return {};
  }
  if (now.error().code() == ErrorCode::kFenced) return now.error();
  root_ = CurrentLimit::unknown();
  if (now.error().code() != ErrorCode::kNotFound) problem_ = now.error().message();
  return now.error();
}

void BeLimit::fall_outside(MilliCpu whole) {
  if (root_.kind != CurrentLimit::Kind::kQuota || root_.quota + outside_ <= whole) return;
  outside_ = std::max(whole - root_.quota, MilliCpu(0));
}

void BeLimit::forget() {
  quota_.forget();
  disown();
  root_ = CurrentLimit::unknown();
  outside_ = MilliCpu(0);
}

}  // namespace tideline::node
