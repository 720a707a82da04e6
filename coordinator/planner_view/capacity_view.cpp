#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

using planner::Capacity;
using planner::Interval;

/// "12 (10 to 13)", of things that are whole.
std::string interval_text(const Interval& interval) {
  return fmt::format("{} ({} to {})", fixed(interval.mid, 0), fixed(interval.low, 0), fixed(interval.high, 0));
}

std::string answer_text(const Capacity& capacity) {
  if (!capacity.is_found) {
    return fmt::format("No number of hosts is safe enough: not even {}, where there are {}.", capacity.hosts_needed,
                       capacity.hosts_now);
  }
  if (capacity.hosts_to_add.mid > 0.5) {
    return fmt::format(
        "{} hosts are needed beside the {} that there are, spare ones counted; by days drawn anew, {} "
        "to {}.",
        fixed(capacity.hosts_to_add.mid, 0), capacity.hosts_now, fixed(capacity.hosts_to_add.low, 0),
        fixed(capacity.hosts_to_add.high, 0));
  }
  if (capacity.hosts_to_give_back.mid < 0.5) {
    return fmt::format("None of the {} hosts can be given back.", capacity.hosts_now);
  }
  return fmt::format("{} of {} hosts can be given back; by days drawn anew, {} to {}.",
                     fixed(capacity.hosts_to_give_back.mid, 0), capacity.hosts_now,
                     fixed(capacity.hosts_to_give_back.low, 0), fixed(capacity.hosts_to_give_back.high, 0));
}

std::vector<Figure> capacity_figures(const Capacity& capacity) {
  BarPlot hosts{.title = "Hosts", .unit = "hosts", .bars = {}};
  hosts.bars = {{.label = "now",
                 .value = static_cast<double>(capacity.hosts_now),
                 .text = fmt::format("{}", capacity.hosts_now),
                 .color = 5},
                {.label = "needed",
                 .value = static_cast<double>(capacity.hosts_needed),
                 .text = fmt::format("{}", capacity.hosts_needed),
                 .color = 0},
                {.label = "to give back",
                 .value = capacity.hosts_to_give_back.mid,
                 .text = interval_text(capacity.hosts_to_give_back),
                 .color = 1},
                {.label = "to add",
                 .value = capacity.hosts_to_add.mid,
                 .text = interval_text(capacity.hosts_to_add),
                 .color = 4}};
  BarPlot pods{.title = "Batch pods", .unit = "pods", .bars = {}};
  pods.bars = {
      {.label = "that fit", .value = capacity.batch_pods.mid, .text = interval_text(capacity.batch_pods), .color = 1},
      {.label = "without fragmentation",
       .value = capacity.batch_pods_without_fragmentation,
       .text = fixed(capacity.batch_pods_without_fragmentation, 0),
       .color = 5}};
  return {{svg_of(hosts), "With the 5th and the 95th percentile of days drawn anew."},
          {svg_of(pods), "Beside the services on the hosts that there are now."}};
}

std::vector<Section> capacity_sections(const Capacity& capacity, Form form) {
  Table table({{"what", Kind::kWords}, {"amount"}, {"low"}, {"high"}, {"unit", Kind::kWords}});
  table.row({"hosts now", fmt::format("{}", capacity.hosts_now), "", "", "hosts"});
  table.row({"risk on the hosts now", percent(capacity.risk_now, 3), "", "", "% of host-steps"});
  table.row({"hosts needed, spare ones counted", fmt::format("{}", capacity.hosts_needed), "", "", "hosts"});
  const auto row = [&](const char* what, const Interval& interval, const char* unit) {
    table.row({what, fixed(interval.mid, 0), fixed(interval.low, 0), fixed(interval.high, 0), unit});
  };
  row("hosts to give back", capacity.hosts_to_give_back, "hosts");
  row("hosts to add", capacity.hosts_to_add, "hosts");
  table.row({"risk on the hosts needed", percent(capacity.risk_at_needed, 3), "", "", "% of host-steps"});
  row("batch pods that fit beside the services", capacity.batch_pods, "pods");
  table.row({"... if none of it were fragments", fixed(capacity.batch_pods_without_fragmentation, 0), "", "", "pods"});
  Section section{
      .title = "Capacity", .paragraphs = {answer_text(capacity)}, .table = std::move(table), .items = capacity.notes};
  if (form == Form::kPage) section.figures = capacity_figures(capacity);
  return {std::move(section)};
}

nlohmann::ordered_json interval_json(const Interval& interval) {
  return {{"low", interval.low}, {"mid", interval.mid}, {"high", interval.high}};
}

}  // namespace

std::string text_of(const Preface& preface, const Capacity& capacity) {
  return report_text(preface, capacity_sections(capacity, Form::kText));
}

std::string html_of(const Preface& preface, const Capacity& capacity) {
  return report_page(preface, capacity_sections(capacity, Form::kPage));
}

std::string json_of(const Preface& preface, const Capacity& capacity) {
  auto json = report_json("tideline-capacity", preface);
  json["hostsNow"] = capacity.hosts_now;
  json["riskNow"] = capacity.risk_now;
  json["hostsNeeded"] = capacity.hosts_needed;
  json["found"] = capacity.is_found;
  json["hostsToGiveBack"] = interval_json(capacity.hosts_to_give_back);
  json["hostsToAdd"] = interval_json(capacity.hosts_to_add);
  json["riskAtNeeded"] = capacity.risk_at_needed;
  json["batchPods"] = interval_json(capacity.batch_pods);
  json["batchPodsWithoutFragmentation"] = capacity.batch_pods_without_fragmentation;
  json["capacityNotes"] = capacity.notes;
  return dumped(json);
}

}  // namespace tideline::planner_view
