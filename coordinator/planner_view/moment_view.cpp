#include <string>
#include <vector>

#include "coordinator/planner_view/report.h"

namespace tideline::planner_view {
namespace {

std::vector<Section> moment_sections(const planner::Moment& moment) {
  return {{.title = "What batch is offered", .preformatted = moment.account_text},
          {.title = "What batch may use", .preformatted = moment.suppress_text}};
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

std::string text_of(const Preface& preface, const planner::Moment& moment) {
  return report_text(preface, moment_sections(moment));
}

std::string html_of(const Preface& preface, const planner::Moment& moment) {
  return report_page(preface, moment_sections(moment));
}

std::string json_of(const Preface& preface, const planner::Moment& moment) {
  auto json = report_json("tideline-moment", preface);
  json["account"] = lines_of(moment.account_text);
  json["suppress"] = lines_of(moment.suppress_text);
  return dumped(json);
}

}  // namespace tideline::planner_view
