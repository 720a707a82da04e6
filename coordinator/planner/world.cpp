#include "coordinator/planner/world.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <queue>
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
  explicit PackTree(const std::vector<PackRoom>& hosts) : leaves_(std::bit_ceil(hosts.size())), nodes_(2 * leaves_) {
    std::copy(hosts.begin(), hosts.end(), nodes_.begin() + static_cast<std::ptrdiff_t>(leaves_));
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

/// What takes one place: a workload, or some that follow one another in it.
struct PackItem {
  PackRoom need;
  std::uint64_t lot = 0;
  std::vector<std::uint32_t> workloads;
};

std::int64_t largest_of(const std::vector<float>& values) {
  float largest = 0;
  for (const float value : values)
    largest = std::max(largest, value);
  return whole_within(static_cast<double>(largest), std::int64_t{1} << 53);
}

std::vector<PackItem> places_of_all(const Dataset& data) {
  std::vector<PackItem> items;
  items.reserve(data.workloads.size());
  for (const auto& workload : data.workloads) {
    items.push_back({.need = {largest_of(workload.cpu_request), largest_of(workload.memory_request_mib), 1},
                     .lot = 0,
                     .workloads = {static_cast<std::uint32_t>(items.size())}});
  }
  return items;
}

/// A pod of history lives for a while, and another takes its place: who comes takes the place that has been free for
/// the longest of those that ask for the same.
std::vector<PackItem> places_in_turn(const Dataset& data) {
  std::vector<PackItem> alone = places_of_all(data);
  const auto begin_of = [&data](const PackItem& item) { return data.workloads[item.workloads.front()].first; };
  std::stable_sort(alone.begin(), alone.end(), [&](const PackItem& a, const PackItem& b) {
    const std::size_t a_begin = begin_of(a);
    const std::size_t b_begin = begin_of(b);
    return std::tie(a.need.cpu, a.need.memory, a_begin) < std::tie(b.need.cpu, b.need.memory, b_begin);
  });
  std::vector<PackItem> places;
  using FreeFrom = std::pair<std::size_t, std::size_t>;  // step, place
  using Taken = std::priority_queue<FreeFrom, std::vector<FreeFrom>, std::greater<>>;
  Taken taken;
  for (auto& item : alone) {
    const bool other =
        !places.empty() && (places.back().need.cpu != item.need.cpu || places.back().need.memory != item.need.memory);
    if (other) taken = Taken();
    const auto& workload = data.workloads[item.workloads.front()];
    std::size_t place = places.size();
    if (!taken.empty() && taken.top().first <= workload.first) {
      place = taken.top().second;
      taken.pop();
      places[place].workloads.push_back(item.workloads.front());
    } else {
      places.push_back(std::move(item));
    }
    taken.emplace(workload.first + workload.cpu_used.size(), place);
  }
  return places;
}

std::vector<PackItem> items_of(const Dataset& data, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto items = data.all_hosts > 0 ? places_in_turn(data) : places_of_all(data);
  for (auto& item : items)
    item.lot = random();
  std::sort(items.begin(), items.end(), [](const PackItem& a, const PackItem& b) {
    return std::tie(b.need.cpu, b.need.memory, a.lot, a.workloads.front()) <
           std::tie(a.need.cpu, a.need.memory, b.lot, b.workloads.front());
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

const HostShape& shape_of(const PackOptions& options, std::size_t host) {
  return host < options.shapes.size() ? options.shapes[host] : options.host;
}

PackRoom room_on(const HostShape& shape, double cpu_percent, double memory_percent) {
  return {room_for_requests(shape.cpu_millicores, cpu_percent), room_for_requests(shape.memory_mib, memory_percent),
          static_cast<std::int64_t>(model::ReportLimits::kMaxPods)};
}

model::Result<void> check_pack(const Dataset& data, const PackOptions& options) {
  if (auto good = check_shape(options.host); !good) return good;
  for (const auto& shape : options.shapes) {
    if (auto good = check_shape(shape); !good) return good;
  }
  if (auto good = check_fill("a host's CPU", options.cpu_fill_percent); !good) return good;
  if (auto good = check_fill("a host's memory", options.memory_fill_percent); !good) return good;
  if (options.hosts > kMaxWorldHosts) {
    return model::invalid(fmt::format("{} hosts are more than {}", options.hosts, kMaxWorldHosts));
  }
  if (data.workloads.empty()) return model::invalid("the data has no workload to place");
  return {};
}

}  // namespace

model::Result<World> pack(const Dataset& data, const PackOptions& options) {
  if (auto good = check_pack(data, options); !good) return good.error();
  const auto items = items_of(data, options.seed);
  const std::size_t hosts =
      options.hosts > 0 ? options.hosts : options.shapes.size() + std::min(items.size(), kMaxWorldHosts);
  std::vector<PackRoom> rooms;
  rooms.reserve(hosts);
  PackRoom whole;  // of the largest
  PackRoom alone;
  for (std::size_t host = 0; host < hosts; ++host) {
    const auto& shape = shape_of(options, host);
    rooms.push_back(room_on(shape, options.cpu_fill_percent, options.memory_fill_percent));
    whole = most_of_both(whole, rooms.back());
    alone = most_of_both(alone, room_on(shape, options.alone_cpu_percent, options.alone_memory_percent));
  }
  World world;
  world.shape = options.host;
  world.hosts.resize(options.hosts);
  PackTree tree(rooms);
  for (const auto& item : items) {
    PackRoom need = item.need;
    if (need.cpu > whole.cpu && need.cpu <= alone.cpu) need.cpu = whole.cpu;
    if (need.memory > whole.memory && need.memory <= alone.memory) need.memory = whole.memory;
    const auto host = tree.first_with(need);
    if (!host) {
      world.not_placed.insert(world.not_placed.end(), item.workloads.begin(), item.workloads.end());
      continue;
    }
    tree.take(*host, need);
    if (*host >= world.hosts.size()) world.hosts.resize(*host + 1);
    auto& placed = world.hosts[*host];
    placed.insert(placed.end(), item.workloads.begin(), item.workloads.end());
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
  for (std::size_t host = 0; host < world.hosts.size() && !options.shapes.empty(); ++host)
    world.shapes.push_back(shape_of(options, host));
  return world;
}

std::string host_name(std::size_t host) {
  return fmt::format("node-{:04}", host);
}

std::string host_name(const Dataset& data, const World& world, std::size_t host) {
  return world.recorded ? data.hosts[host].name : host_name(world.first_host + host);
}

model::Result<World> recorded_world(const Dataset& data) {
  if (data.all_hosts == 0) {
    return model::invalid("the data does not say which hosts there were: it is no export of history");
  }
  World world;
  world.recorded = true;
  world.first_host = data.first_host;
  world.fleet_hosts = data.all_hosts;
  world.hosts.resize(data.hosts.size());
  for (std::size_t number = 0; number < data.workloads.size(); ++number) {
    const std::uint32_t host = data.workloads[number].host;
    auto& on = host < world.hosts.size() ? world.hosts[host] : world.not_placed;
    on.push_back(static_cast<std::uint32_t>(number));
  }
  world.shape = {.cpu_millicores = 1, .memory_mib = 1, .system_cpu_millicores = 0, .system_memory_mib = 0};
  for (const auto& shape : recorded_shapes(data)) {
    world.shape.cpu_millicores = std::max(world.shape.cpu_millicores, shape.cpu_millicores);
    world.shape.memory_mib = std::max(world.shape.memory_mib, shape.memory_mib);
  }
  return world;
}

std::vector<HostShape> recorded_shapes(const Dataset& data) {
  struct Mean {
    double sum = 0;
    std::size_t known = 0;
    double value() const { return known > 0 ? sum / static_cast<double>(known) : 0.0; }
  };
  const auto mean_of = [](const std::vector<float>& values) {
    Mean mean;
    for (const float value : values) {
      if (value < 0) continue;
      mean.sum += static_cast<double>(value);
      ++mean.known;
    }
    return mean.value();
  };
  std::vector<HostShape> shapes;
  shapes.reserve(data.hosts.size());
  for (const auto& host : data.hosts) {
    HostShape shape{.cpu_millicores = static_cast<double>(largest_of(host.cpu_capacity)),
                    .memory_mib = static_cast<double>(largest_of(host.memory_capacity_mib)),
                    .system_cpu_millicores = mean_of(host.cpu_system),
                    .system_memory_mib = mean_of(host.memory_system_mib)};
    shape.cpu_millicores = std::max(shape.cpu_millicores, 1.0);
    shape.memory_mib = std::max(shape.memory_mib, 1.0);
    shape.system_cpu_millicores = std::min(shape.system_cpu_millicores, shape.cpu_millicores);
    shape.system_memory_mib = std::min(shape.system_memory_mib, shape.memory_mib);
    shapes.push_back(shape);
  }
  return shapes;
}

World slice_of(const World& world, const HostSlice& slice) {
  World some;
  some.shape = world.shape;
  some.recorded = world.recorded;
  some.not_placed = world.not_placed;
  const auto from = [&slice](const auto& all) {
    return std::pair(all.begin() + static_cast<std::ptrdiff_t>(slice.first),
                     all.begin() + static_cast<std::ptrdiff_t>(slice.last));
  };
  const auto [first, last] = from(world.hosts);
  some.hosts.assign(first, last);
  if (!world.shapes.empty()) {
    const auto [first_shape, last_shape] = from(world.shapes);
    some.shapes.assign(first_shape, last_shape);
  }
  some.first_host = world.first_host + slice.first;
  some.fleet_hosts = world.hosts_of_fleet();
  return some;
}

}  // namespace tideline::planner
