#pragma once
// Pods that nobody made: two of three are services, the third is batch.

#include <cstddef>
#include <cstdint>
#include <string>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"

namespace tideline::simulation {

/// What all hosts of a fleet have alike.
struct HostShape {
  std::size_t pods = 30;  // a third of them batch
  model::MilliCpu cpu{32'000};
  model::Bytes memory{std::int64_t{128} << 30};
};

/// Shares of a host's CPU and memory that the loads which nobody gave begin from.
constexpr double kSystemShare = 0.02;
constexpr double kServicesMean = 0.45;
constexpr double kServicesSwing = 0.2;  // with the hour of the day
constexpr int kServicesMemoryPercent = 35;
constexpr int kBatchMemoryPercent = 20;
constexpr int kSystemMemoryPercent = 5;

/// Of the pods of a host, by number.
bool is_batch(std::size_t index);

/// Pod number `index` of a node. `id` is drawn by the caller, and decides of which of 40 workloads it is. A service
/// requests half of an even part of the host and is limited to two of them; batch requests one, in batch-cpu.
model::Pod generated_pod(const model::NodeName& node, std::size_t index, std::uint32_t id, const HostShape& shape);

/// A uid of this node's own, for pod `index` of `id`.
model::PodUid generated_uid(const model::NodeName& node, std::size_t index, std::uint32_t id);
/// An id for the one container of that pod.
std::string generated_container_id(std::size_t index, std::uint32_t id);

/// A day's wave at an hour, -1..1.
double day_wave(double hour);

}  // namespace tideline::simulation
