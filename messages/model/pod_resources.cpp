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

}  // namespace tideline::model
