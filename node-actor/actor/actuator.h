#pragma once
// Brings the kernel to what the arbiter settled: reads what is there, writes what differs, in an order that the kernel
// takes, and puts back what nobody wants any more. A file found as wanted is looked at again only now and then, so that
// a host at rest costs nothing, and somebody who keeps writing our files is answered at that rate and not fought.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/arbiter.h"
#include "node-actor/guard/journal.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/knob.h"
#include "node-actor/kernel/limit_file.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {

class Actuator {
 public:
  /// Performs one write through the guard's gate, and tells of it.
  using Perform = std::function<model::Result<kernel::WriteOutcome>(const model::KernelWrite&)>;
  /// Whether a hold keeps the agent off this group, relative to the tree's root.
  using IsHeld = std::function<bool(const std::string& group)>;
  /// A file that holds what we want is read again after this long; also the rate at which drift is answered.
  static constexpr model::Duration kRecheck = std::chrono::seconds(30);
  /// What failed is tried again after this long.
  static constexpr model::Duration kRetry = std::chrono::seconds(10);
  /// A round writes no longer than this, the rest comes in the next one: each first write waits for the disk, and the
  /// lease is beaten only between rounds.
  static constexpr model::Duration kRoundBudget = std::chrono::milliseconds(200);
  /// So many limits that move have their files kept open, two each at most; the others' are opened for each reading.
  static constexpr std::ptrdiff_t kMostFiles = 512;

  /// `tree` and `journal` must outlive it. What an earlier worker of the journal left in force is put back with the
  /// first apply() that does not want it.
  Actuator(const kernel::CgroupTree& tree, const guard::Journal& journal, Perform perform);

  /// One pod round. Only kFenced is an error: the worker must stop. What the kernel refuses is in problems().
  /// `unchanged`: this is the settlement of the call before; it then costs nothing until a file is due to be looked at.
  /// What is to be put back in a group that is held waits for the end of the hold; no IsHeld: none is.
  model::Result<void> apply(const decide::Settlement& settlement, model::MonoTime now, bool unchanged = false,
                            const IsHeld& is_held = {});

  /// cgroup v1 takes no quota on the besteffort root below one of a group under it: takes those above `limit` away,
  /// ours and others', for below it they bind nothing. That is one write however far the limit falls after. The others'
  /// go back as soon as the kernel takes them again.
  model::Result<void> lift_be_quotas(model::MilliCpu limit);

  /// The quota a group has without us: what was there before, or what is there. kNotFound: no such group.
  model::Result<model::Limit> quota_without_us(const model::GroupRef& group) const;
  /// Likewise its limit on memory, with the one that is there.
  struct MemoryLimits {
    model::MemoryLimit without_us;
    model::MemoryLimit in_force;
  };
  model::Result<MemoryLimits> memory_limits(const model::GroupRef& group) const;
  /// The knob's last reading or write failed.
  bool failed(const decide::KnobRef& knob) const;

  /// Journaled files that others than this actuator gave their record: put back with the next apply() that does not
  /// want them, or, where a write of one tells of them, right after that write.
  void inherit(std::vector<std::string> paths);

  /// All originals were put back by somebody else in this process.
  void forget();

  /// Why a controller's last write or reading failed; empty when all went well.
  const std::map<model::Controller, model::Error>& problems() const { return problems_; }
  /// Knobs whose file holds our value.
  std::size_t owned() const;

 private:
  struct Held {
    std::string group;
    model::KnobValue value;
    model::Controller controller = model::Controller::kNone;
    bool ours = false;    // we wrote it; else it was so already
    bool read = false;    // and `ours` settled by it
    bool failed = false;  // the last reading or write
    model::MonoTime checked;
    std::optional<kernel::LimitFile> file{};  // of `group`, once another value was wanted: this one moves
  };
  struct Job {
    std::string group;
    model::Controller controller = model::Controller::kNone;
    model::Reason reason = model::Reason::kNone;
    std::int64_t period_us = 0;           // as it was read; nothing of this agent's changes one while it plans
    std::optional<std::string> original;  // raw; to be put back
  };
  struct Plan;

  /// Keeps a limit's files open from its first move on, kMostFiles of them at most.
  void keep_open(Held& held, model::Knob knob);
  /// A knob's value without us, and as it is there.
  struct Values {
    model::KnobValue without_us;
    model::KnobValue in_force;
  };
  model::Result<Values> values_of(const model::GroupRef& group, model::Knob knob) const;
  model::Result<kernel::KnobReading> read(Held& held, model::Knob knob);
  void plan_settled(const decide::Settled& settled, model::MonoTime now, bool leaves_idle, Plan& plan);
  /// What is ours, unwanted, and not to wait for kRetry; with the weights of groups that stop being idle.
  std::set<decide::KnobRef> returning(const decide::Settlement& settlement, model::MonoTime now);
  void plan_return(const decide::KnobRef& knob, Plan& plan);
  /// `put_back`: what is inherited meanwhile.
  model::Result<void> carry_out(const Plan& plan, model::MonoTime now,
                                const std::function<model::Result<void>()>& put_back);
  model::Result<void> return_inherited(const decide::Settlement& settlement, model::MonoTime now,
                                       const IsHeld& is_held);
  /// What is journaled of the file; nullopt also for one that holds somebody else's value by now.
  std::optional<std::string> original_of(const std::string& group, const std::string& file,
                                         const std::string& raw) const;
  void fail(model::Controller controller, const model::Error& error);
  /// There is something to do at this time even if nobody wants anything new.
  void look_again(model::MonoTime at) { next_look_ = std::min(next_look_, at); }

  const kernel::CgroupTree& tree_;
  const guard::Journal& journal_;
  Perform perform_;
  std::map<decide::KnobRef, Held> held_;
  model::MonoTime next_look_{INT64_MIN};  // as long as the same is wanted there is nothing to do before it
  std::vector<std::string> inherited_;    // journaled paths that no want of this worker has met, to be put back
  model::MonoTime inherited_tried_{INT64_MIN / 2};
  std::vector<decide::HandsOff> holds_;  // in force when those were tried
  bool inherits_ = false;                // something, since the last write
  std::map<model::Controller, model::Error> problems_;
};

}  // namespace tideline::node
