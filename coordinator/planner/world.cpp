#include "coordinator/planner/world.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <random>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/whole_units.h"
#include "messages/model/report.h"

namespace tideline::planner {
namespace {

constexpr std::size_t kMaxWorldHosts = 10'000'000;

/// Millicores, MiB and pods.
struct PackRoom {
  std::int64_t cpu = -1;
  std::int64_t memory = -1;
  std::int64_t pods = -1;
  bool holds(const PackRoom& need) const { return cpu >= need.cpu && memory >= need.memory && pods >= need.pods; }
};

PackRoom most_of_both(const PackRoom& a, const PackRoom& b) {
  return {std::max(a.cpu, b.cpu), std::max(a.memory, b.memory), std::max(a.pods, b.pods)};
}

/// Hosts as the leaves of a tree whose nodes hold the most that one below them has, so that first fit looks at few.
class PackTree {
 public:
  PackTree(std::size_t hosts, const PackRoom& whole) : leaves_(std::bit_ceil(hosts)), nodes_(2 * leaves_) {
    for (std::size_t host = 0; host < hosts; ++host)
      nodes_[leaves_ + host] = whole;
    for (std::size_t node = leaves_ - 1; node > 0; --node)
      nodes_[node] = most_of_both(nodes_[2 * node], nodes_[2 * node + 1]);
  }

  std::optional<std::size_t> first_with(const PackRoom& need) const { return first_below(1, need); }

  void take(std::size_t host, const PackRoom& need) {
    std::size_t node = leaves_ + host;
    nodes_[node].cpu -= need.cpu;
    nodes_[node].memory -= need.memory;
    nodes_[node].pods -= need.pods;
    for (node /= 2; node > 0; node /= 2)
      nodes_[node] = most_of_both(nodes_[2 * node], nodes_[2 * node + 1]);
  }

 private:
  /// What a node has most of may be of different hosts: then there is none below it, and the next is looked at.
  std::optional<std::size_t> first_below(std::size_t node, const PackRoom& need) const {
    if (!nodes_[node].holds(need)) return std::nullopt;
    if (node >= leaves_) return node - leaves_;
    if (const auto left = first_below(2 * node, need)) return left;
    return first_below(2 * node + 1, need);
  }

  std::size_t leaves_;
  std::vector<PackRoom> nodes_;  // 1 is the root
};

struct PackItem {
  PackRoom need;
  std::uint64_t lot = 0;
  std::uint32_t workload = 0;
};

std::int64_t largest_of(const std::vector<float>& values) {
  float largest = 0;
  for (const float value : values)
    largest = std::max(largest, value);
  return whole_within(static_cast<double>(largest), std::int64_t{1} << 53);
}

std::vector<PackItem> items_of(const Dataset& data, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<PackItem> items;
  items.reserve(data.workloads.size());
  for (const auto& workload : data.workloads) {
    items.push_back({.need = {largest_of(workload.cpu_request), largest_of(workload.memory_request_mib), 1},
                     .lot = random(),
                     .workload = static_cast<std::uint32_t>(items.size())});
  }
  std::sort(items.begin(), items.end(), [](const PackItem& a, const PackItem& b) {
    return std::tie(b.need.cpu, b.need.memory, a.lot, a.workload) <
           std::tie(a.need.cpu, a.need.memory, b.lot, b.workload);
  });
  return items;
}

model::Result<void> check_fill(std::string_view what, double percent) {
  if (std::isfinite(percent) && percent > 0) return {};
  return model::invalid(fmt::format("{} is filled to {} %", what, percent));
}

std::int64_t room_for_requests(double whole, double percent) {
  return static_cast<std::int64_t>(std::min(whole * percent / 100, 0x1p53) + 1e-6);
}

}  // namespace

model::Result<World> pack(const Dataset& data, const PackOptions& options) {
  if (auto good = check_shape(options.host); !good) return good.error();
  if (auto good = check_fill("a host's CPU", options.cpu_fill_percent); !good) return good.error();
  if (auto good = check_fill("a host's memory", options.memory_fill_percent); !good) return good.error();
  if (options.hosts > kMaxWorldHosts) {
    return model::invalid(fmt::format("{} hosts are more than {}", options.hosts, kMaxWorldHosts));
  }
  if (data.workloads.empty()) return model::invalid("the data has no workload to place");

  const PackRoom whole{room_for_requests(options.host.cpu_millicores, options.cpu_fill_percent),
                       room_for_requests(options.host.memory_mib, options.memory_fill_percent),
                       static_cast<std::int64_t>(model::ReportLimits::kMaxPods)};
  World world;
  world.shape = options.host;
  world.hosts.resize(options.hosts);
  PackTree tree(options.hosts > 0 ? options.hosts : std::min(data.workloads.size(), kMaxWorldHosts), whole);
  for (const auto& item : items_of(data, options.seed)) {
    const auto host = tree.first_with(item.need);
    if (!host) {
      world.not_placed.push_back(item.workload);
      continue;
    }
    tree.take(*host, item.need);
    if (*host >= world.hosts.size()) world.hosts.resize(*host + 1);
    world.hosts[*host].push_back(item.workload);
  }
  if (world.not_placed.size() == data.workloads.size()) {
    return model::invalid(
        fmt::format("none of {} workloads requests as little as a host has for requests: {} "
                    "millicores and {} MiB",
                    data.workloads.size(), whole.cpu, whole.memory));
  }
  for (auto& workloads : world.hosts)
    std::sort(workloads.begin(), workloads.end());
  std::sort(world.not_placed.begin(), world.not_placed.end());
  return world;
}

std::string host_name(std::size_t host) {
  return fmt::format("node-{:04}", host);
}

}  // namespace tideline::planner
