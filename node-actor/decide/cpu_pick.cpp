#include "node-actor/decide/cpu_pick.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace tideline::decide {
namespace {

using model::CpuSet;
using model::Topology;

int size_of(const std::vector<int>& list) {
  return static_cast<int>(list.size());
}

/// Chooses among equals: either all candidates are siblings of bound CPUs, or none is.
class Chooser {
 public:
  Chooser(const Topology& topology, const CpuSet& candidates, const PickRequest& request, const CpuSet& beside) {
    std::map<int, std::size_t> core_at;
    std::map<std::tuple<int, int, int>, std::size_t> domain_at;
    for (const auto& cpu : topology.cpus) {
      const auto [domain_it, new_domain] = domain_at.try_emplace({cpu.package, cpu.numa, cpu.l3}, domains_.size());
      if (new_domain) domains_.push_back({.numa = cpu.numa, .package = cpu.package});
      const auto [core_it, new_core] = core_at.try_emplace(cpu.core, cores_.size());
      if (new_core) cores_.push_back({.domain = domain_it->second});
      auto& core = cores_[core_it->second];
      auto& domain = domains_[core.domain];
      ++core.threads;
      if (request.bound.contains(cpu.id)) ++domain.bound;
      if (beside.contains(cpu.id)) {
        ++core.beside;
        count_in(domain, 1);
      } else if (candidates.contains(cpu.id)) {
        if (request.previous.contains(cpu.id)) {
          core.taken.push_back(cpu.id);
          count_in(domain, 1);
          ++taken_;
        } else {
          core.open.push_back(cpu.id);
          ++domain.open;
        }
      }
    }
  }

  CpuSet choose(int count) {
    while (taken_ < count && grow(count - taken_)) {
    }
    while (taken_ > count && shrink(taken_ - count)) {
    }
    std::vector<int> chosen;
    for (const auto& core : cores_)
      chosen.insert(chosen.end(), core.taken.begin(), core.taken.end());
    return CpuSet(std::move(chosen));
  }

 private:
  struct Core {
    std::size_t domain = 0;
    int threads = 0;
    int beside = 0;
    std::vector<int> open = {};
    std::vector<int> taken = {};
  };
  struct Domain {
    int numa = 0;
    int package = 0;
    int bound = 0;
    int open = 0;
    int taken = 0;
  };
  /// Compared from the left; the least is best.
  using Key = std::array<int, 10>;

  void count_in(Domain& domain, int cpus) {
    domain.taken += cpus;
    numa_taken_[domain.numa] += cpus;
    package_taken_[domain.package] += cpus;
  }

  Key grow_key(std::size_t index, int need) {
    const auto& core = cores_[index];
    const auto& domain = domains_[core.domain];
    return {core.taken.empty() && core.beside == 0 ? 1 : 0,
            -domain.taken,
            -numa_taken_[domain.numa],
            -package_taken_[domain.package],
            domain.bound,
            -domain.open,
            static_cast<int>(core.domain),
            size_of(core.open) <= need ? 0 : 1,
            size_of(core.open) == core.threads ? 0 : 1,
            static_cast<int>(index)};
  }

  Key shrink_key(std::size_t index, int surplus) {
    const auto& core = cores_[index];
    const auto& domain = domains_[core.domain];
    return {size_of(core.taken) <= surplus ? 0 : 1,
            domain.taken,
            numa_taken_[domain.numa],
            package_taken_[domain.package],
            -domain.bound,
            -static_cast<int>(core.domain),
            size_of(core.taken) + core.beside < core.threads ? 0 : 1,
            -static_cast<int>(index)};
  }

  /// The core with the least key of those for which `list` has something.
  template <class KeyOf>
  std::optional<std::size_t> best(std::vector<int> Core::*list, KeyOf key_of) const {
    std::optional<std::size_t> found;
    Key least{};
    for (std::size_t i = 0; i < cores_.size(); ++i) {
      if ((cores_[i].*list).empty()) continue;
      const Key key = key_of(i);
      if (found && least <= key) continue;
      found = i;
      least = key;
    }
    return found;
  }

  /// Takes up to `need` CPUs of the best core; false: there is none left.
  bool grow(int need) {
    const auto index = best(&Core::open, [&](std::size_t i) { return grow_key(i, need); });
    if (!index) return false;
    auto& core = cores_[*index];
    const int cpus = std::min(need, size_of(core.open));
    core.taken.insert(core.taken.end(), core.open.begin(), core.open.begin() + cpus);
    core.open.erase(core.open.begin(), core.open.begin() + cpus);
    move_count(core, cpus);
    return true;
  }

  /// Gives up to `surplus` CPUs of one core back.
  bool shrink(int surplus) {
    const auto index = best(&Core::taken, [&](std::size_t i) { return shrink_key(i, surplus); });
    if (!index) return false;
    auto& core = cores_[*index];
    const int cpus = std::min(surplus, size_of(core.taken));
    core.open.insert(core.open.end(), core.taken.end() - cpus, core.taken.end());
    core.taken.erase(core.taken.end() - cpus, core.taken.end());
    move_count(core, -cpus);
    return true;
  }

  void move_count(const Core& core, int cpus) {
    auto& domain = domains_[core.domain];
    count_in(domain, cpus);
    domain.open -= cpus;
    taken_ += cpus;
  }

  std::vector<Core> cores_;
  std::vector<Domain> domains_;
  std::map<int, int> numa_taken_;
  std::map<int, int> package_taken_;
  int taken_ = 0;
};

CpuSet online_of(const Topology& topology) {
  std::vector<int> cpus;
  cpus.reserve(topology.cpus.size());
  for (const auto& cpu : topology.cpus)
    cpus.push_back(cpu.id);
  return CpuSet(std::move(cpus));
}

}  // namespace

CpuSet siblings_of(const Topology& topology, const CpuSet& cpus) {
  std::vector<int> cores;
  for (const auto& cpu : topology.cpus) {
    if (cpus.contains(cpu.id)) cores.push_back(cpu.core);
  }
  std::sort(cores.begin(), cores.end());
  std::vector<int> siblings;
  for (const auto& cpu : topology.cpus) {
    if (!cpus.contains(cpu.id) && std::binary_search(cores.begin(), cores.end(), cpu.core)) siblings.push_back(cpu.id);
  }
  return CpuSet(std::move(siblings));
}

CpuSet pick_cpus(const Topology& topology, const PickRequest& request) {
  const CpuSet allowed = request.allowed & online_of(topology);
  const int count = std::clamp(request.count, 0, allowed.size());
  const CpuSet last_resort = allowed & siblings_of(topology, request.bound);
  const CpuSet first = allowed - last_resort;
  CpuSet chosen = Chooser(topology, first, request, request.beside).choose(std::min(count, first.size()));
  if (count == chosen.size()) return chosen;
  return chosen | Chooser(topology, last_resort, request, request.beside | chosen).choose(count - chosen.size());
}

}  // namespace tideline::decide
