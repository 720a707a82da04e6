#pragma once
// One resource's side of a node: what the formula takes, in the same words for CPU and for memory.

#include <algorithm>
#include <optional>

#include "coordinator/reclaim/charge.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::reclaim {

template <class Unit>
struct Account {
  Unit capacity;
  Unit allocatable;
  Unit reserved;     // by annotation
  Unit third_party;  // of batch, by annotation
  model::Ratio normalization;
  std::optional<Unit> system;
  std::optional<Unit> used;
  std::optional<Unit> prod_reclaimable;
  int reclaim_threshold_percent = 0;
  std::optional<int> cap_percent;
  model::CalculatePolicy calculate = model::CalculatePolicy::kUsage;
  int mid_threshold_percent = 0;
  int mid_static_percent = 0;
  PodCharge<Unit> (*charge)(const PodInput& pod, model::CalculatePolicy policy) = nullptr;
  std::optional<Unit> ApplicationInput::*application_use = nullptr;
};

Account<model::MilliCpu> cpu_account(const NodeInput& input, const model::ColocationPolicy& policy);
Account<model::Bytes> memory_account(const NodeInput& input, const model::ColocationPolicy& policy);

/// Kept for the system, whether it uses it or not.
template <class Unit>
Unit reserved_of(const Account<Unit>& account) {
  return std::max({account.capacity - account.allocatable, account.reserved, Unit{0}});
}

/// A reclaim threshold may exceed 100; beyond this the products with the largest valid capacity leave 64 bits.
inline constexpr int kMaxPercent = 100'000;

/// What is kept free of a capacity, by reclaimThresholdPercent; below 0 where that is more than 100.
template <class Unit>
Unit margin_of(Unit capacity, int reclaim_threshold_percent) {
  return capacity.percent(100 - std::clamp(reclaim_threshold_percent, 0, kMaxPercent));
}

/// Of a zone: what margin and use leave, at least 0; nothing where its use is not known.
template <class Unit>
Unit room_of(const model::ZoneTerms<Unit>& terms) {
  return terms.charged ? std::max(terms.capacity - terms.margin - *terms.charged, Unit{0}) : Unit{0};
}

/// What margin, system and charges leave; below 0 it is a deficit.
template <class Unit>
Unit room_of(const model::ReclaimTerms<Unit>& terms) {
  return terms.capacity - terms.margin - terms.system - terms.high_priority;
}

}  // namespace tideline::reclaim
