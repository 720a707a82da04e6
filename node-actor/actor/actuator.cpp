#include "node-actor/actor/actuator.h"

#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "node-actor/decide/order.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/quota.h"

namespace tideline::node {
namespace {

using decide::KnobRef;
using model::ErrorCode;
using model::Result;

/// Files that another owner in this agent writes: the fast loop's limit with its period.
bool is_fast_loops(const kernel::CgroupTree& tree, const std::string& path) {
  for (const auto* file : {"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max"}) {
    const auto own = tree.path(tree.best_effort(), file);
    if (own && *own == path) return true;
  }
  return false;
}

}  // namespace

struct Actuator::Plan {
  std::vector<decide::Change> changes;
  std::vector<Job> jobs;  // one for each change
};

Actuator::Actuator(const kernel::CgroupTree& tree, const guard::Journal& journal, Perform perform)
    : tree_(tree), journal_(journal), perform_(std::move(perform)) {
  for (const auto& record : journal_.records()) {
    if (!is_fast_loops(tree_, record.file.path)) inherited_.push_back(record.file.path);
  }
}

std::size_t Actuator::owned() const {
  std::size_t count = 0;
  for (const auto& [knob, held] : held_)
    count += held.ours ? 1 : 0;
  return count;
}

void Actuator::forget() {
  held_.clear();
  inherited_.clear();
  problems_.clear();
}

void Actuator::fail(model::Controller controller, const model::Error& error) {
  problems_.insert_or_assign(controller, error);
}

std::optional<std::string> Actuator::original_of(const std::string& group, const std::string& file) const {
  const auto directory = tree_.directory(group, file);
  if (!directory) return std::nullopt;
  const auto held = kernel::open_directory(*directory);
  if (!held) return std::nullopt;
  const auto record = journal_.find({*directory + "/" + file, held->device, held->inode});
  return record ? std::optional(record->original) : std::nullopt;
}

void Actuator::plan_settled(const decide::Settled& settled, model::MonoTime now, Plan& plan) {
  if (settled.held_back != decide::HeldBack::kNone) return;
  const KnobRef knob{settled.group, settled.knob};
  const auto known = held_.find(knob);
  if (known != held_.end() && known->second.value == settled.value) {
    const auto wait = known->second.failed ? kRetry : kRecheck;
    if (now - known->second.checked < wait) {
      return;
    }
  }
  const auto group = kernel::group_path(tree_, settled.group);
  const auto reading =
      group ? kernel::read_knob(tree_, *group, settled.knob) : Result<kernel::KnobReading>(group.error());
  if (!reading) {
    // A pod that is not there yet, or not any more.
    if (reading.error().code() != ErrorCode::kNotFound) fail(settled.controller, reading.error());
    held_.erase(knob);
    return;
  }
  auto& held = held_[knob];
  held.group = *group;
  held.value = settled.value;
  held.controller = settled.controller;
  held.checked = now;
  held.failed = false;
  held.ours = held.ours || original_of(*group, reading->file).has_value();
  if (kernel::same(tree_, settled.knob, settled.value, *reading)) return;
  plan.changes.push_back({settled.group, settled.knob, settled.value, reading->value});
  plan.jobs.push_back({*group, settled.controller, settled.reason, {}});
}

void Actuator::plan_return(const KnobRef& knob, const std::string& group, model::Controller controller,
                           Plan& plan) const {
  const auto reading = kernel::read_knob(tree_, group, knob.knob);
  const auto original = reading ? original_of(group, reading->file) : std::nullopt;
  const auto value =
      original ? kernel::value_of(kernel::version_of(tree_, knob.knob), reading->period_us, knob.knob, *original)
               : std::nullopt;
  if (!value) return;
  plan.changes.push_back({knob.group, knob.knob, *value, reading->value});
  plan.jobs.push_back({group, controller, model::Reason::kNoLongerWanted, original});
}

Result<void> Actuator::carry_out(const Plan& plan, model::MonoTime now) {
  for (const auto& step : decide::order(plan.changes)) {
    const auto& change = plan.changes[step.change];
    const auto& job = plan.jobs[step.change];
    auto write = kernel::knob_write(tree_, job.group, change.knob, step.value, job.controller, job.reason);
    // The last write of a return is the very text that was there.
    if (job.original && step.value == change.target) {
      write =
          model::KernelWrite{.group = job.group,
                             .file = std::string(kernel::file_of(kernel::version_of(tree_, change.knob), change.knob)),
                             .value = *job.original,
                             .controller = job.controller,
                             .reason = job.reason};
    }
    const auto outcome = write ? perform_(*write) : Result<kernel::WriteOutcome>(write.error());
    const auto held = held_.find({change.group, change.knob});
    if (outcome) {
      if (held != held_.end() && outcome->changed) held->second.ours = true;
      continue;
    }
    if (outcome.error().code() == ErrorCode::kFenced) return outcome.error();
    if (outcome.error().code() == ErrorCode::kNotFound) {
      if (held != held_.end()) held_.erase(held);
      continue;
    }
    if (held != held_.end()) {
      held->second.failed = true;
      held->second.checked = now;
    }
    fail(job.controller, outcome.error());
  }
  return {};
}

Result<void> Actuator::apply(const decide::Settlement& settlement, model::MonoTime now) {
  std::erase_if(problems_, [&](const auto& problem) {
    // A failed write keeps its problem until it is tried again.
    for (const auto& [knob, held] : held_) {
      if (held.failed && held.controller == problem.first && settlement.find(knob) != nullptr) return false;
    }
    return true;
  });
  Plan plan;
  for (const auto& settled : settlement.settled)
    plan_settled(settled, now, plan);
  std::vector<KnobRef> ours;
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->second.ours) ours.push_back(held->first);
    const bool forgotten = !held->second.ours && settlement.find(held->first) == nullptr;
    held = forgotten ? held_.erase(held) : std::next(held);
  }
  for (const auto& knob : decide::unwanted(ours, settlement)) {
    const auto held = held_.extract(knob);
    plan_return(knob, held.mapped().group, held.mapped().controller, plan);
    // A group that was idle comes back with the kernel's default weight, not its own.
    const KnobRef weight{knob.group, model::Knob::kCpuWeight};
    if (knob.knob == model::Knob::kCpuIdle && settlement.find(weight) == nullptr) {
      held_.erase(weight);
      plan_return(weight, held.mapped().group, held.mapped().controller, plan);
    }
  }
  if (auto done = carry_out(plan, now); !done) return done;
  return inherited_.empty() ? Result<void>() : return_inherited(settlement);
}

Result<void> Actuator::return_inherited(const decide::Settlement& settlement) {
  if (!settlement.hands_off.empty()) return {};
  auto paths = std::exchange(inherited_, {});
  for (const auto& [knob, held] : held_) {
    const auto path =
        tree_.path(held.group, std::string(kernel::file_of(kernel::version_of(tree_, knob.knob), knob.knob)));
    if (path) std::erase(paths, *path);
  }
  for (const auto& path : paths) {
    const auto slash = path.rfind('/');
    const std::string file = path.substr(slash + 1);
    const auto kubepods = tree_.directory(tree_.kubepods(), file);
    if (!kubepods || !path.starts_with(*kubepods)) continue;
    const std::string group = tree_.kubepods() + path.substr(kubepods->size(), slash - kubepods->size());
    const auto original = original_of(group, file);
    if (!original) continue;
    const auto outcome = perform_({group, file, *original, model::Controller::kGuard, model::Reason::kNoLongerWanted});
    if (outcome || outcome.error().code() == ErrorCode::kNotFound) continue;
    if (outcome.error().code() == ErrorCode::kFenced) return outcome.error();
    fail(model::Controller::kGuard, outcome.error());
  }
  return {};
}

Result<void> Actuator::lower_be_quotas(model::MilliCpu limit) {
  Plan plan;
  for (auto& [knob, held] : held_) {
    const auto* quota = std::get_if<model::Limit>(&held.value);
    const bool below_root =
        knob.group.qos == model::KubeQos::kBestEffort && knob.group.level != model::GroupRef::Level::kRoot;
    if (knob.knob != model::Knob::kCpuQuota || !below_root || quota == nullptr || !quota->cpu || *quota->cpu <= limit) {
      continue;
    }
    plan.changes.push_back({knob.group, knob.knob, model::Limit{limit}, held.value});
    plan.jobs.push_back({held.group, held.controller, model::Reason::kBatchLimit, {}});
    held.value = model::Limit{limit};
  }
  return carry_out(plan, {});
}

}  // namespace tideline::node
