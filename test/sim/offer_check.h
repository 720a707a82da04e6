#pragma once
// Invariant 1 of DESIGN §7 by plain sums, kept apart from the code under test: what a node's newest live report
// charges, and what may be offered of the rest.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "messages/model/reclaimed.h"
#include "messages/model/report.h"

namespace tideline::sim {

using ReportId = std::pair<std::uint64_t, std::uint64_t>;  // incarnation, seq

inline ReportId id_of(const model::Report& report) {
  return {report.incarnation.value(), report.seq.value()};
}

/// Which report of a node is the newest live one.
class NewestReport {
 public:
  bool known() const { return arrived_.has_value(); }
  const ReportId& id() const { return id_; }
  /// ns; of a known one.
  std::int64_t arrived() const { return *arrived_; }

  /// Whether a report that was stored now must count as live.
  bool is_news(const model::Report& report) const {
    const auto [incarnation, seq] = id_of(report);
    if (report.lane != model::Lane::kLive || (session_ && *session_ != incarnation)) return false;
    if (!known()) return true;
    if (incarnation == id_.first) return seq > id_.second;
    return session_ || !left_.contains(incarnation);
  }
  void take(const model::Report& report, std::int64_t arrived) {
    if (known() && id_.first != report.incarnation.value()) left_.insert(id_.first);
    id_ = id_of(report);
    left_.erase(id_.first);
    replaced_ = false;
    arrived_ = arrived;
  }
  /// The node has a session, of this incarnation.
  void opened(model::Incarnation incarnation) {
    session_ = incarnation.value();
    if (known() && id_.first != *session_) replaced_ = true;
  }
  void closed() { session_.reset(); }
  /// It may be another host's than that which came into its place: nothing may be offered on it.
  bool is_replaced() const { return replaced_; }

 private:
  ReportId id_;
  std::optional<std::uint64_t> session_;  // that was told of
  std::set<std::uint64_t> left_;
  std::optional<std::int64_t> arrived_;
  bool replaced_ = false;
};

struct Use {
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
};

struct Charged {
  model::MilliCpu cpu;
  model::Bytes memory;
};

/// LSE by request, others but BE by use, or by request without a metric; memory by use; mid at least what it was
/// promised; the system at least what is not allocatable. `use_of(pod)`: what is known of a pod's use.
template <class UseOf>
Charged charged_of(const model::Report& report, model::MilliCpu system_cpu, model::Bytes system_memory,
                   const UseOf& use_of) {
  using model::Bytes;
  using model::MilliCpu;
  const auto& status = report.status;
  Charged sum{std::max(system_cpu, status.cpu_capacity - status.cpu_allocatable),
              std::max(system_memory, status.memory_capacity - status.memory_allocatable)};
  for (const auto& pod : report.pods) {
    if (pod.pod->qos == model::QosClass::kBe) continue;
    const Use use = use_of(pod);
    const bool by_use = use.cpu && pod.pod->qos != model::QosClass::kLse;
    const auto cpu = by_use ? *use.cpu : pod.pod->requests.cpu.value_or(MilliCpu(0));
    const auto memory = use.memory ? *use.memory : pod.pod->requests.memory.value_or(Bytes(0));
    sum.cpu += std::max(cpu, pod.pod->mid_requests.cpu.value_or(MilliCpu(0)));
    sum.memory += std::max(memory, pod.pod->mid_requests.memory.value_or(Bytes(0)));
  }
  return sum;
}

/// What came up, over all accounts.
struct OfferCounts {
  int offers = 0;
  int mid_offers = 0;
  int deficits = 0;
  int withdrawn = 0;
  void add(const OfferCounts& other) {
    offers += other.offers;
    mid_offers += other.mid_offers;
    deficits += other.deficits;
    withdrawn += other.withdrawn;
  }
};

/// What the offer of one resource is held against.
template <class Unit>
struct OfferTruth {
  Unit capacity{};
  int percent = 0;  // of it are safe
  Unit charged{};
  Unit slack{};  // of `charged`: rounding
  bool stale = false;
  bool enabled = true;
};

/// "" or how the offer breaks the invariant.
template <class Unit>
std::string problem_of(const model::ReclaimTerms<Unit>& terms, const OfferTruth<Unit>& truth, OfferCounts& counts) {
  const Unit zero(0);
  const Unit safe = truth.capacity.percent(truth.percent) + Unit(1);
  const auto why = [&](std::string_view what) {
    return fmt::format("{}: {} is offered and {} to mid, {} charged, {} committed, {} safe of {}, {} deficit, by {}",
                       what, terms.offered.value(), terms.mid_offered.value(), truth.charged.value(),
                       terms.committed.value(), safe.value(), truth.capacity.value(), terms.deficit.value(),
                       model::name_of(terms.rule));
  };
  if (terms.offered < zero || terms.mid_offered < zero) return why("below nothing");
  const bool any = terms.offered > zero || terms.mid_offered > zero;
  if (truth.stale || !truth.enabled) {
    if (any) return why(truth.stale ? "on stale data" : "disabled");
    counts.withdrawn += truth.stale ? 1 : 0;
    return "";
  }
  if (truth.charged > safe + truth.slack) {
    if (any) return why("in a deficit");
    if (terms.rule != model::ReclaimRule::kUnknownUsage) {
      if (terms.deficit <= zero) return why("a deficit is not named");
      ++counts.deficits;
    }
  }
  if (any) {
    if (truth.charged + terms.mid_offered + terms.offered > safe + truth.slack) return why("sold twice");
    ++counts.offers;
  }
  if (terms.mid_offered > zero) {
    if (truth.charged + terms.mid_offered + terms.committed > safe + truth.slack) return why("batch holds it");
    ++counts.mid_offers;
  }
  return "";
}

}  // namespace tideline::sim
