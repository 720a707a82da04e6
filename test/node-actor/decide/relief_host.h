#pragma once
// A host whose memory services and batch pods use, in virtual time, under the relief ladder: a kernel that reclaims
// page cache, makes BE wait (cgroup v2) or kills inside it (v1) at its limit, and runs the OOM killer at a bound; a
// limit that is written as BeMemory does, on v1 never below the use but by a reclaim; evictions that take their time.
// Memory is in MiB, growth in MiB per second. A step of the kernel is 10 ms, a round 100 ms, and a pod round is every
// tenth.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node-actor/decide/memory_relief.h"

namespace tideline::decide::test {

using namespace std::chrono_literals;

constexpr std::int64_t kMib = 1 << 20;

inline model::Bytes mib(double mebibytes) {
  return model::Bytes(static_cast<std::int64_t>(mebibytes * static_cast<double>(kMib)));
}
inline double in_mebibytes(model::Bytes bytes) {
  return static_cast<double>(bytes.value()) / static_cast<double>(kMib);
}

inline model::NodePolicy relief_policy(int threshold = 70) {
  model::NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.memory_evict_threshold_percent = threshold;
  return policy;
}

struct ReliefPod {
  std::string uid;
  int priority = 5000;
  double anon = 0;
  double cache = 0;
  double grows = 0;    // anon
  double most = 1e9;   // anon, no more than that
  double streams = 0;  // reads files
  std::optional<model::MonoTime> ends = {};
};

struct ReliefHost {
  // What it is.
  double total = 16384;
  double system = 512;
  std::optional<double> limit = 2048;  // of kubepods
  double low_watermark = 40;
  bool v1 = false;
  double ls = 500;
  double ls_grows = 0;
  double ls_most = 1e9;
  std::vector<ReliefPod> pods;
  model::NodePolicy policy = relief_policy();
  model::Duration grace = 2s;  // what an evicted pod takes to end
  bool acts = true;            // what is decided is done
  bool blind = false;          // nothing can be read
  bool evicts = true;
  int phase = 0;  // rounds by which the pod rounds are early

  // What became of it.
  model::MonoTime now{1'000'000'000'000};
  int round_number = 0;
  ReliefState state;
  ReliefDecision decision;
  std::vector<ReliefInput> inputs;
  std::vector<ReliefDecision> decisions;
  std::vector<std::pair<model::MonoTime, model::ReliefRung>> rungs;  // each change
  std::optional<double> be_limit;                                    // in force
  int ls_stalls = 0;                                                 // allocations of services that had to reclaim
  int full_hits = 0;                                                 // allocations of anybody that did
  int oom_at_bound = 0;                                              // while BE had memory to give
  int ooms_in_be = 0;
  int kills = 0;
  std::vector<std::string> evicted;
  double evicted_mib = 0;
  double reclaimed = 0;
  double most_used = 0;    // percent of the bound
  double most_beyond = 0;  // by which what the ladder reckons with is off, MiB

  double be_anon() const { return sum(&ReliefPod::anon); }
  double be_cache() const { return sum(&ReliefPod::cache); }
  double be() const { return be_anon() + be_cache(); }
  double free() const { return total - system - ls - be(); }
  double kubepods() const { return ls + be(); }

  /// Rung changes within any minute.
  int most_changes_a_minute() const {
    int most = 0;
    for (std::size_t first = 0, i = 0; i < rungs.size(); ++i) {
      while (rungs[i].first - rungs[first].first > 60s)
        ++first;
      most = std::max(most, static_cast<int>(i - first + 1));
    }
    return most;
  }
  /// The rungs in the order in which they came first.
  std::vector<model::ReliefRung> first_seen() const {
    std::vector<model::ReliefRung> seen;
    for (const auto& [at, rung] : rungs) {
      if (rung != model::ReliefRung::kNone && std::find(seen.begin(), seen.end(), rung) == seen.end()) {
        seen.push_back(rung);
      }
    }
    return seen;
  }
  bool was_on(model::ReliefRung rung) const {
    const auto seen = first_seen();
    return std::find(seen.begin(), seen.end(), rung) != seen.end();
  }

  void run(model::Duration time) {
    for (const auto end = now + time; now < end;)
      round();
  }
  /// 100 ms and the round at their end.
  void round() {
    for (int i = 0; i < 10; ++i)
      step();
    if ((round_number + phase) % 10 == 0) read_slowly();
    ++round_number;
    const auto input = read();
    auto done = memory_relief(std::move(state), input, policy);
    state = std::move(done.state);
    decision = std::move(done.decision);
    inputs.push_back(input);
    decisions.push_back(decision);
    const auto before = rungs.empty() ? model::ReliefRung::kNone : rungs.back().second;
    if (decision.rung != before) rungs.emplace_back(now, decision.rung);
    if (decision.terms.bound) {
      const auto& bound = *decision.terms.bound;
      const double used = in_mebibytes(bound.used());
      most_used = std::max(most_used, 100 * used / in_mebibytes(bound.capacity));
      most_beyond = std::max(most_beyond, std::abs(used - used_of(bound.kind)));
    }
    if (!acts) return;
    set_limit(decision.tighten);
    if (decision.reclaim && !reclaim_ends_) {
      reclaiming_ = in_mebibytes(*decision.reclaim);
      stays_at_.reset();
      if (v1 && decision.tighten && be_limit && in_mebibytes(*decision.tighten) < std::min(*be_limit, be())) {
        stays_at_ = in_mebibytes(*decision.tighten);
      }
      const std::chrono::duration<double> takes(reclaiming_ / 1024);  // 1 GiB a second
      reclaim_ends_ = now + std::chrono::duration_cast<model::Duration>(takes);
    }
    if (decision.emergency) kill();
    if (round_number % 10 == 0 && evicts) evict();
  }

 private:
  template <class Member>
  double sum(Member member) const {
    double all = 0;
    for (const auto& pod : pods)
      all += pod.*member;
    return all;
  }
  /// As memory_room.h defines it, from what is so now.
  double used_of(MemoryBound::Kind kind) const {
    if (kind == MemoryBound::Kind::kHost) return system + ls + be_anon();
    return *limit - std::clamp(*limit - kubepods() + be_cache() / 2, 0.0, *limit);
  }

  // The kernel.
  void step() {
    now = now + 10ms;
    if (reclaim_ends_ && now >= *reclaim_ends_) {
      reclaimed += drop_cache(be() - std::max(be() - reclaiming_, stays_at_.value_or(0)));
      if (stays_at_) be_limit = std::max(*stays_at_, be());
      reclaim_ends_.reset();
    }
    std::erase_if(pods, [&](const ReliefPod& pod) { return pod.ends && now >= *pod.ends; });
    if (const double wants = std::min(ls_grows / 100, ls_most - ls); wants > 0 && has_room(wants, true)) ls += wants;
    for (std::size_t i = 0; i < pods.size(); ++i) {
      if (const double wants = std::min(pods[i].grows / 100, pods[i].most - pods[i].anon); wants > 0) {
        grow(i, wants);
        if (i >= pods.size()) break;  // somebody was killed
      }
      if (const double wants = pods[i].streams / 100; wants > 0) {
        if (be_limit && be() + wants > *be_limit) drop_cache(be() + wants - *be_limit);
        if ((!be_limit || be() + wants <= *be_limit) && has_room(wants, false)) pods[i].cache += wants;
      }
    }
  }
  void grow(std::size_t pod, double wants) {
    if (be_limit && be() + wants > *be_limit) {
      const double over = be() + wants - *be_limit;
      const double lacking = over - drop_cache(over);
      if (lacking > 1e-6 && v1) {
        ++ooms_in_be;
        pods.erase(largest());
        return;
      }
      // memory.high makes it wait, and lets a little pass.
      if (lacking > 1e-6) wants = std::max(wants - lacking, wants / 200);
    }
    if (has_room(wants, false)) pods[pod].anon += wants;
  }
  std::vector<ReliefPod>::iterator largest() {
    return std::max_element(pods.begin(), pods.end(),
                            [](const ReliefPod& a, const ReliefPod& b) { return a.anon < b.anon; });
  }
  /// Of BE, from all pods alike; what was dropped.
  double drop_cache(double wanted) {
    const double all = be_cache();
    const double part = all > 0 ? std::clamp(wanted / all, 0.0, 1.0) : 0;
    for (auto& pod : pods)
      pod.cache -= pod.cache * part;
    return all - be_cache();
  }
  /// Reclaims where there is none; the OOM killer where that does not give it.
  bool has_room(double wants, bool of_ls) {
    double lacking = low_watermark / 2 - (free() - wants);
    if (limit) lacking = std::max(lacking, kubepods() + wants - *limit);
    if (lacking <= 0) return true;
    ++full_hits;
    if (of_ls) ++ls_stalls;
    if (lacking - drop_cache(lacking) <= 1e-6) return true;
    if (be_anon() > 16) ++oom_at_bound;
    return false;
  }
  void set_limit(const std::optional<model::Bytes>& wanted) {
    if (!wanted) {
      be_limit.reset();
      return;
    }
    const double value = in_mebibytes(*wanted);
    if (v1) {
      constexpr double kSlack = 8;
      if (be_limit && value < be() + kSlack && *be_limit <= be() + kSlack) return;
      be_limit = std::max(value, be() + kSlack);
      return;
    }
    if (be() > value) drop_cache(be() - value);
    be_limit = value;
  }

  // The agent.
  void read_slowly() {
    if (blind) return;
    cache_read_ = be_cache();
    cache_at_ = now;
    used_read_.clear();
    for (const auto& pod : pods)
      used_read_[pod.uid] = pod.anon;
    pending_ = 0;
    for (const auto& pod : pods) {
      if (pod.ends) pending_ += pod.anon;
    }
  }
  ReliefInput read() const {
    ReliefInput input;
    input.now = now;
    input.reclaim_busy = reclaim_ends_.has_value();
    input.tighten_kills = v1;
    input.pending_release = mib(pending_);
    if (blind) return input;
    model::HostMemoryCounters host;
    host.total = mib(total);
    host.available = mib(total - system - ls - be_anon());
    host.free = mib(std::max(free(), 0.0));
    model::MemoryCounters group;
    if (limit) {
      group.limit = mib(*limit);
      group.usage = mib(kubepods());
      group.reclaimable = mib(cache_read_);
      group.stat_at = cache_at_;
    }
    input.bound = tightest(host, group);
    input.low_watermark = mib(low_watermark);
    input.be_usage = mib(be());
    input.be_reclaimable = mib(cache_read_);
    input.ls_memory_some = 0.0;
    input.alloc_stalls = 0.0;
    return input;
  }
  void evict() {
    if (decision.evict <= model::Bytes(0) || now < quiet_until_) return;
    double released = 0;
    while (released < in_mebibytes(decision.evict)) {
      ReliefPod* next = nullptr;
      for (auto& pod : pods) {
        if (pod.ends || used_read_.count(pod.uid) == 0) continue;
        if (next == nullptr || pod.priority < next->priority ||
            (pod.priority == next->priority && pod.anon > next->anon)) {
          next = &pod;
        }
      }
      if (next == nullptr) break;
      next->ends = now + grace;
      released += next->anon;
      pending_ += next->anon;
      evicted.push_back(next->uid);
    }
    evicted_mib += released;
    quiet_until_ = now + 4s;
  }
  void kill() {
    std::vector<model::Pod> all(pods.size());
    std::vector<PodMemory> memory;
    for (std::size_t i = 0; i < pods.size(); ++i) {
      all[i].uid = model::PodUid(pods[i].uid);
      all[i].qos = model::QosClass::kBe;
      all[i].priority = pods[i].priority;
      const auto used = used_read_.find(pods[i].uid);
      memory.push_back({&all[i], used != used_read_.end() ? std::optional(mib(used->second)) : std::nullopt});
    }
    const auto* victim = emergency_victim(memory, {}, killed_);
    if (victim == nullptr) return;
    ++kills;
    killed_.push_back(victim->uid);
    for (auto& pod : pods) {
      if (pod.uid == victim->uid.str()) pod.ends = std::min(pod.ends.value_or(now + 200ms), now + 200ms);
    }
  }

  std::optional<model::MonoTime> reclaim_ends_;
  double reclaiming_ = 0;
  std::optional<double> stays_at_;  // v1: the limit that it goes down to
  double cache_read_ = 0;
  model::MonoTime cache_at_;
  std::map<std::string, double> used_read_;
  double pending_ = 0;
  model::MonoTime quiet_until_;
  std::vector<model::PodUid> killed_;
};

}  // namespace tideline::decide::test
