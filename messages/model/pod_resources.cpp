#include "messages/model/pod_resources.h"

namespace tideline::model {
namespace {

enum class Over { kThoseThatHave, kAll };

template <class Unit>
std::optional<Unit> sum(const std::vector<Container>& containers, Resources Container::*part,
                        std::optional<Unit> Resources::*field, Over over) {
  std::optional<Unit> total;
  for (const Container& container : containers) {
    const auto& value = container.*part.*field;
    if (value) {
      total = total.value_or(Unit(0)) + *value;
    } else if (over == Over::kAll) {
      return std::nullopt;
    }
  }
  return total;
}

void complete(const std::vector<Container>& containers, Resources Container::*part, Over over, Resources& own) {
  if (!own.cpu) own.cpu = sum(containers, part, &Resources::cpu, over);
  if (!own.memory) own.memory = sum(containers, part, &Resources::memory, over);
  if (!own.batch_cpu) own.batch_cpu = sum(containers, part, &Resources::batch_cpu, over);
  if (!own.batch_memory) own.batch_memory = sum(containers, part, &Resources::batch_memory, over);
}

}  // namespace

void complete_resources(Pod& pod) {
  complete(pod.containers, &Container::requests, Over::kThoseThatHave, pod.requests);
  complete(pod.containers, &Container::limits, Over::kAll, pod.limits);
}

void add(MidRequests& sum, const MidRequests& more) {
  if (more.cpu) sum.cpu = sum.cpu.value_or(MilliCpu(0)) + *more.cpu;
  if (more.memory) sum.memory = sum.memory.value_or(Bytes(0)) + *more.memory;
}

void complete(MidRequests& own, const MidRequests& other) {
  if (!own.cpu) own.cpu = other.cpu;
  if (!own.memory) own.memory = other.memory;
}

}  // namespace tideline::model
