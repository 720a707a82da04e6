#pragma once
// A report in parts that a terminal and a page both show, so that they cannot say different things.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "coordinator/planner_view/table.h"
#include "coordinator/planner_view/view.h"

namespace tideline::planner_view {

struct Figure {
  std::string svg;
  std::string caption;
};

struct Section {
  std::string title;
  std::vector<std::string> paragraphs = {};
  std::vector<Figure> figures = {};  // on a page only
  std::optional<Table> table = {};   // without a row: "none"
  std::vector<std::string> items = {};
  std::string preformatted = {};
};

/// Sections in which a page alone has something are left out.
std::string report_text(const Preface& preface, std::span<const Section> sections);
std::string report_page(const Preface& preface, std::span<const Section> sections);

/// {"schema", "version", "title", "command", "facts", "notes"}, to which a report adds its own.
nlohmann::ordered_json report_json(std::string_view schema, const Preface& preface);
/// One line.
std::string dumped(const nlohmann::ordered_json& json);

/// Plots are made for a page only.
enum class Form : bool { kText, kPage };

}  // namespace tideline::planner_view
