// Of NodeLoop: the pods, labels, annotations and allocatable that the coordinator tells.
#include <algorithm>
#include <utility>

#include "messages/log/log.h"
#include "node-actor/actor/node_loop.h"

namespace tideline::node {
namespace {

/// What is kept from pods. Kubernetes may tell of more than there is, where allocatable is amplified, or of nothing: no
/// reason to give back what was kept before.
template <class Unit>
Unit kept_of(Unit capacity, const std::optional<Unit>& told, Unit kept) {
  return told && *told <= capacity ? capacity - std::max(*told, Unit(0)) : kept;
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
    cpu_kept_ = kept_of(status_.cpu_capacity, cpu_told_, cpu_kept_);
    memory_kept_ = kept_of(status_.memory_capacity, memory_told_, memory_kept_);
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
  status_.cpu_allocatable = std::max(status_.cpu_capacity - cpu_kept_, model::MilliCpu(0));
  status_.memory_allocatable = std::max(status_.memory_capacity - memory_kept_, model::Bytes(0));
  facts_ = input_.node = {status_.cpu_capacity, status_.cpu_allocatable, reservation_.cpu};
}

}  // namespace tideline::node
