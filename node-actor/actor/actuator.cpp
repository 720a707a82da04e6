#include "node-actor/actor/actuator.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "messages/clock/clock.h"
#include "node-actor/decide/order.h"
#include "node-actor/kernel/child_groups.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/quota.h"

namespace tideline::node {
namespace {

using decide::KnobRef;
using model::ErrorCode;
using model::Result;

/// Files that other owners in this agent write: the fast loop's limits, on CPU with its period, and on memory.
bool is_fast_loops(const kernel::CgroupTree& tree, const std::string& path) {
  for (const auto* file :
       {"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max", "memory.high", "memory.limit_in_bytes"}) {
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
  forget();
}

std::size_t Actuator::owned() const {
  std::size_t count = 0;
  for (const auto& [knob, held] : held_)
    count += held.ours ? 1 : 0;
  return count;
}

void Actuator::forget() {
  held_.clear();
  problems_.clear();
  inherited_.clear();
  next_look_ = model::MonoTime{INT64_MIN};
  // Latest first: what was narrowed from the bottom is widened from the top.
  const auto& records = journal_.records();
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    if (!is_fast_loops(tree_, record->file.path)) inherited_.push_back(record->file.path);
  }
  // CPUs of parents before those of their children, which may get what the parent has (kernel::writable_value).
  const auto length = [](const std::string& path) { return path.ends_with("/cpuset.cpus") ? path.size() : 0; };
  std::stable_sort(inherited_.begin(), inherited_.end(),
                   [&](const std::string& a, const std::string& b) { return length(a) < length(b); });
  // The kernel takes no weight of a group that is idle.
  std::stable_partition(inherited_.begin(), inherited_.end(),
                        [](const std::string& path) { return path.ends_with("/cpu.idle"); });
}

Result<Actuator::Values> Actuator::values_of(const model::GroupRef& group, model::Knob knob) const {
  const auto path = kernel::group_path(tree_, group);
  if (!path) return path.error();
  const auto reading = kernel::read_knob(tree_, *path, knob);
  if (!reading) return reading.error();
  const auto original = original_of(*path, reading->file, reading->raw);
  const auto before =
      original ? kernel::value_of(kernel::version_of(tree_, knob), reading->period_us, knob, *original) : std::nullopt;
  return Values{before.value_or(reading->value), reading->value};
}

Result<model::Limit> Actuator::quota_without_us(const model::GroupRef& group) const {
  const auto values = values_of(group, model::Knob::kCpuQuota);
  if (!values) return values.error();
  return std::get<model::Limit>(values->without_us);
}

Result<Actuator::MemoryLimits> Actuator::memory_limits(const model::GroupRef& group) const {
  const auto values = values_of(group, model::Knob::kMemoryLimit);
  if (!values) return values.error();
  return MemoryLimits{std::get<model::MemoryLimit>(values->without_us), std::get<model::MemoryLimit>(values->in_force)};
}

bool Actuator::failed(const KnobRef& knob) const {
  const auto held = held_.find(knob);
  return held != held_.end() && held->second.failed;
}

void Actuator::inherit(std::vector<std::string> paths) {
  if (paths.empty()) return;
  inherited_.insert(inherited_.end(), std::make_move_iterator(paths.begin()), std::make_move_iterator(paths.end()));
  inherited_tried_ = model::MonoTime{INT64_MIN / 2};
  inherits_ = true;
  look_again(model::MonoTime{INT64_MIN});
}

void Actuator::fail(model::Controller controller, const model::Error& error) {
  problems_.insert_or_assign(controller, error);
}

std::optional<std::string> Actuator::original_of(const std::string& group, const std::string& file,
                                                 const std::string& raw) const {
  const auto directory = tree_.directory(group, file);
  if (!directory) return std::nullopt;
  const auto held = kernel::open_directory(*directory);
  if (!held) return std::nullopt;
  const kernel::FileIdentity identity{*directory + "/" + file, held->device, held->inode};
  const auto record = journal_.find(identity);
  if (!record || journal_.ownership(identity, raw) == guard::Ownership::kForeign) return std::nullopt;
  return record->original;
}

void Actuator::keep_open(Held& held, model::Knob knob) {
  if (held.file || (knob != model::Knob::kCpuQuota && knob != model::Knob::kCpuBurst)) return;
  const auto kept =
      std::count_if(held_.begin(), held_.end(), [](const auto& each) { return each.second.file.has_value(); });
  if (kept < kMostFiles) held.file.emplace(tree_, held.group, knob);
}

Result<kernel::KnobReading> Actuator::read(Held& held, model::Knob knob) {
  return held.file ? held.file->read() : kernel::read_knob(tree_, held.group, knob);
}

void Actuator::plan_settled(const decide::Settled& settled, model::MonoTime now, bool leaves_idle, Plan& plan) {
  if (settled.held_back != decide::HeldBack::kNone) return;
  const KnobRef knob{settled.group, settled.knob};
  const auto known = held_.find(knob);
  // The kernel changes the weight of a group that stops being idle.
  const bool stands = !(leaves_idle && settled.knob == model::Knob::kCpuWeight);
  if (known != held_.end() && known->second.value == settled.value && stands) {
    const auto wait = known->second.failed ? kRetry : kRecheck;
    if (now - known->second.checked < wait) return look_again(known->second.checked + wait);
  }
  auto& held = known != held_.end() ? known->second : held_[knob];
  if (known != held_.end() && !held.group.empty() && held.value != settled.value) keep_open(held, settled.knob);
  held.value = settled.value;
  held.controller = settled.controller;
  held.checked = now;
  held.failed = false;
  look_again(now + kRecheck);
  // Where the group was found before it is found again without a search.
  auto reading = held.group.empty() ? Result<kernel::KnobReading>(model::Error(ErrorCode::kNotFound, {}))
                                    : read(held, settled.knob);
  if (!reading && reading.error().code() == ErrorCode::kNotFound) {
    held.read = false;
    held.file.reset();
    auto group = kernel::group_path(tree_, settled.group);
    held.group = group.value_or({});
    reading = group ? kernel::read_knob(tree_, *group, settled.knob) : Result<kernel::KnobReading>(group.error());
  }
  if (!reading) {
    if (reading.error().code() != ErrorCode::kNotFound) {
      held.failed = true;
      look_again(now + kRetry);
      return fail(settled.controller, reading.error());
    }
    // A pod that starts has its group soon; nothing in a group that is gone is ours.
    constexpr model::Duration kSoon = std::chrono::seconds(1);
    held.ours = false;
    held.checked = now + (kSoon - kRecheck);
    return look_again(now + kSoon);
  }
  if (!std::exchange(held.read, true)) {
    held.ours = held.ours || original_of(held.group, reading->file, reading->raw).has_value();
  }
  if (kernel::same(tree_, settled.knob, settled.value, *reading)) return;
  plan.changes.push_back({settled.group, settled.knob, settled.value, reading->value});
  plan.jobs.push_back({held.group, settled.controller, settled.reason, reading->period_us, {}});
}

void Actuator::plan_return(const KnobRef& knob, Plan& plan) {
  auto& held = held_.at(knob);
  const auto reading = read(held, knob.knob);
  if (!reading) {
    if (reading.error().code() == ErrorCode::kNotFound) return;
    held.failed = true;
    return fail(held.controller, reading.error());
  }
  const auto original = original_of(held.group, reading->file, reading->raw);
  const auto value =
      original ? kernel::value_of(kernel::version_of(tree_, knob.knob), reading->period_us, knob.knob, *original)
               : std::nullopt;
  if (!value) return;
  plan.changes.push_back({knob.group, knob.knob, *value, reading->value});
  plan.jobs.push_back({held.group, held.controller, model::Reason::kNoLongerWanted, reading->period_us, original});
}

Result<void> Actuator::carry_out(const Plan& plan, model::MonoTime now, const std::function<Result<void>()>& put_back) {
  const auto begun = clock::mono_now();
  for (const auto& step : decide::order(plan.changes)) {
    const auto& change = plan.changes[step.change];
    const auto& job = plan.jobs[step.change];
    const auto held = held_.find({change.group, change.knob});
    if (clock::mono_now() - begun > kRoundBudget) {
      if (held != held_.end()) {
        held->second.failed = true;
        held->second.checked = now + (-kRetry);
      }
      look_again(now);
      continue;
    }
    auto write = kernel::knob_write(kernel::version_of(tree_, change.knob), job.period_us, job.group, change.knob,
                                    step.value, job.controller, job.reason);
    // The last write of a return is the very text that was there.
    if (job.original && step.value == change.target) {
      write =
          model::KernelWrite{.group = job.group,
                             .file = std::string(kernel::file_of(kernel::version_of(tree_, change.knob), change.knob)),
                             .value = *job.original,
                             .controller = job.controller,
                             .reason = job.reason};
    }
    inherits_ = false;
    const auto outcome = write ? perform_(*write) : Result<kernel::WriteOutcome>(write.error());
    if (outcome) {
      if (held != held_.end() && outcome->changed) held->second.ours = true;
      // CPUs of a group that are to go back now are what those below it need for the writes to come.
      if (!std::exchange(inherits_, false)) continue;
      if (auto done = put_back(); !done) return done;
      continue;
    }
    if (outcome.error().code() == ErrorCode::kFenced) return outcome.error();
    if (outcome.error().code() == ErrorCode::kNotFound) {
      if (held != held_.end()) held_.erase(held);
      look_again(now);
      continue;
    }
    if (held != held_.end()) {
      held->second.failed = true;
      held->second.checked = now;
    }
    look_again(now + kRetry);
    fail(job.controller, outcome.error());
  }
  return {};
}

std::set<KnobRef> Actuator::returning(const decide::Settlement& settlement, model::MonoTime now) {
  std::vector<KnobRef> ours;
  for (auto held = held_.begin(); held != held_.end();) {
    const auto* wanted = settlement.find(held->first);
    const bool stays = wanted != nullptr && wanted->held_back != decide::HeldBack::kDryRun;
    if (held->second.ours && !stays) ours.push_back(held->first);
    const bool forgotten = !held->second.ours && wanted == nullptr;
    held = forgotten ? held_.erase(held) : std::next(held);
  }
  std::set<KnobRef> found;
  for (const auto& knob : decide::unwanted(ours, settlement)) {
    auto& held = held_.at(knob);
    if (held.failed && now - held.checked < kRetry) {
      look_again(held.checked + kRetry);
      continue;
    }
    held.failed = false;
    held.checked = now;
    found.insert(knob);
    if (knob.knob != model::Knob::kCpuIdle) continue;
    // A group that was idle comes back with the kernel's default weight, not its own.
    const KnobRef weight{knob.group, model::Knob::kCpuWeight};
    const auto* wanted = settlement.find(weight);
    if (wanted != nullptr && wanted->held_back != decide::HeldBack::kDryRun) continue;
    held_[weight] = Held{.group = held.group,
                         .value = model::Number{},
                         .controller = held.controller,
                         .ours = true,
                         .failed = false,
                         .checked = now};
    found.insert(weight);
  }
  return found;
}

Result<void> Actuator::apply(const decide::Settlement& settlement, model::MonoTime now, bool unchanged,
                             const IsHeld& is_held) {
  // A problem is told until a round without it: those are rounds to go through.
  if (unchanged && now < next_look_ && problems_.empty()) return {};
  next_look_ = model::MonoTime{INT64_MAX};
  std::erase_if(problems_, [&](const auto& problem) {
    // What failed is a problem until it is tried again.
    return std::none_of(held_.begin(), held_.end(), [&](const auto& each) {
      return each.second.failed && each.second.controller == problem.first;
    });
  });
  Plan plan;
  const auto leaving = returning(settlement, now);
  for (const auto& settled : settlement.settled)
    plan_settled(settled, now, !leaving.empty() && leaving.contains({settled.group, model::Knob::kCpuIdle}), plan);
  for (const auto& knob : leaving)
    plan_return(knob, plan);
  auto done = carry_out(plan, now, [&] { return return_inherited(settlement, now, is_held); });
  for (const auto& knob : leaving) {
    const auto held = held_.find(knob);
    if (held == held_.end()) continue;
    if (held->second.failed) {
      look_again(held->second.checked + kRetry);
    } else {
      held_.erase(held);
    }
  }
  if (!done || inherited_.empty()) return done;
  done = return_inherited(settlement, now, is_held);
  if (!inherited_.empty()) look_again(std::max(now, inherited_tried_ + kRetry));
  return done;
}

Result<void> Actuator::return_inherited(const decide::Settlement& settlement, model::MonoTime now,
                                        const IsHeld& is_held) {
  // What a hold kept back goes as soon as that ends.
  if (settlement.hands_off == holds_ && now - inherited_tried_ < kRetry) return {};
  holds_ = settlement.hands_off;
  inherited_tried_ = now;
  auto paths = std::exchange(inherited_, {});
  for (auto& [knob, held] : held_) {
    const auto path =
        tree_.path(held.group, std::string(kernel::file_of(kernel::version_of(tree_, knob.knob), knob.knob)));
    // What is journaled is put back once nobody wants it, also where it never had to be written.
    if (path && std::erase(paths, *path) > 0) held.ours = true;
    // The kernel takes no weight of an idle group: returning() puts that back with idle.
    if (knob.knob != model::Knob::kCpuIdle || !held.ours || held.value != model::KnobValue(model::Number{1})) continue;
    const auto weight = tree_.path(held.group, std::string(kernel::file_of(tree_.version(), model::Knob::kCpuWeight)));
    if (weight) std::erase(paths, *weight);
  }
  for (const auto& path : paths) {
    const auto slash = path.rfind('/');
    const std::string file = path.substr(slash + 1);
    const auto kubepods = tree_.directory(tree_.kubepods(), file);
    if (!kubepods || !path.starts_with(*kubepods)) continue;
    const std::string group = tree_.kubepods() + path.substr(kubepods->size(), slash - kubepods->size());
    if (is_held && is_held(group)) {
      inherited_.push_back(path);
      continue;
    }
    const auto raw = kernel::read_file(path);
    const auto original = raw ? original_of(group, file, *raw) : std::nullopt;
    if (!original) continue;
    const auto outcome = perform_({group, file, *original, model::Controller::kGuard, model::Reason::kNoLongerWanted});
    if (outcome || outcome.error().code() == ErrorCode::kNotFound) continue;
    if (outcome.error().code() == ErrorCode::kFenced) return outcome.error();
    fail(model::Controller::kGuard, outcome.error());
    inherited_.push_back(path);
  }
  // Of groups in groups each level is told of by the one above.
  return std::exchange(inherits_, false) ? return_inherited(settlement, now, is_held) : Result<void>{};
}

Result<void> Actuator::lift_be_quotas(model::MilliCpu limit) {
  look_again(model::MonoTime{INT64_MIN});
  const auto root = tree_.directory(tree_.best_effort(), "cpu.cfs_quota_us");
  if (!root) return {};
  std::vector<std::string> groups;
  for (const auto& path : kernel::groups_below(*root))
    groups.push_back(tree_.best_effort() + path.substr(root->size()));
  const auto depth = [](const std::string& group) { return std::count(group.begin(), group.end(), '/'); };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const std::string& a, const std::string& b) { return depth(a) > depth(b); });
  std::unordered_map<std::string_view, Held*> quotas;
  for (auto& [knob, held] : held_) {
    if (knob.knob == model::Knob::kCpuQuota) quotas.emplace(held.group, &held);
  }
  for (const auto& group : groups) {
    const auto known = quotas.find(group);
    const auto now = known != quotas.end() ? read(*known->second, model::Knob::kCpuQuota)
                                           : kernel::read_knob(tree_, group, model::Knob::kCpuQuota);
    const auto* quota = now ? std::get_if<model::Limit>(&now->value) : nullptr;
    if (quota == nullptr || !quota->cpu || *quota->cpu <= limit) continue;
    const auto write = kernel::knob_write(tree_.version(), now->period_us, group, model::Knob::kCpuQuota,
                                          model::Limit{}, model::Controller::kCpuSuppress, model::Reason::kBatchLimit);
    const auto outcome = write ? perform_(*write) : Result<kernel::WriteOutcome>(write.error());
    if (!outcome && outcome.error().code() == ErrorCode::kFenced) return outcome.error();
    if (!outcome) continue;
    if (known != quotas.end()) {
      known->second->value = model::Limit{};
    } else if (const auto path = tree_.path(group, now->file); path && outcome->changed) {
      inherited_.push_back(*path);
    }
  }
  return {};
}

}  // namespace tideline::node
