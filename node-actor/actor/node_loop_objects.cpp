// Of NodeLoop: the pods, labels, annotations and allocatable that the coordinator tells.
#include <algorithm>
#include <utility>

#include "messages/log/log.h"
#include "node-actor/actor/node_loop.h"

namespace tideline::node {
namespace {

template <class Unit>
Unit allocatable_of(Unit capacity, Unit reserved, const std::optional<Unit>& told) {
  // Kubernetes may have more than there is: where it is amplified, and of CPUs that went offline.
  if (told) return std::clamp(*told, Unit(0), capacity);
  return std::max(capacity - reserved, Unit(0));
}

bool is_of(const std::vector<model::MetadataProblem>& problems, std::string_view key) {
  return std::any_of(problems.begin(), problems.end(), [&](const auto& problem) { return problem.key == key; });
}

}  // namespace

bool NodeLoop::set_objects(const model::NodeObjects& objects) {
  const bool other_annotations = status_.annotations != objects.annotations;
  const bool other_node = other_annotations || status_.labels != objects.labels ||
                          cpu_told_ != objects.cpu_allocatable || memory_told_ != objects.memory_allocatable;
  const bool other_pods = !pods_known_ || pods_ != objects.pods;
  if (other_node) {
    status_.labels = objects.labels;
    status_.annotations = objects.annotations;
    cpu_told_ = objects.cpu_allocatable;
    memory_told_ = objects.memory_allocatable;
    if (other_annotations) take_claims();
    take_allocatable();
  }
  if (other_pods) set_pods(objects.pods);
  return other_node || other_pods;
}

void NodeLoop::take_claims() {
  auto claims = model::read_claims(status_.annotations);
  for (const auto* problems : {&claims.unreadable, &claims.problems}) {
    for (const auto& problem : *problems)
      log::warn("node-annotation", "{}", model::text_of(problem));
  }
  // What cannot be read is no reason to give back what was reserved by what could.
  if (!is_of(claims.unreadable, model::kReservationAnnotation)) reservation_ = std::move(claims.reservation);
  if (!is_of(claims.problems, model::kSystemQosAnnotation)) system_cpus_ = std::move(claims.system_cpus);
  cpu_side_->set_reserved(reserved_cpus());
}

model::CpuSet NodeLoop::reserved_cpus() const {
  return config_.cpus_reserved | reservation_.cpus | system_cpus_;
}

void NodeLoop::take_allocatable() {
  status_.cpu_allocatable = allocatable_of(status_.cpu_capacity, config_.cpu_reserved, cpu_told_);
  status_.memory_allocatable = allocatable_of(status_.memory_capacity, config_.memory_reserved, memory_told_);
  facts_ = input_.node = {status_.cpu_capacity, status_.cpu_allocatable, reservation_.cpu};
}

}  // namespace tideline::node
