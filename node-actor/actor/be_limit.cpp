#include "node-actor/actor/be_limit.h"

#include <algorithm>
#include <utility>

#include "messages/clock/clock.h"

namespace tideline::node {

using decide::CurrentLimit;
using model::ErrorCode;
using model::MilliCpu;
using model::Result;

BeLimit::BeLimit(BeQuota quota, LowerPods lower_pods) : quota_(std::move(quota)), lower_pods_(std::move(lower_pods)) {}

CurrentLimit BeLimit::whole() const {
  return root_.kind == CurrentLimit::Kind::kQuota ? CurrentLimit::of(root_.quota + outside_) : root_;
}

void BeLimit::seen(const model::HostCounters& counters) {
  if (!counters.be_limit_known) {
    root_ = CurrentLimit::unknown();
    missing_knob_ = quota_.missing_knob();
    return;
  }
  missing_knob_.clear();
  root_ = counters.be_limit ? CurrentLimit::of(*counters.be_limit) : CurrentLimit::none();
}

Result<void> BeLimit::limit(MilliCpu whole, MilliCpu root, model::Reason reason) {
  auto now = quota_.limit(root, reason);
  if (!now && now.error().code() == ErrorCode::kInvalidArgument) {
    if (const auto lowered = lower_pods_(root); !lowered) return lowered.error();
    now = quota_.limit(root, reason);
  }
  if (now) {
    outside_ = whole - root;
    changed_ = clock::mono_now();
  }
  return settle(now);
}

Result<void> BeLimit::release(model::Reason reason) {
  outside_ = MilliCpu(0);
  return settle(quota_.release(reason));
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
  root_ = CurrentLimit::unknown();
  outside_ = MilliCpu(0);
}

}  // namespace tideline::node
