#include <algorithm>
#include <cstddef>

#include "coordinator/planner_view/report.h"
#include "messages/model/json_text.h"

namespace tideline::planner_view {
namespace {

constexpr std::size_t kMaxLineBytes = 4'000;

std::string harmless_line(std::string_view text) {
  return model::printable(text, kMaxLineBytes) + "\n";
}

/// Each line by itself: a line's end is the one control character that is wanted.
std::string harmless_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out += harmless_line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

bool has_text(const Section& section) {
  return !section.paragraphs.empty() || section.table || !section.items.empty() || !section.preformatted.empty();
}

std::string section_text(const Section& section) {
  std::string out = "\n" + harmless_line(section.title);
  out += std::string(std::min<std::size_t>(out.size() - 2, 100), '-') + "\n";
  for (const auto& paragraph : section.paragraphs)
    out += harmless_line(paragraph);
  if (section.table) out += section.table->rows().empty() ? "none\n" : text_of_table(*section.table);
  for (const auto& item : section.items)
    out += "* " + harmless_line(item);
  return out + harmless_lines(section.preformatted);
}

}  // namespace

std::string report_text(const Preface& preface, std::span<const Section> sections) {
  std::string out = harmless_line(preface.title);
  if (!preface.command.empty()) out += "  $ " + harmless_line(preface.command);
  for (const auto& fact : preface.facts)
    out += "  " + harmless_line(fact);
  for (const auto& section : sections) {
    if (has_text(section)) out += section_text(section);
  }
  if (!preface.notes.empty()) out += section_text({.title = "Notes", .items = preface.notes});
  return out;
}

nlohmann::ordered_json report_json(std::string_view schema, const Preface& preface) {
  return {{"schema", std::string(schema)}, {"version", 1},           {"title", preface.title},
          {"command", preface.command},    {"facts", preface.facts}, {"notes", preface.notes}};
}

std::string dumped(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace tideline::planner_view
