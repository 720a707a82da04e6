#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "messages/model/counters.h"
#include "node-actor/actor/be_quota.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/drift_pace.h"

namespace tideline::node {

/// The limit on all of BE that is in force: the besteffort root's quota, and what of the limit is not the root's but
/// that of the BE pods outside it.
class BeLimit {
 public:
  /// cgroup v1: takes quotas of batch pods, which are in the way of a lower one above them, away.
  using LiftPods = std::function<model::Result<void>(model::MilliCpu)>;

  BeLimit(BeQuota quota, LiftPods lift_pods);

  /// An earlier worker limited BE.
  bool inherited() const { return quota_.inherited(); }
  /// The root's quota as far as is known.
  const decide::CurrentLimit& root() const { return root_; }
  /// The same, with what is not the root's where there is a quota.
  decide::CurrentLimit whole() const;
  bool is_divided() const { return outside_.value() > 0; }
  /// When our quota on the root was last written.
  model::MonoTime changed() const { return changed_; }
  /// Why the last wanted write did not happen; "" = it did.
  const std::string& problem() const { return problem_; }
  void clear_problem() { problem_.clear(); }
  /// The quota file that this kernel does not have; "" = it does.
  const std::string& missing_knob() const { return missing_knob_; }

  /// What a pod round read of the root. A value over ours that was not told yet is given back.
  std::optional<BeQuota::Foreign> seen(const model::HostCounters& counters);
  /// A foreign value was found, which counts as told, and ours was not written since.
  bool is_overwritten() const { return pace_.stands(); }
  /// The limit on all of BE of ours that somebody wrote over while the answer waits (see SuppressInput::overwritten).
  std::optional<model::MilliCpu> overwritten(model::MonoTime now) const;
  /// Who writes from now on does so by right: there is no limit of ours to be defended.
  void disown();
  /// `whole` for all of BE, of it `root` for the root. After an error but kFenced the quota counts as unknown;
  /// kNotFound: there is no root to limit.
  model::Result<void> limit(model::MilliCpu whole, model::MilliCpu root, model::Reason reason, model::MonoTime at);
  /// See BeQuota::release. Errors as for limit().
  model::Result<void> release(model::Reason reason);
  /// The limit falls to `whole` while the root's quota may not be written.
  void fall_outside(model::MilliCpu whole);
  /// See BeQuota::forget.
  void forget();

 private:
  model::Result<void> settle(const model::Result<decide::CurrentLimit>& now);

  BeQuota quota_;
  LiftPods lift_pods_;
  decide::CurrentLimit root_;
  std::optional<model::MilliCpu> ours_;  // the root's part as it was last written, while that is to be in force
  decide::DriftPace pace_;
  std::uint64_t inode_ = 0;  // of the root as last seen
  model::MilliCpu outside_;
  model::MonoTime changed_;
  std::string problem_;
  std::string missing_knob_;
};

}  // namespace tideline::node
