#include "k8s-bridge/translate/demand.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>

#include "messages/model/metadata_json.h"
#include "messages/model/pod_resources.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"

namespace tideline::k8s {
namespace {

using model::Bytes;
using model::MidRequests;
using model::MilliCpu;
using model::ReportLimits;
using model::Resources;

template <class Unit>
constexpr std::int64_t kMostOf = 0;
template <>
constexpr std::int64_t kMostOf<MilliCpu> = ReportLimits::kMaxMilliCpu;
template <>
constexpr std::int64_t kMostOf<Bytes> = ReportLimits::kMaxMemoryBytes;

/// By BatchName.
constexpr std::array kCpuNames{kBatchCpu, kOlderBatchCpu, kReclaimedCpu};
constexpr std::array kMemoryNames{kBatchMemory, kOlderBatchMemory, kReclaimedMemory};
static_assert(kCpuNames.size() == kBatchNames && kMemoryNames.size() == kBatchNames);

enum class Over : std::uint8_t { kThoseThatAsk, kAll };

/// One resource's sum. Amounts are at most kMostOf each, so that no sum of two leaves 64 bits.
template <class Unit>
class Sum {
 public:
  explicit Sum(bool& too_much) : too_much_(too_much) {}

  void add(Role role, Unit amount) {
    if (role == Role::kInit) {
      const Unit together = plus(sidecars_, amount);
      starting_ = std::max(starting_.value_or(together), together);
      return;
    }
    running_ = plus(running_, amount);
    if (role == Role::kSidecar) sidecars_ = plus(sidecars_, amount);
  }
  std::optional<Unit> total() const {
    if (!running_ || !starting_) return running_ ? running_ : starting_;
    return std::max(*running_, *starting_);
  }
  Unit plus(const std::optional<Unit>& sum, Unit amount) {
    const Unit together = sum.value_or(Unit(0)) + amount;
    if (together.value() <= kMostOf<Unit>) return together;
    too_much_ = true;
    return Unit(kMostOf<Unit>);
  }

 private:
  bool& too_much_;
  std::optional<Unit> running_;
  std::optional<Unit> sidecars_;  // begun so far
  std::optional<Unit> starting_;  // the most while an init container runs
};

/// `of`: what a part asks for. The pod's own, where it has one, takes the place of the sum.
template <class Unit, class Of>
std::optional<Unit> total(const std::vector<Part>& parts, Over over, const std::optional<Unit>& of_pod,
                          const std::optional<Unit>& overhead, Of of, bool& too_much) {
  Sum<Unit> sum(too_much);
  std::optional<Unit> whole = of_pod;
  if (!whole) {
    for (const Part& part : parts) {
      const std::optional<Unit>& own = of(part);
      if (own) {
        sum.add(part.role, *own);
      } else if (over == Over::kAll) {
        return std::nullopt;
      }
    }
    whole = sum.total();
  }
  if (!overhead || (!whole && over == Over::kAll)) return whole;
  return sum.plus(whole, *overhead);
}

template <class Unit>
void set_one(std::optional<Unit> Resources::*field, const std::vector<Part>& parts, const Asked& of_pod,
             const Asked& overhead, model::Pod& pod, bool& too_much) {
  const auto request = [field](const Part& part) -> const std::optional<Unit>& {
    return part.container.requests.*field;
  };
  const auto limit = [field](const Part& part) -> const std::optional<Unit>& { return part.container.limits.*field; };
  pod.requests.*field =
      total<Unit>(parts, Over::kThoseThatAsk, of_pod.requests.*field, overhead.requests.*field, request, too_much);
  pod.limits.*field = total<Unit>(parts, Over::kAll, of_pod.limits.*field, overhead.requests.*field, limit, too_much);
}

template <class Unit>
std::optional<Unit> mid_total(std::optional<Unit> MidRequests::*field, const std::vector<Part>& parts,
                              const Asked& of_pod, const Asked& overhead, bool& too_much) {
  const auto request = [field](const Part& part) -> const std::optional<Unit>& { return part.mid.*field; };
  return total<Unit>(parts, Over::kThoseThatAsk, of_pod.mid.*field, overhead.mid.*field, request, too_much);
}

template <class Unit>
using ByName = std::array<std::optional<Unit>, kBatchNames>;

template <class Unit>
ByName<Unit> names_in(const nlohmann::json& list, const std::array<std::string_view, kBatchNames>& names,
                      model::Result<Unit> (*parse)(std::string_view)) {
  ByName<Unit> amounts;
  for (std::size_t i = 0; i < kBatchNames; ++i) {
    const auto read = model::metadata::quantity(list, names.at(i), parse, kMostOf<Unit>);
    if (read) amounts.at(i) = *read;
  }
  return amounts;
}

template <class Unit>
std::array<Unit, kBatchNames> batch_totals(ByName<Unit> BatchByName::*field, const std::vector<Part>& parts,
                                           const Asked& of_pod, const Asked& overhead) {
  std::array<Unit, kBatchNames> totals{};
  bool too_much = false;  // told of the names together
  for (std::size_t i = 0; i < kBatchNames; ++i) {
    const auto own = [field, i](const Part& part) -> const std::optional<Unit>& { return (part.batch.*field).at(i); };
    totals.at(i) = total<Unit>(parts, Over::kThoseThatAsk, (of_pod.batch.*field).at(i), (overhead.batch.*field).at(i),
                               own, too_much)
                       .value_or(Unit(0));
  }
  return totals;
}

void add_too_much(std::string_view what, Problems& problems) {
  problems.add("spec.containers", what,
               fmt::format("their sum is more than any host has, and counts as {} millicores, {} bytes",
                           kMostOf<MilliCpu>, kMostOf<Bytes>));
}

template <class Unit>
void fill(std::optional<Unit>& request, const std::optional<Unit>& limit) {
  if (!request) request = limit;
}

bool asks(const Resources& resources) {
  return resources.cpu.value_or(MilliCpu(0)).value() > 0 || resources.memory.value_or(Bytes(0)).value() > 0;
}

bool is_guaranteed(const Resources& requests, const Resources& limits) {
  return limits.cpu && limits.memory && requests.cpu == limits.cpu && requests.memory == limits.memory;
}

}  // namespace

void read_resource_list(const nlohmann::json* list, std::string_view path, Resources& resources, MidRequests& mid,
                        Problems& problems) {
  if (list == nullptr) return;
  const auto cpu = [&](std::initializer_list<std::string_view> names,
                       model::Result<MilliCpu> (*parse)(std::string_view)) {
    return amount(list, path, names, parse, kMostOf<MilliCpu>, problems);
  };
  const auto bytes = [&](std::initializer_list<std::string_view> names) {
    return amount(list, path, names, model::parse_bytes, kMostOf<Bytes>, problems);
  };
  resources.cpu = cpu({"cpu"}, model::parse_cpu);
  resources.memory = bytes({"memory"});
  resources.batch_cpu = cpu({kBatchCpu, kOlderBatchCpu, kReclaimedCpu}, model::parse_batch_cpu);
  resources.batch_memory = bytes({kBatchMemory, kOlderBatchMemory, kReclaimedMemory});
  mid.cpu = cpu({kMidCpu}, model::parse_batch_cpu);
  mid.memory = bytes({kMidMemory});
}

BatchByName batch_by_name_in(const nlohmann::json* list) {
  if (list == nullptr) return {};
  return {.cpu = names_in(*list, kCpuNames, model::parse_batch_cpu),
          .memory = names_in(*list, kMemoryNames, model::parse_bytes)};
}

Asked asked_in(const Fields& resources, Problems& problems) {
  Asked asked;
  MidRequests mid_limits;
  const nlohmann::json* requests = resources.object("requests");
  const nlohmann::json* limits = resources.object("limits");
  read_resource_list(requests, resources.path("requests"), asked.requests, asked.mid, problems);
  read_resource_list(limits, resources.path("limits"), asked.limits, mid_limits, problems);
  asked.batch = batch_by_name_in(requests);
  const BatchByName batch_limits = batch_by_name_in(limits);
  for (std::size_t i = 0; i < kBatchNames; ++i) {
    fill(asked.batch.cpu.at(i), batch_limits.cpu.at(i));
    fill(asked.batch.memory.at(i), batch_limits.memory.at(i));
  }
  if (asked.limits.cpu == MilliCpu(0)) asked.limits.cpu.reset();
  if (asked.limits.memory == Bytes(0)) asked.limits.memory.reset();
  complete_requests(asked.requests, asked.limits);
  model::complete(asked.mid, mid_limits);
  return asked;
}

void complete_requests(Resources& requests, const Resources& limits) {
  fill(requests.cpu, limits.cpu);
  fill(requests.memory, limits.memory);
  fill(requests.batch_cpu, limits.batch_cpu);
  fill(requests.batch_memory, limits.batch_memory);
}

void set_demand(const std::vector<Part>& parts, const Asked& of_pod, const Asked& overhead, Problems& problems,
                model::Pod& pod) {
  bool too_much = false;
  set_one(&Resources::cpu, parts, of_pod, overhead, pod, too_much);
  set_one(&Resources::memory, parts, of_pod, overhead, pod, too_much);
  set_one(&Resources::batch_cpu, parts, of_pod, overhead, pod, too_much);
  set_one(&Resources::batch_memory, parts, of_pod, overhead, pod, too_much);
  if (too_much) add_too_much("requests and limits", problems);
}

MidRequests mid_demand_of(const std::vector<Part>& parts, const Asked& of_pod, const Asked& overhead,
                          Problems& problems) {
  bool too_much = false;
  const MidRequests mid{.cpu = mid_total(&MidRequests::cpu, parts, of_pod, overhead, too_much),
                        .memory = mid_total(&MidRequests::memory, parts, of_pod, overhead, too_much)};
  if (too_much) add_too_much("mid-cpu and mid-memory", problems);
  return mid;
}

BatchRequests batch_requests_of(const std::vector<Part>& parts, const Asked& of_pod, const Asked& overhead) {
  return {.cpu = batch_totals(&BatchByName::cpu, parts, of_pod, overhead),
          .memory = batch_totals(&BatchByName::memory, parts, of_pod, overhead)};
}

model::KubeQos kube_qos_of(const std::vector<Part>& parts, const Asked& of_pod) {
  if (asks(of_pod.requests) || asks(of_pod.limits)) {
    return is_guaranteed(of_pod.requests, of_pod.limits) ? model::KubeQos::kGuaranteed : model::KubeQos::kBurstable;
  }
  const bool any = std::any_of(parts.begin(), parts.end(), [](const Part& part) {
    return asks(part.container.requests) || asks(part.container.limits);
  });
  if (!any) return model::KubeQos::kBestEffort;
  const bool all = std::all_of(parts.begin(), parts.end(), [](const Part& part) {
    return is_guaranteed(part.container.requests, part.container.limits);
  });
  return all ? model::KubeQos::kGuaranteed : model::KubeQos::kBurstable;
}

}  // namespace tideline::k8s
