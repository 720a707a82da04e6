#include <string>
#include <string_view>

#include "coordinator/planner_view/report.h"

namespace tideline::planner_view {
namespace {

// No address stands in it, and the policy forbids what could ask for one.
constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
)";

constexpr std::string_view kSheet = R"(<style>
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1b1f24; --faint: #59636e; --rule: #d5dae0; --panel: #f5f7f9;
  --c0: #1f6feb; --c1: #2da44e; --c2: #bf8700; --c3: #8250df; --c4: #cf222e; --c5: #6e7781;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1116; --ink: #e6eaef; --faint: #9aa4af; --rule: #313841; --panel: #171b21;
    --c0: #58a6ff; --c1: #56d364; --c2: #e3b341; --c3: #bc8cff; --c4: #ff7b72; --c5: #8b949e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 62rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--rule); }
h1, h2, p, li { overflow-wrap: anywhere; }
.facts { list-style: none; margin: .8rem 0; padding: .8rem 1rem; background: var(--panel); border-radius: .4rem; }
.facts, .notes, table { font-size: .92rem; }
code, pre { font: .85rem/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .8rem 1rem; background: var(--panel); border-radius: .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
tbody th { font-weight: 400; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0; overflow-x: auto; }
figcaption { color: var(--faint); font-size: .88rem; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg .tick, svg .unit, svg .label { fill: var(--faint); }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--faint); }
svg .line { fill: none; stroke: currentColor; stroke-width: 1.6; }
svg .dashed { stroke-dasharray: 5 4; }
svg .area { fill: currentColor; fill-opacity: .45; }
svg .bar, svg .point { fill: currentColor; }
svg .chosen { stroke: var(--ink); stroke-width: 2; }
svg .lane { fill: var(--panel); }
svg .s1 { fill-opacity: .3; } svg .s2 { fill-opacity: .45; } svg .s3 { fill-opacity: .6; }
svg .s4 { fill-opacity: .8; } svg .s5 { fill-opacity: 1; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
.c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
@media print {
  :root {
    --ground: #ffffff; --ink: #000000; --faint: #444444; --rule: #bbbbbb; --panel: #ffffff;
    --c0: #1f6feb; --c1: #2da44e; --c2: #bf8700; --c3: #8250df; --c4: #cf222e; --c5: #6e7781;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll, figure, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  svg { min-width: 0; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
</style>
)";

std::string tagged(std::string_view tag, std::string_view text) {
  const std::string name(tag);
  return "<" + name + ">" + escaped(text) + "</" + name + ">\n";
}

std::string list_of(const std::vector<std::string>& items, std::string_view style) {
  if (items.empty()) return "";
  std::string out = "<ul class=\"" + std::string(style) + "\">\n";
  for (const auto& item : items)
    out += tagged("li", item);
  return out + "</ul>\n";
}

std::string section_page(const Section& section) {
  std::string out = "<section>\n" + tagged("h2", section.title);
  for (const auto& paragraph : section.paragraphs)
    out += tagged("p", paragraph);
  for (const auto& figure : section.figures)
    out += "<figure>\n" + figure.svg + tagged("figcaption", figure.caption) + "</figure>\n";
  if (section.table) out += section.table->rows().empty() ? tagged("p", "none") : html_of_table(*section.table);
  out += list_of(section.items, "items");
  if (!section.preformatted.empty()) out += tagged("pre", section.preformatted);
  return out + "</section>\n";
}

}  // namespace

std::string report_page(const Preface& preface, std::span<const Section> sections) {
  std::string out(kHead);
  out += tagged("title", preface.title);
  out += kSheet;
  out += "</head>\n<body>\n<header>\n" + tagged("h1", preface.title);
  if (!preface.command.empty()) out += "<p><code>" + escaped(preface.command) + "</code></p>\n";
  out += list_of(preface.facts, "facts") + "</header>\n<main>\n";
  for (const auto& section : sections)
    out += section_page(section);
  if (!preface.notes.empty()) {
    out += "<section>\n" + tagged("h2", "Notes") + list_of(preface.notes, "notes") + "</section>\n";
  }
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace tideline::planner_view
