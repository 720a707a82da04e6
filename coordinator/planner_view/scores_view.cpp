#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/report.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

using planner::ForecastScore;

std::vector<Figure> score_figures(std::span<const ForecastScore> scores) {
  // The frontier is that of a sweep over the same predictors.
  planner::Sweep sweep;
  for (const auto& score : scores) {
    auto& point = sweep.points.emplace_back();
    point.setting = score.spec.text;
    point.savings = score.savings;
    point.risk = score.violation_rate();
  }
  planner::judge(sweep);
  ScatterPlot plot{.title = "Savings against violations",
                   .x_title = "savings (% of limits)",
                   .y_title = "violations (% of checks)",
                   .points = {},
                   .y_limit = {},
                   .limit_name = {}};
  BarPlot bars{.title = "Severity of violations by predictor, p99", .unit = "% of what was used at most", .bars = {}};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    plot.points.push_back({.label = scores[i].spec.text,
                           .x = scores[i].savings * 100,
                           .y = scores[i].violation_rate() * 100,
                           .on_frontier = sweep.points[i].on_frontier});
    bars.bars.push_back({.label = scores[i].spec.text,
                         .value = scores[i].severity_p99 * 100,
                         .text = percent(scores[i].severity_p99) + " %",
                         .color = 2});
  }
  return {{svg_of(plot), "Right is cheaper, low is safer; the line joins those that none beats in both."},
          {svg_of(bars), "By how much the prediction was short, at most, in 99 of a hundred violations."}};
}

std::vector<Section> score_sections(std::span<const ForecastScore> scores, Form form) {
  Table table({{"predictor", Kind::kWords},
               {"checks (host-steps)"},
               {"violations (%)"},
               {"severity p50 (%)"},
               {"severity p99 (%)"},
               {"savings (%)"}});
  for (const auto& score : scores) {
    table.row({score.spec.text, fmt::format("{}", score.checks), percent(score.violation_rate(), 3),
               percent(score.severity_p50), percent(score.severity_p99), percent(score.savings)});
  }
  Section section{.title = "Predictors",
                  .paragraphs = {"A violation: within the horizon the same tasks used more than was predicted. "
                                 "Savings: how much less than the limits was predicted, the mean of all checks."},
                  .table = std::move(table)};
  if (form == Form::kPage) section.figures = score_figures(scores);
  return {std::move(section)};
}

}  // namespace

std::string text_of(const Preface& preface, std::span<const ForecastScore> scores) {
  return report_text(preface, score_sections(scores, Form::kText));
}

std::string html_of(const Preface& preface, std::span<const ForecastScore> scores) {
  return report_page(preface, score_sections(scores, Form::kPage));
}

std::string json_of(const Preface& preface, std::span<const ForecastScore> scores) {
  auto json = report_json("tideline-predictors", preface);
  auto& list = json["predictors"] = nlohmann::ordered_json::array();
  for (const auto& score : scores) {
    list.push_back({{"predictor", score.spec.text},
                    {"checks", score.checks},
                    {"violations", score.violations},
                    {"violationRate", score.violation_rate()},
                    {"severityP50", score.severity_p50},
                    {"severityP99", score.severity_p99},
                    {"savings", score.savings}});
  }
  return dumped(json);
}

}  // namespace tideline::planner_view
