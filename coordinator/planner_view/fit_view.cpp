#include <string>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner_view/fine_view.h"
#include "coordinator/planner_view/report.h"

namespace tideline::planner_view {

std::string text_of(const Preface& preface, const planner::DemandModel& demand) {
  const Section section{
      .title = "Demand model", .paragraphs = {fmt::format("From {}.", demand.source)}, .table = demand_table(demand)};
  return report_text(preface, std::vector{section});
}

}  // namespace tideline::planner_view
