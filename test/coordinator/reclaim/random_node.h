#pragma once
// Nodes and policies of any kind, for properties of the account.

#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "coordinator/reclaim/reclaim.h"

namespace tideline::reclaim {

class RandomNodes {
 public:
  explicit RandomNodes(std::uint64_t seed) : random_(seed) {}

  model::ColocationPolicy policy() {
    using model::CalculatePolicy;
    model::ColocationPolicy any;
    any.enable = random_() % 8 != 0;
    any.cpu_reclaim_threshold_percent = static_cast<int>(pick(130));
    any.memory_reclaim_threshold_percent = static_cast<int>(pick(130));
    if (random_() % 2) any.batch_cpu_threshold_percent = static_cast<int>(pick(100));
    any.cpu_calculate_policy = static_cast<CalculatePolicy>(pick(2));
    any.memory_calculate_policy = static_cast<CalculatePolicy>(pick(2));
    any.mid_reclaim_mode = static_cast<model::MidReclaimMode>(pick(1));
    any.mid_cpu_threshold_percent = static_cast<int>(pick(100));
    any.mid_memory_threshold_percent = static_cast<int>(pick(100));
    any.mid_unallocated_percent = static_cast<int>(pick(100));
    any.mid_static_cpu_reserved_percent = static_cast<int>(pick(100));
    any.mid_static_memory_reserved_percent = static_cast<int>(pick(100));
    return any;
  }

  /// Reported at most 20 minutes before `now`, or never.
  NodeInput node(model::MonoTime now) {
    using model::Bytes;
    using model::MilliCpu;
    NodeInput input;
    if (random_() % 8) input.arrived = now + -model::Duration(std::chrono::seconds(pick(20 * 60)));
    input.cpu_capacity = MilliCpu(pick(256'000));
    input.cpu_allocatable = MilliCpu(pick(256'000));
    input.memory_capacity = Bytes(pick(2048 * kGi));
    input.memory_allocatable = Bytes(pick(2048 * kGi));
    input.system_cpu = maybe<MilliCpu>(64'000);
    input.system_memory = maybe<Bytes>(512 * kGi);
    input.used_cpu = maybe<MilliCpu>(256'000);
    input.used_memory = maybe<Bytes>(2048 * kGi);
    input.prod_reclaimable_cpu = maybe<MilliCpu>(256'000);
    input.prod_reclaimable_memory = maybe<Bytes>(2048 * kGi);
    if (random_() % 3 == 0) {
      input.cpu_reserved = MilliCpu(pick(64'000));
      input.memory_reserved = Bytes(pick(512 * kGi));
    }
    if (random_() % 3 == 0) {
      input.third_party_cpu = MilliCpu(pick(64'000));
      input.third_party_memory = Bytes(pick(512 * kGi));
    }
    if (random_() % 2 == 0) input.cpu_normalization = model::Ratio(100 + pick(400));
    if (random_() % 16 == 0) {
      input.unreadable = {model::metadata_problem("node.koordinator.sh/reservation", "?", "not JSON")};
    }
    for (auto i = random_() % 20; i > 0; --i)
      input.pods.push_back(pod(i));
    for (auto i = random_() % 4; i > 0; --i)
      input.applications.push_back(application(i));
    for (auto i = random_() % 4; i > 0; --i)
      input.zones.push_back(zone(static_cast<int>(4 - i)));
    input.zone_count = static_cast<int>(input.zones.size());
    return input;
  }

 private:
  static constexpr std::int64_t kGi = std::int64_t{1} << 30;

  std::int64_t pick(std::int64_t high) {
    return static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(high) + 1));
  }
  template <class Unit>
  std::optional<Unit> maybe(std::int64_t high) {
    if (random_() % 5 == 0) return std::nullopt;
    return Unit(pick(high));
  }
  PodInput pod(std::uint64_t number) {
    using model::Bytes;
    using model::MilliCpu;
    PodInput one;
    one.uid = model::PodUid(std::to_string(number));
    one.qos = static_cast<model::QosClass>(pick(4));
    one.tier = static_cast<model::Tier>(pick(3));
    one.phase = static_cast<model::PodPhase>(pick(3));
    one.listed = random_() % 8 != 0;
    one.requests.cpu = maybe<MilliCpu>(16'000);
    one.requests.memory = maybe<Bytes>(64 * kGi);
    one.mid_requests.cpu = maybe<MilliCpu>(16'000);
    one.mid_requests.memory = maybe<Bytes>(64 * kGi);
    one.requests.batch_cpu = maybe<MilliCpu>(16'000);
    one.requests.batch_memory = maybe<Bytes>(64 * kGi);
    one.cpu = maybe<MilliCpu>(16'000);
    one.memory = maybe<Bytes>(64 * kGi);
    return one;
  }

  ApplicationInput application(std::uint64_t number) {
    using model::Bytes;
    using model::MilliCpu;
    return {.name = std::to_string(number),
            .tier = static_cast<model::Tier>(pick(3)),
            .state = static_cast<model::ApplicationState>(pick(3)),
            .listed = random_() % 8 != 0,
            .cpu = maybe<MilliCpu>(16'000),
            .memory = maybe<Bytes>(64 * kGi)};
  }

  ZoneInput zone(int id) {
    using model::Bytes;
    using model::MilliCpu;
    return {.id = id,
            .cpu_capacity = MilliCpu(pick(128'000)),
            .memory_capacity = Bytes(pick(1024 * kGi)),
            .cpu_others = maybe<MilliCpu>(128'000),
            .memory_others = maybe<Bytes>(1024 * kGi),
            .cpu_be = maybe<MilliCpu>(64'000),
            .memory_be = maybe<Bytes>(512 * kGi)};
  }

  std::mt19937_64 random_;
};

}  // namespace tideline::reclaim
