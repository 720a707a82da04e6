// Whole rounds of the CPU side over random pods, policies and readings, into a kernel as strict as cgroup v1: what all
// mechanisms want together, those of memory too, settled, ordered and written, one value after the other. What memory's
// wants are alone is in random_memory_rounds_test.cpp.
//
// What would be found of a broken order(): parents after children where it widens, or before them where it narrows,
// and a burst after its quota, are refused by the kernel here, as soon as a scaled quota falls, BE's limit moves below
// pods with limits, or BE's CPUs change; a cpuset that goes to its target without the union is refused where the BE
// pool moves; a weight before cpu-idle is taken away is refused where CPU QoS is switched off; CPUs of a pod that has
// ended, and is forgotten before its groups go, are refused below a narrow besteffort root.

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "node-actor/decide/batch_memory.h"
#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/memory_qos.h"
#include "test/node-actor/decide/strict_kernel.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::random_rounds_test {
namespace {

using model::KubeQos;
using model::Pod;
using model::QosClass;
using Level = GroupRef::Level;

const GroupRef kBeRoot = model::root_of(KubeQos::kBestEffort);

/// A change, and whether it puts an original back.
struct Planned {
  Change change;
  bool goes_back = false;
};

class World {
 public:
  /// `hands_off`: an operator keeps the agent off some groups, so that not all that is wanted can be.
  World(unsigned seed, bool hands_off) : engine_(seed), v1_(seed % 4 != 0), with_hands_off_(hands_off) {
    const int cores = 1 + some(7);
    for (int cpu = 0; cpu < 2 * cores; ++cpu) {
      if (cpu > 0 && chance(10)) continue;
      topology_.cpus.push_back({.id = cpu, .core = cpu / 2, .l3 = cpu / 8, .numa = cpu / 8, .package = cpu / 8});
    }
    topology_.cores = cores;
    topology_.l3_domains = topology_.numa_nodes = topology_.packages = 1 + (2 * cores - 1) / 8;
    std::vector<int> ids;
    for (const auto& cpu : topology_.cpus)
      ids.push_back(cpu.id);
    online_ = CpuSet(ids);
    capacity_ = 1000 * online_.size();
    if (chance(20)) cpus_.reserved = CpuSet{0};
    if (chance(20)) cpus_.manager = KubeletCpuManager::kStatic;
    for (const auto& [knob, percent] :
         {std::pair(Knob::kCpuQuota, 100), std::pair(Knob::kCpuBurst, 85), std::pair(Knob::kCpuWeight, 100),
          std::pair(Knob::kCpuIdle, 80), std::pair(Knob::kCpuset, 85), std::pair(Knob::kBvtWarp, 20),
          std::pair(Knob::kMemoryMin, 80), std::pair(Knob::kMemoryLow, 80), std::pair(Knob::kMemoryHigh, 80),
          std::pair(Knob::kMemoryLimit, 90), std::pair(Knob::kSoftLimit, 50), std::pair(Knob::kWmarkRatio, 20)}) {
      const bool has = chance(percent);
      knobs_.knobs.push_back({knob, has, "file", has ? "" : "no such file"});
    }
    for (const auto qos : {KubeQos::kGuaranteed, KubeQos::kBurstable, KubeQos::kBestEffort})
      kernel_[model::root_of(qos)].cpus = online_;
    kernel_[kBeRoot].weight = 2;
    spec_ = kernel_;
    for (int i = some(5); i >= 0; --i)
      begin_pod();
    new_policy();
  }

  int refused() const { return refused_; }
  int written() const { return written_; }
  std::string describe() const {
    std::string text = fmt::format("cgroup {}, {} CPUs; ", v1_ ? "v1" : "v2", online_.text());
    for (const auto& pod : pods_) {
      text += fmt::format("{}: {} {}, bound to '{}'; ", pod.uid.str(), name_of(pod.qos), name_of(pod.kube_qos),
                          pod.bound_cpus.text());
    }
    return text;
  }

  /// Something changes, and a second passes.
  void round() {
    something_changes();
    ASSERT_NO_FATAL_FAILURE(second(false));
  }

  /// Nothing changes but, perhaps, the kind of BE's limit, and nothing can be read: BE has no more afterwards,
  /// anywhere.
  void blind_round() {
    const auto before = allowed_to_be();
    const bool dry = policy_.dry_run.cpu_suppress || policy_.dry_run.cpuset;
    if (!dry && chance(50)) policy_.threshold.cpu_suppress_policy = static_cast<SuppressPolicy>(some(2));
    now_ = now_ + 3s;
    ASSERT_NO_FATAL_FAILURE(second(true));
    for (const auto& [group, milli] : allowed_to_be())
      ASSERT_LE(milli, before.at(group)) << text_of(group) << " has more without any data";
  }

  bool chance(int percent) { return upto(99) < percent; }

 private:
  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  int some(int max) { return static_cast<int>(upto(max)); }

  bool is_be(const GroupRef& group) const {
    if (group.level == Level::kRoot) return group == kBeRoot;
    const auto found = class_of_.find(group.pod);
    return found != class_of_.end() && found->second == QosClass::kBe;
  }

  // ---- Pods, as kubelet begins and ends them.

  void begin_pod() {
    const auto qos = static_cast<QosClass>(some(4));
    auto kube = static_cast<KubeQos>(some(2));
    if (qos == QosClass::kBe && chance(60)) kube = KubeQos::kBestEffort;
    if (qos != QosClass::kBe && kube == KubeQos::kBestEffort && !chance(20)) kube = KubeQos::kBurstable;
    auto pod = pod_of(fmt::format("p{}", begun_++), qos, kube, 1 + some(1));
    const bool batch = qos == QosClass::kBe && chance(60);
    const bool limits = kube != KubeQos::kBestEffort;
    std::int64_t sum = 0;
    std::int64_t most = 0;
    for (auto& container : pod.containers) {
      if (batch && chance(90)) {
        container.requests.batch_cpu = MilliCpu(upto(8000));
        if (chance(80)) container.limits.batch_cpu = MilliCpu(20 + upto(4000));
      }
      if (!limits || chance(25)) continue;
      const auto limit = 100 + upto(4000);
      container.limits.cpu = MilliCpu(limit);
      sum += limit;
      most = std::max(most, limit);
    }
    if (limits && chance(20)) pod.limits.cpu = MilliCpu(std::max<std::int64_t>(most, 100) + upto(2 * sum));
    if (chance(50)) pod.requests.cpu = MilliCpu(upto(4000));
    if (qos != QosClass::kBe && chance(30)) {
      const int first = some(2 * topology_.cores);
      pod.bound_cpus = chance(50) ? CpuSet{first} : CpuSet{first, first + 1, first + 2};
    }
    if (chance(20)) {
      pod.cpu_burst = model::CpuBurstOverride{.policy = static_cast<model::BurstPolicy>(some(3)),
                                              .cpu_burst_percent = 1 + some(400),
                                              .cfs_quota_burst_percent = 100 + some(300),
                                              .cfs_quota_burst_period_seconds = {},
                                              .share_pool_threshold_percent = {}};
    }
    if (chance(10)) pod.cpu_qos = model::CpuQosOverride{.enable = chance(50), .group_identity = {}};
    for (auto& container : pod.containers) {
      auto& requests = container.requests;
      auto& its_limits = container.limits;
      if (chance(70)) (qos == QosClass::kBe ? requests.batch_memory : requests.memory) = some_memory();
      if (chance(60)) (qos == QosClass::kBe ? its_limits.batch_memory : its_limits.memory) = some_memory();
    }
    class_of_[pod.uid] = qos;
    const bool all = std::all_of(pod.containers.begin(), pod.containers.end(),
                                 [](const auto& container) { return container.limits.cpu.has_value(); });
    begin_group(model::group_of(pod), pod.limits.cpu ? pod.limits.cpu->value() : all ? sum : 0);
    for (auto& container : pod.containers)
      begin_container(pod, container);
    pods_.push_back(std::move(pod));
  }

  model::Bytes some_memory() { return model::Bytes((1 + upto(400)) << 20); }

  void begin_container(const Pod& pod, const model::Container& container) {
    begin_group(model::group_of(pod, container), container.limits.cpu.value_or(MilliCpu(0)).value());
  }

  /// On cgroup v1 it begins with the CPUs of its parent, and has that one's own when they go back.
  void begin_group(const GroupRef& group, std::int64_t quota) {
    const auto parent = *parent_of(group);
    Held held;
    held.quota = quota;
    held.cpus = kernel_.at(parent).cpus;
    kernel_[group] = spec_[group] = held;
    const auto of_parent = originals_.find(KnobRef{parent, Knob::kCpuset});
    if (of_parent == originals_.end()) return;
    originals_[KnobRef{group, Knob::kCpuset}] = of_parent->second;
    spec_[group].cpus = std::get<CpuSet>(of_parent->second);
  }

  void end_groups(const GroupRef& top) {
    const auto below = [&](const GroupRef& group) { return group.level != Level::kRoot && is_within(group, top); };
    std::erase_if(kernel_, [&](const auto& each) { return below(each.first); });
    std::erase_if(spec_, [&](const auto& each) { return below(each.first); });
    std::erase_if(originals_, [&](const auto& each) { return below(each.first.group); });
  }

  void restart_a_container(Pod& pod) {
    if (!is_live(pod)) return;
    auto& container = pod.containers.front();
    // Of BE a runtime could not write the limit of a new one into a pod that has less.
    const auto limit = container.limits.cpu.value_or(MilliCpu(0)).value();
    if (pod.qos == QosClass::kBe && limit > width_of(kernel_.at(model::group_of(pod)).quota)) return;
    end_groups(model::group_of(pod, container));
    container.id = fmt::format("{}-again{}", pod.uid.str(), begun_++);
    begin_container(pod, container);
  }

  void something_changes() {
    for (const auto& pod : pods_) {
      if (!is_live(pod) && chance(30)) end_groups(model::group_of(pod));
    }
    if (chance(15) && pods_.size() < 8) begin_pod();
    if (!pods_.empty() && chance(15)) {
      auto& pod = pods_[static_cast<std::size_t>(upto(std::ssize(pods_) - 1))];
      if (chance(50)) {
        restart_a_container(pod);
      } else if (chance(50)) {
        // kubelet takes its groups away some time after.
        pod.phase = model::PodPhase::kSucceeded;
      } else {
        end_groups(model::group_of(pod));
        const auto uid = pod.uid;
        std::erase_if(pods_, [&](const Pod& each) { return each.uid == uid; });
      }
    }
    if (chance(10)) new_policy();
    if (with_hands_off_ && chance(10)) {
      hands_off_.clear();
      for (const auto& pod : pods_) {
        constexpr MonoTime kNever{INT64_MAX};
        if (chance(30)) hands_off_.push_back({model::group_of(pod), kNever, "eve", "debugging"});
        if (chance(20)) hands_off_.push_back({model::group_of(pod, pod.containers[0]), kNever, "eve", "debugging"});
      }
    }
  }

  void new_policy() {
    policy_ = policy_of(static_cast<SuppressPolicy>(some(2)), chance(40) ? std::optional<int>(some(40)) : std::nullopt,
                        20 + some(80));
    policy_.threshold.enable = chance(85);
    policy_.burst.policy = static_cast<model::BurstPolicy>(some(3));
    policy_.burst.cpu_burst_percent = 1 + some(400);
    policy_.burst.cfs_quota_burst_percent = 100 + some(300);
    policy_.burst.cfs_quota_burst_period_seconds = chance(30) ? some(30) : -1;
    policy_.burst.share_pool_threshold_percent = some(100);
    policy_.qos.lsr.enable = chance(50);
    policy_.qos.ls.enable = chance(50);
    policy_.qos.be.enable = chance(60);
    policy_.qos.be.sched_idle = some(1);
    if (chance(30)) policy_.scaling.cpu_normalization = model::Ratio(100 + upto(150));
    policy_.dry_run = {.cpu_suppress = chance(10),
                       .cpu_burst = chance(10),
                       .cpu_qos = chance(10),
                       .cpuset = chance(10),
                       .batch_limits = chance(10),
                       .cpu_evict = chance(10),
                       .memory_qos = chance(10)};
    for (auto* memory : {&policy_.qos.lsr_memory, &policy_.qos.ls_memory, &policy_.qos.be_memory}) {
      memory->enable = chance(60);
      memory->min_limit_percent = some(100);
      memory->low_limit_percent = some(100);
      memory->throttling_percent = some(100);
    }
  }

  // ---- Readings, of which some are missing.

  void see(bool blind) {
    fast_.reset();
    sample_ = {};
    sample_.at = now_;
    sample_.window = 1s;
    if (blind) {
      outside_used_.reset();
      return;
    }
    const auto seen = [&] { return !chance(7); };
    const auto services = upto(chance(30) ? capacity_ / 4 : capacity_);
    const auto be = upto(be_root_quota().value_or(capacity_));
    std::int64_t outside = 0;
    for (const auto& pod : pods_) {
      if (!is_live(pod) || !seen()) continue;
      model::PodUse use;
      use.uid = pod.uid;
      const auto used = upto(3000);
      if (is_outside_be(pod)) outside += used;
      if (seen()) use.cpu = MilliCpu(used);
      for (const auto& container : pod.containers) {
        if (container.limits.cpu && seen()) {
          use.containers.push_back(
              {container.id, MilliCpu(upto(2 * container.limits.cpu->value())), chance(50) ? 0.4 : 0.0});
        }
      }
      sample_.pods.push_back(std::move(use));
    }
    const MilliCpu node(std::min(services + be + outside, capacity_));
    outside_used_ = MilliCpu(outside);
    if (seen()) sample_.node_cpu = node;
    if (seen()) sample_.be_cpu = MilliCpu(be);
    if (seen()) sample_.ls_cpu = MilliCpu(services);
    if (seen()) sample_.ls_delay_per_cpu = chance(30) ? 1.0 : 0.01;
    if (seen()) {
      fast_ = model::FastSample{.at = now_,
                                .window = 100ms,
                                .node_cpu = node,
                                .be_cpu = MilliCpu(be),
                                .be_periods = {},
                                .be_outside_cpu = MilliCpu(outside)};
    }
  }

  // ---- The fast loop, which owns the besteffort root's quota.

  std::optional<std::int64_t> be_root_quota() const {
    const auto quota = kernel_.at(kBeRoot).quota;
    return quota > 0 ? std::optional(quota) : std::nullopt;
  }
  CurrentLimit root_limit() const {
    const auto quota = be_root_quota();
    return quota ? CurrentLimit::of(MilliCpu(*quota)) : CurrentLimit::none();
  }
  std::optional<MilliCpu> whole() const {
    if (!policy_.threshold.enable) return std::nullopt;
    if (policy_.dry_run.cpu_suppress) return dry_suppress_.last_limit;
    const auto quota = be_root_quota();
    return suppress_.ours && quota ? std::optional(MilliCpu(*quota + outside_)) : std::nullopt;
  }
  std::int64_t outside_allowance() const {
    return split_ ? split_->outside.value() : outside_used_.value_or(MilliCpu(0)).value();
  }

  void fast_round(bool blind) {
    now_ = now_ + 100ms * (1 + some(4));
    see(blind);
    SuppressInput input;
    input.now = now_;
    input.node = {MilliCpu(capacity_), MilliCpu(capacity_)};
    input.fast = fast_;
    input.pods = sample_;
    input.be_outside_root = outside_used_;
    input.protection = {protected_, "so it is"};
    const auto quota = be_root_quota();
    input.current = quota ? CurrentLimit::of(MilliCpu(*quota + outside_)) : CurrentLimit::none();
    input.cpuset = cpuset_;
    auto in_force = policy_;
    if (policy_.dry_run.cpu_suppress) {
      auto would = cpu_suppress_untold(dry_suppress_, input, policy_);
      dry_suppress_ = std::move(would.state);
      terms_ = would.decision.terms;
      in_force.threshold.enable = false;
    }
    auto step = cpu_suppress_untold(suppress_, input, in_force);
    suppress_ = std::move(step.state);
    if (!policy_.dry_run.cpu_suppress) terms_ = step.decision.terms;
    const auto& decision = step.decision;
    if (!decision.write) return rebalance();
    if (decision.action == Action::kLimit) {
      const auto all = decision.limit.value();
      return limit_root(all, std::max(all - outside_allowance(), kKernelMinimum.value()));
    }
    ASSERT_NO_FATAL_FAILURE(write_root(0));
    outside_ = 0;
  }

  void rebalance() {
    const auto all = whole();
    if (!all || !suppress_.ours || !be_root_quota() || (outside_ <= 0 && !split_)) return;
    const MilliCpu outside(outside_allowance());
    const auto root = rebalanced_root({.root = MilliCpu(*be_root_quota()),
                                       .whole = *all,
                                       .in_force = split_ ? split_->in_force : outside,
                                       .outside = outside,
                                       .is_due = change_is_due(suppress_, now_, now_ - root_changed_, kPace),
                                       .may_raise = terms_.formula && terms_.non_be_pods_used});
    if (root) limit_root(all->value(), root->value());
  }

  void limit_root(std::int64_t all, std::int64_t root) {
    ASSERT_NO_FATAL_FAILURE(write_root(root));
    if (kernel_.at(kBeRoot).quota != root) return;
    outside_ = all - root;
    root_changed_ = now_;
  }

  /// On cgroup v1 what is below comes down first.
  void write_root(std::int64_t quota) {
    if (v1_ && quota > 0) {
      std::vector<GroupRef> above_it;
      for (const auto& [group, held] : kernel_) {
        const bool below = group.level != Level::kRoot && group.qos == KubeQos::kBestEffort;
        if (below && held.quota > quota && !is_held(group)) above_it.push_back(group);
      }
      std::stable_sort(above_it.begin(), above_it.end(),
                       [](const GroupRef& a, const GroupRef& b) { return depth_of(a) > depth_of(b); });
      for (const auto& group : above_it)
        ASSERT_NO_FATAL_FAILURE(write_one({group, Knob::kCpuQuota, cpu(quota), {}}, cpu(quota)));
    }
    ASSERT_NO_FATAL_FAILURE(write_one({kBeRoot, Knob::kCpuQuota, limit_of(quota), {}}, limit_of(quota)));
    // Its own owner gives it back.
    originals_.erase(KnobRef{kBeRoot, Knob::kCpuQuota});
  }

  // ---- The memory side's wants.

  Wants memory_wants(bool blind) {
    MemoryQosInput qos;
    qos.node_allocatable = model::Bytes(64LL << 30);
    qos.is_v1 = v1_;
    auto wants = memory_qos(pods_, knobs_, qos, policy_);
    std::map<GroupRef, model::Bytes> used;
    for (const auto& [group, held] : kernel_) {
      if (!blind && is_be(group) && chance(80)) used.emplace(group, some_memory());
    }
    const std::map<GroupRef, model::Bytes> none{};
    auto batch =
        batch_memory(std::move(batch_memory_), pods_, knobs_, {.used = used, .own_limits = none, .in_force = nullptr});
    batch_memory_ = std::move(batch.state);
    if (policy_.dry_run.batch_limits) batch_memory_ = {};
    wants.wants.insert(wants.wants.end(), batch.wants.wants.begin(), batch.wants.wants.end());
    return wants;
  }

  // ---- The pod loop.

  void second(bool blind) {
    if (!blind && chance(5)) protected_ = !protected_;
    for (int i = 0; i < 3; ++i)
      ASSERT_NO_FATAL_FAILURE(fast_round(blind));
    const std::string boot = "boot";
    const auto at_start = std::exchange(started_, false) ? std::optional(CpuSet{}) : std::nullopt;
    const NodeFacts node{MilliCpu(capacity_), MilliCpu(capacity_)};
    const auto ended = lingering();
    const auto memory = memory_wants(blind);
    auto step = cpu_round(std::move(state_),
                          {.now = now_,
                           .node = node,
                           .pods = pods_,
                           .sample = sample_,
                           .knobs = knobs_,
                           .topology = topology_,
                           .cpus = cpus_,
                           .suppress = terms_,
                           .be_limit = root_limit(),
                           .be_cpus_current = at_start,
                           .is_v1 = v1_,
                           .boot_id = boot,
                           .hands_off = hands_off_,
                           .allocatable_batch_cpu = {},
                           .work = {},
                           .be_whole = whole(),
                           .outside = outside_pods(),
                           .lingering = ended,
                           .others = &memory},
                          policy_);
    state_ = std::move(step.state);
    split_ = std::move(step.decision.split);
    ASSERT_TRUE(step.decision.settlement->refused.empty()) << "a want that no kernel takes";
    ASSERT_NO_FATAL_FAILURE(apply(*step.decision.settlement));
    if (!with_hands_off_) {
      ASSERT_NO_FATAL_FAILURE(check_cpus(*step.decision.settlement));
    }
    if (policy_.threshold.cpu_suppress_policy != SuppressPolicy::kCpuset || !knobs_.has(Knob::kCpuset)) {
      cpuset_ = CpusetSide::kAbsent;
    } else {
      const auto& wanted = step.decision.suppressed_cpus;
      const bool there = wanted && wanted->contains(kernel_.at(kBeRoot).cpus);
      cpuset_ = there ? CpusetSide::kInPlace : CpusetSide::kNotInPlace;
    }
  }

  std::optional<MilliCpu> quota_without_us(const GroupRef& group) const {
    const auto original = originals_.find(KnobRef{group, Knob::kCpuQuota});
    const auto value = original != originals_.end() ? original->second : value_of(kernel_.at(group), Knob::kCpuQuota);
    return std::get<model::Limit>(value).cpu;
  }

  std::vector<OutsidePod> outside_pods() const {
    std::vector<OutsidePod> found;
    for (const auto& pod : pods_) {
      if (!is_outside_be(pod)) continue;
      OutsidePod outside{.uid = pod.uid,
                         .qos = pod.kube_qos,
                         .used = {},
                         .own_limit = quota_without_us(model::group_of(pod)),
                         .containers = {},
                         .held = true};
      for (const auto& container : pod.containers)
        outside.containers.push_back({container.id, quota_without_us(model::group_of(pod, container))});
      found.push_back(std::move(outside));
    }
    return found;
  }

  std::vector<model::PodUid> lingering() const {
    std::vector<model::PodUid> found;
    for (const auto& pod : pods_) {
      if (!is_live(pod) && kernel_.contains(model::group_of(pod))) found.push_back(pod.uid);
    }
    return found;
  }

  bool is_held(const GroupRef& group) const {
    return std::any_of(hands_off_.begin(), hands_off_.end(),
                       [&](const HandsOff& entry) { return is_within(group, entry.group); });
  }

  // ---- What the actuator makes of a settlement.

  std::vector<Planned> plan(const Settlement& settlement) const {
    std::vector<Planned> planned;
    const auto add = [&](const KnobRef& knob, const KnobValue& value, bool goes_back) {
      const auto group = kernel_.find(knob.group);
      if (group == kernel_.end()) return;
      planned.push_back({{knob.group, knob.knob, value, value_of(group->second, knob.knob)}, goes_back});
    };
    for (const auto& settled : settlement.settled) {
      if (settled.held_back == HeldBack::kNone) add({settled.group, settled.knob}, settled.value, false);
    }
    std::vector<KnobRef> owned;
    for (const auto& [knob, original] : originals_)
      owned.push_back(knob);
    const auto leaving = unwanted(owned, settlement);
    for (const auto& knob : leaving) {
      add(knob, originals_.at(knob), true);
      const KnobRef weight{knob.group, Knob::kCpuWeight};
      if (knob.knob != Knob::kCpuIdle || std::find(leaving.begin(), leaving.end(), weight) != leaving.end()) continue;
      // A group that was idle comes back with the kernel's default weight, not its own.
      const auto* settled = settlement.find(weight);
      if (settled == nullptr || settled->held_back == HeldBack::kDryRun) {
        add(weight, number(spec_.at(knob.group).weight), true);
      }
    }
    return planned;
  }

  void apply(const Settlement& settlement) {
    const auto planned = plan(settlement);
    std::vector<Change> changes;
    for (const auto& each : planned)
      changes.push_back(each.change);
    Tree target = kernel_;
    for (const bool weights : {false, true}) {
      for (const auto& change : changes) {
        if ((change.knob == Knob::kCpuWeight) == weights) put(target.at(change.group), change.knob, change.target);
      }
    }
    if (!with_hands_off_) {
      ASSERT_EQ(what_is_wrong(target, v1_), "") << "what is wanted together";
      ASSERT_EQ(what_is_wrong_with_floors(target), "") << "what is wanted together";
    }
    const Tree before = kernel_;
    for (const auto& each : order(changes)) {
      const auto& change = changes[each.change];
      ASSERT_NO_FATAL_FAILURE(write_one(change, each.value));
      const auto& now = kernel_.at(change.group);
      const auto& old = before.at(change.group);
      const auto& next = target.at(change.group);
      ASSERT_GE(width_of(now.quota), std::min(width_of(old.quota), width_of(next.quota))) << text_of(change.group);
      ASSERT_GE(now.burst, std::min(old.burst, next.burst)) << text_of(change.group);
      ASSERT_TRUE(now.cpus.contains(old.cpus) || now.cpus.contains(next.cpus)) << text_of(change.group);
      if (!with_hands_off_) {
        ASSERT_EQ(what_is_wrong_with_floors(kernel_), "");
      }
    }
    for (const auto& each : planned) {
      const auto& change = each.change;
      const bool done = value_of(kernel_.at(change.group), change.knob) == change.target;
      if (done && each.goes_back) originals_.erase(KnobRef{change.group, change.knob});
      ASSERT_TRUE(done || with_hands_off_)
          << text_of(change.group) << " " << name_of(change.knob) << " is "
          << text_of(value_of(kernel_.at(change.group), change.knob)) << " and not " << text_of(change.target);
    }
  }

  /// Nobody stays on CPUs that no mechanism keeps it on any more.
  void check_cpus(const Settlement& settlement) const {
    for (const auto& [group, held] : kernel_) {
      const auto* settled = settlement.find({group, Knob::kCpuset});
      if (settled != nullptr && settled->held_back == HeldBack::kNone) continue;
      ASSERT_EQ(held.cpus.text(), spec_.at(group).cpus.text()) << text_of(group);
    }
  }

  /// One write. Whatever comes after it, or nothing, the host is one to be left so.
  void write_one(const Change& change, const KnobValue& value) {
    const auto group = kernel_.find(change.group);
    ASSERT_TRUE(group != kernel_.end()) << text_of(change.group);
    const auto was = value_of(group->second, change.knob);
    if (was == value) return;
    const auto refusal = write(kernel_, change, value, v1_);
    if (!refusal.empty()) {
      ++refused_;
      ASSERT_TRUE(with_hands_off_) << text_of(change.group) << " " << name_of(change.knob) << " from " << text_of(was)
                                   << " to " << text_of(value) << ": " << refusal;
      return;
    }
    ++written_;
    originals_.try_emplace(KnobRef{change.group, change.knob}, was);
    const auto& held = group->second;
    if (!is_be(change.group)) {
      ASSERT_GE(width_of(held.quota), width_of(spec_.at(change.group).quota))
          << text_of(change.group) << " has less than its spec";
    } else if (change.group == kBeRoot) {
      ASSERT_GE(width_of(held.quota), kKernelMinimum.value()) << "BE is stopped";
    } else {
      ASSERT_GE(width_of(held.quota), kLeastQuota.value()) << text_of(change.group) << " is stopped";
      ASSERT_LE(width_of(held.quota), width_of(spec_.at(change.group).quota))
          << text_of(change.group) << " has more than its spec";
    }
  }

  /// Of each group of BE, by its quotas and CPUs and all above it, in millicores.
  std::map<GroupRef, std::int64_t> allowed_to_be() const {
    std::map<GroupRef, std::int64_t> allowed;
    for (const auto& [group, held] : kernel_) {
      if (!is_be(group)) continue;
      auto least = std::min<std::int64_t>(width_of(held.quota), 1000 * held.cpus.size());
      for (const auto& above : groups_above(group))
        least =
            std::min({least, width_of(kernel_.at(above).quota), std::int64_t{1000} * kernel_.at(above).cpus.size()});
      allowed[group] = least;
    }
    return allowed;
  }

  std::mt19937 engine_;
  bool v1_;
  bool with_hands_off_;
  model::Topology topology_;
  CpuSet online_;
  std::int64_t capacity_ = 0;
  NodeCpus cpus_;
  model::KnobSet knobs_;
  std::vector<Pod> pods_;
  std::map<model::PodUid, QosClass> class_of_;
  int begun_ = 0;
  bool started_ = true;  // no pod round yet
  model::NodePolicy policy_;
  std::vector<HandsOff> hands_off_;
  bool protected_ = true;

  Tree kernel_;
  Tree spec_;  // as kubelet made the groups
  std::map<KnobRef, KnobValue> originals_;
  int written_ = 0;
  int refused_ = 0;

  MonoTime now_ = kNow;
  std::optional<model::FastSample> fast_;
  model::NodeSample sample_;
  std::optional<MilliCpu> outside_used_ = MilliCpu(0);
  SuppressState suppress_;
  SuppressState dry_suppress_;
  SuppressTerms terms_;
  CpusetSide cpuset_ = CpusetSide::kAbsent;
  std::int64_t outside_ = 0;
  MonoTime root_changed_ = kNow;
  CpuRoundState state_;
  BatchMemoryState batch_memory_;
  std::optional<BeSplit> split_;
};

constexpr int kRounds = 100;

class RandomRounds : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomRounds, testing::Range(1u, 25u));

TEST_P(RandomRounds, AreTakenByTheKernelWriteByWriteAndEachIsSafeAsTheLast) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam(), false);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << ": " << world.describe());
    ASSERT_NO_FATAL_FAILURE(world.round());
    if (world.chance(15)) {
      ASSERT_NO_FATAL_FAILURE(world.blind_round());
    }
  }
  EXPECT_EQ(world.refused(), 0);
  EXPECT_GT(world.written(), kRounds / 10);
}

TEST_P(RandomRounds, AreSafeWriteByWriteWhereAnOperatorHoldsSomeGroups) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam(), true);
  for (int round = 0; round < kRounds / 2; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << ": " << world.describe());
    ASSERT_NO_FATAL_FAILURE(world.round());
  }
}

}  // namespace
}  // namespace tideline::decide::test::random_rounds_test
