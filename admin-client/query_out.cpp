#include "admin-client/query_out.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/query_options.h"
#include "admin-client/table.h"
#include "admin-client/time_text.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

std::string shown_unit(series::Field field) {
  const auto unit = series::unit_of(field);
  return unit == "millicores" ? "cores" : std::string(unit);
}

std::string field_value(series::Field field, double value) {
  const auto unit = series::unit_of(field);
  if (!std::isfinite(value)) return "?";
  if (unit == "millicores") return fmt::format("{:.3f}", value / 1000);
  constexpr double kMostBytes = 9e18;
  if (unit == "bytes" && std::abs(value) < kMostBytes) return bytes(model::Bytes(static_cast<std::int64_t>(value)));
  return fmt::format("{:.2f}", value);
}

std::string pod_name(const PodNames& names, const std::string& node, const std::string& subject) {
  const series::PodInfo* pod = names.find(node, subject);
  return pod ? fmt::format("{}/{}", pod->name_space, pod->name) : "";
}

/// "web-1 shop/nginx-0 (0f1e-...)"; "" of combined subjects.
std::string owner_text(const HeldSeries& held, const PodNames& names) {
  std::string text = held.node;
  if (held.subject.empty()) return text;
  const std::string name = pod_name(names, held.node, held.subject);
  text += text.empty() ? "" : " ";
  return text + (name.empty() ? held.subject : fmt::format("{} ({})", name, held.subject));
}

bool of_one_owner(const std::vector<HeldSeries>& all) {
  return std::all_of(all.begin(), all.end(), [&](const HeldSeries& held) {
    return held.node == all.front().node && held.subject == all.front().subject;
  });
}

/// What the numbers are.
std::string query_line(const QueryAnswer& answer) {
  const SeriesQuestion& question = answer.question;
  std::string text =
      fmt::format("{} of each {}", aggregate_text(question), format_duration(std::chrono::seconds(question.step_s)));
  constexpr std::string_view kWhat[] = {"nodes", "pods", "workloads"};
  const auto kind = std::min<std::size_t>(static_cast<std::size_t>(question.kind), std::size(kWhat) - 1);
  if (question.across == series::Across::kAll) {
    text = fmt::format("{}, all {} together", text, kWhat[kind]);
  } else if (question.across != series::Across::kEach) {
    text = fmt::format("{} over {} of the {}", across_text(question.across), kWhat[kind], text);
  }
  if (answer.tier) text += fmt::format(", of the {} tier", series::name_of(*answer.tier));
  return text + "\n";
}

struct PointSums {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double mean = 0;
};

PointSums sums_of(const std::vector<Point>& points) {
  PointSums sums;
  for (const Point& point : points) {
    sums.min = std::min(sums.min, point.value);
    sums.max = std::max(sums.max, point.value);
    sums.mean += point.value / static_cast<double>(points.size());
  }
  return sums;
}

std::string by_step(const QueryAnswer& answer, const PodNames& names) {
  std::vector<Column> columns = {{"TIME"}};
  const bool one_owner = of_one_owner(answer.series);
  std::map<std::int64_t, std::vector<std::string>> rows;
  for (std::size_t i = 0; i < answer.series.size(); ++i) {
    const HeldSeries& held = answer.series[i];
    std::string title = series::name_of(held.field);
    if (!one_owner) title += " " + safe_text(owner_text(held, names));
    if (const auto unit = shown_unit(held.field); unit != "bytes" && !unit.empty()) title += fmt::format(" ({})", unit);
    columns.push_back({std::move(title), Align::kRight});
    for (const Point& point : held.points) {
      auto& row = rows[point.at.ms];
      row.resize(answer.series.size());
      row[i] = field_value(held.field, point.value);
    }
  }
  Table table(std::move(columns));
  for (auto& [ms, values] : rows) {
    std::vector<std::string> cells = {format_instant({ms})};
    std::move(values.begin(), values.end(), std::back_inserter(cells));
    table.row(std::move(cells));
  }
  const std::string owner = one_owner ? safe_text(owner_text(answer.series.front(), names)) : "";
  return (owner.empty() ? "" : owner + ": ") + query_line(answer) + table.text();
}

std::string by_series(const QueryAnswer& answer, const PodNames& names) {
  const bool pods = answer.question.kind == series::SubjectKind::kPod;
  std::vector<Column> columns = {{"FIELD"}, {"NODE"}};
  if (answer.question.kind != series::SubjectKind::kNode) columns.push_back({pods ? "UID" : "WORKLOAD"});
  if (pods) columns.push_back({"POD"});
  for (const char* title : {"POINTS", "MIN", "MEAN", "MAX", "LAST"})
    columns.push_back({title, Align::kRight});
  columns.push_back({"UNIT"});
  Table table(std::move(columns));
  for (const HeldSeries& held : answer.series) {
    std::vector<std::string> cells = {series::name_of(held.field), held.node};
    if (answer.question.kind != series::SubjectKind::kNode) cells.push_back(held.subject);
    if (pods) cells.push_back(pod_name(names, held.node, held.subject));
    cells.push_back(fmt::format("{}", held.points.size()));
    if (held.points.empty()) {
      cells.insert(cells.end(), 4, "");
    } else {
      const PointSums sums = sums_of(held.points);
      for (const double value : {sums.min, sums.mean, sums.max, held.points.back().value})
        cells.push_back(field_value(held.field, value));
    }
    const auto unit = shown_unit(held.field);
    cells.push_back(unit == "bytes" ? "" : unit);
    table.row(std::move(cells));
  }
  return fmt::format("{} series, {}", answer.series.size(), query_line(answer)) + table.text() +
         "--csv and --json have their points\n";
}

/// As RFC 4180 has it.
std::string csv_cell(const std::string& text) {
  const std::string safe = safe_text(text);
  if (safe.find_first_of(",\"") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string render_query(const QueryAnswer& answer, const PodNames& names) {
  const auto known = [](const HeldSeries& held) { return !held.points.empty(); };
  if (std::none_of(answer.series.begin(), answer.series.end(), known)) return "no points in this range\n";
  return answer.series.size() <= kMaxQueryColumns ? by_step(answer, names) : by_series(answer, names);
}

std::string query_csv_title() {
  return "time,wall_ms,field,unit,node,subject,name,value\n";
}

std::string query_csv(const SeriesQuestion& question, const SeriesPage& page, const PodNames& names) {
  std::string out;
  const bool pods = question.kind == series::SubjectKind::kPod;
  for (const series::AnswerSeries& each : page.series) {
    const std::string of = fmt::format(
        "{},{},{},{},{}", csv_cell(series::name_of(each.field)), csv_cell(std::string(series::unit_of(each.field))),
        csv_cell(each.node), csv_cell(each.subject), csv_cell(pods ? pod_name(names, each.node, each.subject) : ""));
    for (const series::AnswerPoint& point : each.points) {
      const std::int64_t ms = point.time_s * 1000;
      out += fmt::format("{},{},{},{}\n", format_instant({ms}), ms, of, point.value);
    }
  }
  return out;
}

Json query_json(const QueryAnswer& answer, const PodNames& names) {
  const SeriesQuestion& question = answer.question;
  Json list = Json::array();
  for (const HeldSeries& held : answer.series) {
    Json points = Json::array();
    for (const Point& point : held.points)
      points.push_back(Json::array({point.at.ms, point.value}));
    Json pod;
    const bool of_pods = question.kind == series::SubjectKind::kPod;
    if (const series::PodInfo* info = of_pods ? names.find(held.node, held.subject) : nullptr) {
      pod = {{"namespace", info->name_space},
             {"name", info->name},
             {"workload", info->workload.empty() ? Json() : Json(info->workload)},
             {"qosClass", std::string(model::name_of(info->qos))}};
    }
    list.push_back({{"field", series::name_of(held.field)},
                    {"unit", std::string(series::unit_of(held.field))},
                    {"node", held.node.empty() ? Json() : Json(held.node)},
                    {"subject", held.subject.empty() ? Json() : Json(held.subject)},
                    {"pod", std::move(pod)},
                    {"points", std::move(points)}});
  }
  return {{"fromWallMs", question.from_s * 1000},
          {"toWallMs", question.to_s * 1000},
          {"stepMs", question.step_s * 1000},
          {"tier", answer.tier ? Json(std::string(series::name_of(*answer.tier))) : Json()},
          {"aggregate", aggregate_text(question)},
          {"across", std::string(across_text(question.across))},
          {"keptFromWallMs", answer.kept_from_s > 0 ? Json(answer.kept_from_s * 1000) : Json()},
          {"series", std::move(list)}};
}

std::string plot_query(const QueryAnswer& answer, const PodNames& names, const PlotOptions& options) {
  const bool one_owner = of_one_owner(answer.series);
  std::vector<std::string> titles;
  std::vector<double> means;
  std::map<std::string_view, std::vector<std::size_t>> by_unit;
  for (std::size_t i = 0; i < answer.series.size(); ++i) {
    const HeldSeries& held = answer.series[i];
    titles.push_back(series::name_of(held.field));
    if (!one_owner) titles.back() += " " + safe_text(owner_text(held, names));
    const double mean = sums_of(held.points).mean;
    means.push_back(std::isnan(mean) ? 0 : mean);
    by_unit[series::unit_of(held.field)].push_back(i);
  }
  std::vector<Curve> curves;
  std::size_t left_out = 0;
  for (auto& [unit, places] : by_unit) {
    std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return means[a] > means[b]; });
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (i == kMaxQueryCurves) {
        left_out += places.size() - i;
        break;
      }
      curves.push_back({titles[places[i]], unit, answer.series[places[i]].points, false});
    }
  }
  if (curves.empty()) return "no points in this range\n";
  const std::string owner = one_owner ? safe_text(owner_text(answer.series.front(), names)) : "";
  std::string text = (owner.empty() ? "" : owner + ": ") + query_line(answer) + plot_curves(curves, options);
  if (left_out > 0) text += fmt::format("{} series of lower means are not drawn\n", left_out);
  return text;
}

}  // namespace tideline::tidectl
