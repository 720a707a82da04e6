#pragma once
// What a node's pods and its system used on average, from its live reports one by one, kept apart from
// fleet::UsageAverage: every reading is remembered and added up anew.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "coordinator/fleet/limits.h"
#include "messages/model/report.h"
#include "test/sim/offer_check.h"

namespace tideline::sim {

/// A mean over the last ten slots, by time, of values that held for a while.
class SlotMean {
 public:
  void add(std::int64_t slot, double value, model::Duration window) {
    std::erase_if(readings_, [slot](const Reading& reading) { return !is_within(reading, slot); });
    const double seconds = std::max(std::chrono::duration<double>(window).count(), 0.001);
    readings_.push_back({slot, value, seconds, ++taken_});
  }
  std::optional<double> mean(std::int64_t slot) const {
    double sum = 0;
    double seconds = 0;
    for (const auto& reading : readings_) {
      if (!is_within(reading, slot)) continue;
      sum += reading.value * reading.seconds;
      seconds += reading.seconds;
    }
    if (seconds <= 0) return std::nullopt;
    return sum / seconds;
  }
  std::optional<std::int64_t> at(std::int64_t slot) const {
    const auto exact = mean(slot);
    return exact ? std::optional<std::int64_t>(std::llround(*exact)) : std::nullopt;
  }
  /// How many values were ever added.
  std::uint64_t taken() const { return taken_; }
  /// Of the time of the values in the mean, the part of the first so many ever.
  double share_of_first(std::uint64_t count, std::int64_t slot) const {
    double first = 0;
    double all = 0;
    for (const auto& reading : readings_) {
      if (!is_within(reading, slot)) continue;
      if (reading.number <= count) first += reading.seconds;
      all += reading.seconds;
    }
    return all > 0 ? first / all : 0;
  }

 private:
  struct Reading {
    std::int64_t slot = 0;
    double value = 0;
    double seconds = 0;
    std::uint64_t number = 0;
  };
  static bool is_within(const Reading& reading, std::int64_t slot) {
    return reading.slot > slot - static_cast<std::int64_t>(fleet::kAverageSlots);
  }
  std::vector<Reading> readings_;
  std::uint64_t taken_ = 0;
};

/// A service that is no longer listed counts with the share of the system's mean that is of before, the first report
/// without it included: what of its use that mean does not hold.
class ChargeMemory {
 public:
  /// A live report, with the receiver's monotonic time of its arrival.
  void take(std::shared_ptr<const model::Report> taken, model::MonoTime arrived) {
    const model::Report& report = *taken;
    slot_ = arrived.ns / (fleet::FleetOptions{}.aggregate.count() / static_cast<std::int64_t>(fleet::kAverageSlots));
    const bool of_another_host =
        newest_ && newest_->incarnation != report.incarnation && newest_->status.boot_id != report.status.boot_id;
    if (of_another_host) {
      pods_.clear();
      gone_.clear();
      system_cpu_ = system_memory_ = SlotMean();
    }
    std::vector<Pod> listed;
    double pods_memory = 0;
    for (const auto& summary : report.pods) {
      listed.push_back(taken_out(summary.pod->uid));
      if (summary.cpu_milli) add(listed.back().cpu, summary.cpu_milli->mean, report.window);
      if (summary.memory_bytes) add(listed.back().memory, summary.memory_bytes->mean, report.window);
      if (summary.memory_bytes) pods_memory += static_cast<double>(summary.memory_bytes->mean);
    }
    const auto left = std::exchange(pods_, std::move(listed));
    double memory = 0;
    int readings = 0;
    for (const auto& sample : report.samples) {
      if (sample.system_cpu) add(system_cpu_, sample.system_cpu->value(), sample.window);
      if (!sample.node_memory) continue;
      memory += static_cast<double>(sample.node_memory->value());
      ++readings;
    }
    if (readings > 0) system_memory_.add(slot_, std::max(0.0, memory / readings - pods_memory), report.window);
    for (const auto& pod : left)
      remember(pod, report.window);
    std::erase_if(gone_, [&](const Gone& gone) {
      return system_cpu_.share_of_first(gone.cpu_before, slot_) <= 0 &&
             system_memory_.share_of_first(gone.memory_before, slot_) <= 0;
    });
    newest_ = std::move(taken);
  }

  /// nullptr: there was none.
  const model::Report* newest() const { return newest_.get(); }
  bool knows_system_cpu() const { return system_cpu_.at(slot_).has_value(); }
  bool knows_system_memory() const { return system_memory_.at(slot_).has_value(); }
  /// Services that are no longer listed and count still.
  std::size_t gone() const { return gone_.size(); }
  /// Of the newest report.
  Charged charged() const {
    const model::MilliCpu cpu(system_cpu_.at(slot_).value_or(0));
    const model::Bytes memory(system_memory_.at(slot_).value_or(0));
    std::size_t next = 0;
    auto sum = charged_of(*newest_, cpu, memory, [&](const model::PodSummary& summary) {
      while (pods_[next].uid != summary.pod->uid)
        ++next;
      Use use;
      if (const auto mean = pods_[next].cpu.at(slot_)) use.cpu = model::MilliCpu(*mean);
      if (const auto mean = pods_[next].memory.at(slot_)) use.memory = model::Bytes(*mean);
      return use;
    });
    for (const auto& gone : gone_) {
      sum.cpu += model::MilliCpu(left_of(gone.pod.cpu, system_cpu_, gone.cpu_before));
      sum.memory += model::Bytes(left_of(gone.pod.memory, system_memory_, gone.memory_before));
    }
    return sum;
  }

 private:
  struct Pod {
    model::PodUid uid;
    SlotMean cpu;
    SlotMean memory;
  };
  struct Gone {
    Pod pod;
    // Readings of the system up to the first report without it.
    std::uint64_t cpu_before = 0;
    std::uint64_t memory_before = 0;
  };
  void add(SlotMean& to, std::int64_t value, model::Duration window) const {
    to.add(slot_, static_cast<double>(value), window);
  }
  void remember(const Pod& pod, model::Duration window) {
    if (!is_service(pod.uid)) return;
    Gone gone{pod, system_cpu_.taken(), system_memory_.taken()};
    // Until when it ran in that report's time is not told.
    if (const auto mean = pod.cpu.mean(slot_)) gone.pod.cpu.add(slot_, *mean, window);
    if (const auto mean = pod.memory.mean(slot_)) gone.pod.memory.add(slot_, *mean, window);
    gone_.push_back(std::move(gone));
  }
  /// Of the report before.
  bool is_service(const model::PodUid& uid) const {
    return std::any_of(newest_->pods.begin(), newest_->pods.end(), [&](const model::PodSummary& summary) {
      return summary.pod->uid == uid && summary.pod->qos != model::QosClass::kBe;
    });
  }
  std::int64_t left_of(const SlotMean& use, const SlotMean& system, std::uint64_t before) const {
    return std::llround(use.mean(slot_).value_or(0) * system.share_of_first(before, slot_));
  }
  /// What is remembered of the pod. It is not found again.
  Pod taken_out(const model::PodUid& uid) {
    const auto known = std::find_if(pods_.begin(), pods_.end(), [&](const Pod& pod) { return pod.uid == uid; });
    if (known != pods_.end()) {
      Pod pod = std::move(*known);
      pods_.erase(known);
      return pod;
    }
    const auto back = std::find_if(gone_.begin(), gone_.end(), [&](const Gone& gone) { return gone.pod.uid == uid; });
    if (back == gone_.end()) return {uid, {}, {}};
    Pod pod = std::move(back->pod);
    gone_.erase(back);
    return pod;
  }

  std::int64_t slot_ = 0;
  std::vector<Pod> pods_;   // of the newest report, in its order
  std::vector<Gone> gone_;  // oldest first
  SlotMean system_cpu_;
  SlotMean system_memory_;
  std::shared_ptr<const model::Report> newest_;
};

}  // namespace tideline::sim
