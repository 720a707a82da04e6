#include "storage/series/fold.h"

#include <algorithm>
#include <utility>

#include "messages/model/report.h"
#include "storage/series/fold_cells.h"
#include "storage/series/fold_fields.h"
#include "storage/series/fold_pods.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

/// What a report says of its node as a whole.
class NodeStatusCells {
 public:
  NodeStatusCells(const model::NodeStatus& status, const NodePlan& plan)
      : plan_(plan),
        cpu_(std::min(status.cpu_capacity.value(), model::ReportLimits::kMaxMilliCpu)),
        memory_(std::min(status.memory_capacity.value(), model::ReportLimits::kMaxMemoryBytes)),
        cpu_step_(precision_of(cpu_, kNodeParts)),
        memory_step_(precision_of(memory_, kNodeParts)) {}

  /// A capacity of 0 is one that is not known.
  void put_capacities(SubjectCells& cells) const {
    if (cpu_ > 0) cells.add(plan_.cpu_capacity, 1, {.count = 1, .min = cpu_, .max = cpu_, .sum = cpu_});
    if (memory_ > 0) cells.add(plan_.memory_capacity, 1, {.count = 1, .min = memory_, .max = memory_, .sum = memory_});
  }
  std::int64_t step_of(PrecisionOf precision) const {
    if (precision == PrecisionOf::kCpu) return cpu_step_;
    return precision == PrecisionOf::kMemory ? memory_step_ : 1;
  }

 private:
  const NodePlan& plan_;
  std::int64_t cpu_;
  std::int64_t memory_;
  std::int64_t cpu_step_;
  std::int64_t memory_step_;
};

}  // namespace

struct Fold::Cells {
  SubjectCells node{node_plan().slots};
  PodCells pods;

  void add_node(const store::StoredReport& stored) {
    const NodePlan& plan = node_plan();
    const model::Report& report = stored.report;
    const NodeStatusCells status(report.status, plan);
    for (const model::NodeSample& sample : report.samples) {
      node.at(second_of(store::sample_time(stored, sample)));
      status.put_capacities(node);
      for (std::size_t place = 0; place < plan.metrics.size(); ++place) {
        const MetricSlot& slot = plan.metrics[place];
        const auto value = model::value_of(slot.metric, sample);
        const auto whole = value ? whole_of(*value, slot.scale, slot.most) : std::nullopt;
        if (!whole) continue;
        node.add(place, status.step_of(slot.precision), {.count = 1, .min = *whole, .max = *whole, .sum = *whole});
        if (slot.sketch != kNoPlace) node.sketch(slot.sketch, *whole, 1);
      }
    }
    node.at(second_of(stored.at));
    if (report.samples.empty()) status.put_capacities(node);
    const std::int64_t lost = as_whole(capped_product(scale_of(Field::kReportsLost), report.gap_reports));
    node.add(plan.reports, 1, {.count = 1, .min = 1, .max = 1, .sum = 1});
    node.add(plan.reports_lost, 1, {.count = 1, .min = lost, .max = lost, .sum = lost});
  }
};

Fold::Fold() : cells_(std::make_unique<Cells>()) {}
Fold::~Fold() = default;
Fold::Fold(Fold&&) noexcept = default;
Fold& Fold::operator=(Fold&&) noexcept = default;

void Fold::add(const store::StoredReport& stored) {
  cells_->add_node(stored);
  cells_->pods.add(stored);
}

bool Fold::empty() const {
  return cells_->node.empty();
}

std::size_t Fold::pods() const {
  return cells_->pods.size();
}

Folded Fold::finish() && {
  Folded folded;
  if (empty()) return folded;
  auto tables = std::move(cells_->node).finish({}, node_plan().slots);
  for (std::size_t i = 0; i < tables.size(); ++i)
    folded.tiers[i].push_back(std::move(tables[i]));
  std::move(cells_->pods).finish(folded);
  return folded;
}

}  // namespace tideline::series
