#include "admin-client/policy_check_out.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin-client/human.h"
#include "admin-client/table.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

std::string number_of_nodes(std::uint64_t count) {
  return fmt::format("{} {}", count, count == 1 ? "node" : "nodes");
}

/// "db-1, web-1 and 12 more".
std::string names_text(const policy::NodeList& nodes) {
  std::string text;
  for (const auto& name : nodes.names)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", safe_text(name.str()));
  if (nodes.count > nodes.names.size()) text += fmt::format(" and {} more", nodes.count - nodes.names.size());
  return text;
}

std::string changes_text(const std::vector<policy::SettingChange>& changes) {
  Table table({{"DOCUMENT"}, {"KEY"}, {"NOW"}, {"THEN"}, {"BY"}});
  for (const auto& change : changes)
    table.row({change.document, change.key, change.before, change.after, change.by});
  return table.text();
}

std::string overlaps_text(const std::vector<policy::Overlap>& overlaps) {
  Table table({{"DOCUMENT"}, {"APPLIES"}, {"MATCH AS WELL"}, {"NODES"}});
  for (const auto& overlap : overlaps) {
    std::string others = fmt::format("{}", fmt::join(overlap.others, ", "));
    if (overlap.other_count > overlap.others.size()) {
      others += fmt::format(" and {} more", overlap.other_count - overlap.others.size());
    }
    table.row({overlap.document, overlap.taken, others, names_text(overlap.nodes)});
  }
  return table.text();
}

std::string why_text(policy::UnusedEntry::Why why) {
  using Why = policy::UnusedEntry::Why;
  switch (why) {
    case Why::kNoSelector:
      return "it has no nodeSelector";
    case Why::kNoMatch:
      return "no node that is known matches";
    case Why::kBehind:
      return "its nodes match an entry before it";
  }
  return "unknown";
}

std::string_view why_name(policy::UnusedEntry::Why why) {
  using Why = policy::UnusedEntry::Why;
  switch (why) {
    case Why::kNoSelector:
      return "no-selector";
    case Why::kNoMatch:
      return "no-match";
    case Why::kBehind:
      return "behind";
  }
  return "unknown";
}

std::string unused_text(const std::vector<policy::UnusedEntry>& entries) {
  Table table({{"DOCUMENT"}, {"APPLIES TO NO NODE"}, {"WHY"}});
  for (const auto& entry : entries)
    table.row({entry.document, entry.entry, why_text(entry.why)});
  return table.text();
}

std::string problems_text(const std::vector<policy::LabelProblem>& problems) {
  Table table({{"LABEL PROBLEM"}, {"NODES"}});
  for (const auto& problem : problems)
    table.row({problem.text, names_text(problem.nodes)});
  return table.text();
}

std::string lacks_text(const std::vector<policy::NodeLack>& lacks) {
  Table table({{"CANNOT"}, {"SINCE"}, {"NODES"}, {"WHY"}});
  for (const auto& lack : lacks)
    table.row({lack.feature, lack.already ? "before" : "this policy", names_text(lack.nodes), lack.why});
  return table.text();
}

std::string head_text(const PolicyCheck& checked) {
  const auto& report = checked.report;
  std::string out = "the documents are good; ";
  if (checked.version == 0) {
    out += "no policy is in force: compared with the defaults\n";
  } else {
    out += fmt::format("{} version {}, which is in force\n", report.same ? "the same as" : "compared with",
                       checked.version);
  }
  for (const auto& notice : report.notices) {
    out += fmt::format("note: {} {}: {}\n", safe_text(notice.document), safe_text(notice.path), safe_text(notice.why));
  }
  for (const auto& document : report.dropped) {
    out += fmt::format("note: {} is in force and not among the documents: its keys would go back to their defaults\n",
                       safe_text(document));
  }
  return out;
}

Json value_json(const std::string& text) {
  if (text == "unset") return Json();
  auto parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

Json nodes_json(const policy::NodeList& list) {
  Json names = Json::array();
  for (const auto& name : list.names)
    names.push_back(name.str());
  return {{"count", list.count}, {"names", std::move(names)}};
}

Json changes_json(const std::vector<policy::SettingChange>& list) {
  Json rows = Json::array();
  for (const auto& change : list) {
    rows.push_back({{"document", change.document},
                    {"key", change.key},
                    {"before", value_json(change.before)},
                    {"after", value_json(change.after)},
                    {"by", change.by}});
  }
  return rows;
}

template <class Row, class Make>
Json rows_json(const std::vector<Row>& list, Make&& make) {
  Json all = Json::array();
  for (const Row& row : list)
    all.push_back(make(row));
  return all;
}

}  // namespace

std::string render_policy_check(const PolicyCheck& checked, const std::string& node) {
  const auto& report = checked.report;
  std::string out = head_text(checked);
  if (!report.fleet.empty()) out += fmt::format("\nfor the whole fleet changes:\n{}", changes_text(report.fleet));
  for (const auto& group : report.groups) {
    out += fmt::format("\n{} would change: {}\n{}", number_of_nodes(group.nodes.count), names_text(group.nodes),
                       changes_text(group.changes));
  }
  if (!report.lacks.empty()) out += fmt::format("\n{}", lacks_text(report.lacks));
  if (!report.overlaps.empty()) out += fmt::format("\n{}", overlaps_text(report.overlaps));
  if (!report.unused.empty()) out += fmt::format("\n{}", unused_text(report.unused));
  if (!report.label_problems.empty()) out += fmt::format("\n{}", problems_text(report.label_problems));
  out += "\n";
  if (report.unknown.count > 0) {
    out += fmt::format("labels not known, nor what would change, of {}: {}\n", number_of_nodes(report.unknown.count),
                       names_text(report.unknown));
  }
  if (report.cut) out += "cut: there is more than is shown, ask for one node with --node\n";
  if (report.nodes == 0) return report.unknown.count > 0 ? out : out + "no nodes\n";
  if (!node.empty() && report.nodes == 1) {
    return out +
           fmt::format("node {} {}\n", safe_text(node), report.unchanged == 1 ? "would stay as it is" : "would change");
  }
  return out + fmt::format("{} of {} would change\n", report.nodes - report.unchanged, number_of_nodes(report.nodes));
}

Json to_json(const PolicyCheck& checked) {
  const auto& report = checked.report;
  return {
      {"version", checked.version},
      {"same", report.same},
      {"droppedDocuments", report.dropped},
      {"notices", rows_json(report.notices,
                            [](const policy::Notice& notice) -> Json {
                              return {{"document", notice.document}, {"path", notice.path}, {"why", notice.why}};
                            })},
      {"fleetChanges", changes_json(report.fleet)},
      {"nodes", report.nodes},
      {"unchanged", report.unchanged},
      {"groups", rows_json(report.groups,
                           [](const policy::ChangeGroup& group) -> Json {
                             return {{"nodes", nodes_json(group.nodes)}, {"changes", changes_json(group.changes)}};
                           })},
      {"labelsUnknown", nodes_json(report.unknown)},
      {"overlaps", rows_json(report.overlaps,
                             [](const policy::Overlap& overlap) -> Json {
                               return {{"document", overlap.document},
                                       {"applies", overlap.taken},
                                       {"others", overlap.others},
                                       {"otherCount", overlap.other_count},
                                       {"nodes", nodes_json(overlap.nodes)}};
                             })},
      {"unusedEntries",
       rows_json(
           report.unused,
           [](const policy::UnusedEntry& entry) -> Json {
             return {{"document", entry.document}, {"entry", entry.entry}, {"why", std::string(why_name(entry.why))}};
           })},
      {"labelProblems", rows_json(report.label_problems,
                                  [](const policy::LabelProblem& problem) -> Json {
                                    return {{"problem", problem.text}, {"nodes", nodes_json(problem.nodes)}};
                                  })},
      {"lacks", rows_json(report.lacks,
                          [](const policy::NodeLack& lack) -> Json {
                            return {{"feature", lack.feature},
                                    {"why", lack.why},
                                    {"already", lack.already},
                                    {"nodes", nodes_json(lack.nodes)}};
                          })},
      {"cut", report.cut}};
}

}  // namespace tideline::tidectl
