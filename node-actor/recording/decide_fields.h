#pragma once
// The fields of what decide takes, remembers and says, see values.h.

#include <algorithm>
#include <unordered_map>

#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/recording/model_fields.h"

namespace tideline::recording {

template <class V>
void fields(V& v, Of<V, decide::NodeFacts> node) {
  v("capacity", node.capacity);
  v("allocatable", node.allocatable);
  v("annotated", node.annotated);
}

template <class V>
void fields(V& v, Of<V, decide::NodeCpus> cpus) {
  v("reserved", cpus.reserved);
  v("manager", cpus.manager);
  v("kubelet_exclusive", cpus.kubelet_exclusive);
}

template <class V>
void fields(V& v, Of<V, decide::HandsOff> hands_off) {
  v("group", hands_off.group);
  v("expires_ns", hands_off.expires);
  v("who", hands_off.who);
  v("reason", hands_off.reason);
}

template <class V>
void fields(V& v, Of<V, decide::PodWork> work) {
  v("uid", work.uid);
  v("cpu_ns", work.cpu_time);
}

// CPU suppress.

template <class V>
void fields(V& v, Of<V, decide::SuppressInput> input) {
  v("now_ns", input.now);
  v("node", input.node);
  v("fast", input.fast);
  // Of single pods it reads nothing, see SuppressInput; the pod round records them.
  if constexpr (V::kReads) {
    v("pods", input.pods);
  } else {
    std::optional<Json> pods;
    if (input.pods) {
      V host;
      host_fields<V>(host, *input.pods);
      pods = host.take();
    }
    v("pods", pods);
  }
  v("pod_interval_ns", input.pod_interval);
  v("be_outside_root", input.be_outside_root);
  v("protection", input.protection);
  v("current", input.current);
  v("cpuset", input.cpuset);
  v("overwritten", input.overwritten);
}

template <class V>
void fields(V& v, Of<V, decide::PressureState> state) {
  v("pressed", state.pressed);
  v("over", state.over);
  v("quiet", state.quiet);
  v("baseline", state.baseline);
  v("taught", state.taught);
  v("last_sample_ns", state.last_sample);
}

template <class V>
void fields(V& v, Of<V, decide::RecentValues::Entry> entry) {
  v("at_ns", entry.at);
  v("formula", entry.value);
}

template <class V>
void recent_field(V& v, const char* name, Of<V, decide::RecentValues> recent) {
  auto kept = recent.kept();
  v(name, kept);
  if constexpr (V::kReads) {
    recent = decide::RecentValues(recent.span());
    for (const auto& entry : kept)
      recent.add(entry.at, entry.value);
  }
}

template <class V>
void fields(V& v, Of<V, decide::RiseWatch> rise) {
  recent_field<V>(v, "recent", rise.recent);
  recent_field<V>(v, "system", rise.system);
  v("asked_since_ns", rise.asked_since);
  v("last_rise_ns", rise.last_rise);
  v("services_at_rise", rise.services_at_rise);
  v("last_flap_ns", rise.last_flap);
  v("last_fall_ns", rise.last_fall);
  v("wait_ns", rise.wait);
}

template <class V>
void fields(V& v, Of<V, decide::LimitNoise> noise) {
  recent_field<V>(v, "uses", noise.uses);
  recent_field<V>(v, "excursions", noise.excursions);
  v("left_at_ns", noise.left_at);
  v("deepest", noise.deepest);
  v("far_below_since_ns", noise.far_below_since);
}

template <class V>
void fields(V& v, Of<V, decide::SuppressState> state) {
  v("ours", state.ours);
  v("last_limit", state.last_limit);
  v("last_change_ns", state.last_change);
  v("last_period_ns", state.last_period);
  v("rise", state.rise);
  v("noise", state.noise);
  v("pressure", state.pressure);
}

template <class V>
void fields(V& v, Of<V, decide::PressureVerdict> verdict) {
  v("kind", verdict.kind);
  v("delay", verdict.delay);
  v("baseline", verdict.baseline);
  v("bound", verdict.bound);
}

template <class V>
void fields(V& v, Of<V, decide::SuppressTerms> terms) {
  v("capacity", terms.capacity);
  v("threshold_percent", terms.threshold_percent);
  v("threshold", terms.threshold);
  v("node_used", terms.node_used);
  v("be_used", terms.be_used);
  v("non_be_pods_used", terms.non_be_pods_used);
  v("reserved", terms.reserved);
  v("non_be_used", terms.non_be_used);
  v("formula", terms.formula);
  v("window_formula", terms.window_formula);
  v("rise_formula", terms.rise_formula);
  v("steady_formula", terms.steady_formula);
  v("mean_formula", terms.mean_formula);
  v("urgent_fall", terms.urgent_fall);
  v("floor", terms.floor);
  v("from_fast_loop", terms.from_fast_loop);
  v("sample_age_ns", terms.sample_age);
  v("pods_age_ns", terms.pods_age);
  v("current", terms.current);
  v("pressure", terms.pressure);
  v("by_weights", terms.by_weights);
}

template <class V>
void fields(V& v, Of<V, decide::SuppressDecision> decision) {
  v("action", decision.action);
  v("limit", decision.limit);
  v("reason", decision.reason);
  v("rule", decision.rule);
  v("terms", decision.terms);
  v("features", decision.features);
  v("write", decision.write);
}

// What a pod round remembers.

template <class V>
void fields(V& v, Of<V, decide::PoolReading> reading) {
  v("at_ns", reading.at);
  v("used", reading.used);
  v("complete", reading.complete);
}

template <class V>
void fields(V& v, Of<V, decide::BurstLimiter> limiter) {
  v("capacity", limiter.capacity);
  v("tokens", limiter.tokens);
}

template <class V>
void fields(V& v, Of<V, decide::ContainerBurst> burst) {
  v("id", burst.id);
  v("quota_milli", burst.quota_milli);
  v("rose", burst.rose);
  v("limiter", burst.limiter);
  v("last_step_ns", burst.last_step);
  v("blind_since_ns", burst.blind_since);
  v("reason", burst.reason);
}

/// One entry of BurstState::pods.
struct PodBurst {
  model::PodUid uid;
  std::vector<decide::ContainerBurst> containers;
};

template <class V>
void fields(V& v, Of<V, PodBurst> pod) {
  v("uid", pod.uid);
  v("containers", pod.containers);
}

template <class V>
void fields(V& v, Of<V, decide::BurstState> state) {
  v("pool", state.pool);
  v("pool_read", state.pool_read);
  v("last_sample_ns", state.last_sample);
  std::vector<PodBurst> pods;
  for (const auto& [uid, containers] : state.pods)
    pods.push_back({uid, containers});
  std::sort(pods.begin(), pods.end(), [](const PodBurst& a, const PodBurst& b) { return a.uid < b.uid; });
  v("pods", pods);
  if constexpr (V::kReads) {
    state.pods.clear();
    for (auto& pod : pods)
      state.pods.emplace(std::move(pod.uid), std::move(pod.containers));
  }
}

template <class V>
void fields(V& v, Of<V, decide::BeCpuCountState> state) {
  v("since_ns", state.since);
  v("least_asked", state.least_asked);
  v("changed_ns", state.changed);
}

template <class V>
void fields(V& v, Of<V, decide::CpusetState> state) {
  v("be", state.be);
  v("ls", state.ls);
  v("suppressed", state.suppressed);
  v("count", state.count);
}

template <class V>
void fields(V& v, Of<V, decide::BeView> view) {
  v("limit", view.limit);
  v("request", view.request);
  v("use", view.use);
}

template <class V>
void fields(V& v, Of<V, decide::EvictWindow::Bucket> bucket) {
  v("first_ns", bucket.first);
  v("last_ns", bucket.last);
  v("be_readings", bucket.be_readings);
  v("be_covered_ns", bucket.be_covered);
  v("be_sum", bucket.be_sum);
  v("node_readings", bucket.node_readings);
  v("node_covered_ns", bucket.node_covered);
  v("node_sum", bucket.node_sum);
}

template <class V>
void fields(V& v, Of<V, decide::EvictWindow::Kept> kept) {
  v("length_ns", kept.length);
  v("limit_kind", kept.limit_kind);
  v("buckets", kept.buckets);
}

template <class V>
void fields(V& v, Of<V, decide::EvictState::Asked> asked) {
  v("uid", asked.uid);
  v("at_ns", asked.at);
  v("refused", asked.refused);
  v("dry_run_of", asked.dry_run_of);
}

template <class V>
void fields(V& v, Of<V, decide::EvictState> state) {
  auto window = state.window.kept();
  v("window", window);
  if constexpr (V::kReads) state.window = decide::EvictWindow(std::move(window));
  v("quiet_until_ns", state.quiet_until);
  v("asked", state.asked);
  v("since_ns", state.since);
}

template <class V>
void fields(V& v, Of<V, decide::OutsidePod::Container> container) {
  v("id", container.id);
  v("own_limit", container.own_limit);
}

template <class V>
void fields(V& v, Of<V, decide::OutsidePod> pod) {
  v("uid", pod.uid);
  v("qos", pod.qos);
  v("own_limit", pod.own_limit);
  v("containers", pod.containers);
  v("held", pod.held);
}

/// One entry of BeSplitState::parts.
struct PodPart {
  model::PodUid uid;
  model::MilliCpu limit;
  model::MonoTime changed;
};

template <class V>
void fields(V& v, Of<V, PodPart> part) {
  v("uid", part.uid);
  v("limit", part.limit);
  v("changed_ns", part.changed);
}

template <class V>
void fields(V& v, Of<V, decide::BeSplitState> state) {
  std::vector<PodPart> parts;
  for (const auto& [uid, part] : state.parts)
    parts.push_back({uid, part.limit, part.changed});
  v("parts", parts);
  if constexpr (V::kReads) {
    state.parts.clear();
    for (auto& part : parts)
      state.parts.emplace(std::move(part.uid), decide::BeSplitState::Part{part.limit, part.changed});
  }
  v("root", state.root);
}

template <class V>
void fields(V& v, Of<V, decide::CpuRoundState> state) {
  v("burst", state.burst);
  v("cpuset", state.cpuset);
  v("evict", state.evict);
  v("split", state.split);
}

// What it decides.

template <class V>
void fields(V& v, Of<V, decide::Want> want) {
  v("group", want.group);
  v("knob", want.knob);
  v("value", want.value);
  v("controller", want.controller);
  v("reason", want.reason);
}

template <class V>
void fields(V& v, Of<V, decide::Wants> wants) {
  v("wants", wants.wants);
  v("features", wants.features);
}

template <class V>
void fields(V& v, Of<V, decide::Overruled> overruled) {
  v("want", overruled.want);
  v("cause", overruled.cause);
}

template <class V>
void fields(V& v, Of<V, decide::Settled> settled) {
  v("group", settled.group);
  v("knob", settled.knob);
  v("value", settled.value);
  v("controller", settled.controller);
  v("reason", settled.reason);
  v("overruled", settled.overruled);
  v("held_back", settled.held_back);
  v("held_by", settled.held_by);
}

template <class V>
void fields(V& v, Of<V, decide::Settlement> settlement) {
  v("settled", settlement.settled);
  v("refused", settlement.refused);
  v("hands_off", settlement.hands_off);
}

template <class V>
void fields(V& v, Of<V, decide::EvictVictim> victim) {
  v("id", victim.id);
  v("uid", victim.uid);
  v("namespace", victim.name_space);
  v("name", victim.name);
  v("task", victim.task);
  v("reason", victim.reason);
  v("releases", victim.releases);
  v("used", victim.used);
  v("memory_used", victim.memory_used);
  v("cpu_time_used_ns", victim.cpu_time_used);
}

template <class V>
void fields(V& v, Of<V, decide::EvictOutcome> outcome) {
  v("task", outcome.task);
  v("trigger", outcome.trigger);
  v("reason", outcome.reason);
  v("target", outcome.target);
  v("credited", outcome.credited);
  v("released", outcome.released);
  v("candidates", outcome.candidates);
  v("measured", outcome.measured);
  v("whole", outcome.whole);
  v("newest", outcome.newest);
  v("threshold_percent", outcome.threshold_percent);
  v("lower_percent", outcome.lower_percent);
  v("priority_threshold", outcome.priority_threshold);
  v("why", outcome.why);
}

template <class V>
void fields(V& v, Of<V, decide::BeSatisfactionTerms> terms) {
  v("limit_kind", terms.limit_kind);
  v("lower_percent", terms.lower_percent);
  v("upper_percent", terms.upper_percent);
  v("usage_percent", terms.usage_percent);
  v("window_ns", terms.window);
  v("covered_ns", terms.covered);
  v("mean", terms.mean);
  v("newest", terms.newest);
  v("mean_release", terms.mean_release);
  v("newest_release", terms.newest_release);
}

template <class V>
void fields(V& v, Of<V, decide::EvictTerms> terms) {
  v("node", terms.node);
  v("allocatable_batch_cpu", terms.allocatable_batch_cpu);
  v("sample_age_ns", terms.sample_age);
  v("sample_fresh", terms.sample_fresh);
  v("be_real_limit", terms.be_real_limit);
  v("be_left", terms.be_left);
  v("be_request", terms.be_request);
  v("satisfaction", terms.satisfaction);
  v("running_pods", terms.running_pods);
  v("finished_pods", terms.finished_pods);
  v("leaving_pods", terms.leaving_pods);
  v("cooling_ns", terms.cooling);
}

template <class V>
void fields(V& v, Of<V, decide::EvictDecision> decision) {
  v("victims", decision.victims);
  v("outcomes", decision.outcomes);
  v("terms", decision.terms);
  v("features", decision.features);
}

template <class V>
void fields(V& v, Of<V, decide::CookieGroup> group) {
  v("id", group.id);
  v("exclusive", group.exclusive);
  v("expeller", group.expeller);
}

template <class V>
void fields(V& v, Of<V, decide::CookieWant> want) {
  v("pod", want.pod);
  v("group", want.group);
}

template <class V>
void fields(V& v, Of<V, decide::BeSplit::Part> part) {
  v("uid", part.uid);
  v("limit", part.limit);
  v("binds", part.binds);
}

template <class V>
void fields(V& v, Of<V, decide::BeSplit> split) {
  v("pods", split.pods);
  v("in_force", split.in_force);
  v("outside", split.outside);
  v("root", split.root);
  v("not_held", split.not_held);
}

template <class V>
void fields(V& v, Of<V, decide::CpuRoundDecision> decision) {
  v("settlement", decision.settlement);
  v("evict", decision.evict);
  v("cookies", decision.cookies);
  v("suppressed_cpus", decision.suppressed_cpus);
  v("split", decision.split);
  v("features", decision.features);
}

}  // namespace tideline::recording
