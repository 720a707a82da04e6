#include "admin-client/read.h"
#include "messages/codec/kj_text.h"

namespace tideline::tidectl {
namespace {

using codec::str;
using Wire = schema::PolicyCheck;

policy::NodeList nodes_of(Wire::Names::Reader in) {
  policy::NodeList nodes;
  nodes.count = in.getCount();
  for (const auto name : in.getFirst())
    nodes.names.emplace_back(str(name));
  return nodes;
}

std::vector<policy::SettingChange> changes_of(capnp::List<Wire::Change>::Reader in) {
  std::vector<policy::SettingChange> changes;
  changes.reserve(in.size());
  for (const auto change : in) {
    changes.push_back({str(change.getDocument()), str(change.getKey()), str(change.getBefore()), str(change.getAfter()),
                       str(change.getBy())});
  }
  return changes;
}

std::vector<std::string> texts_of(capnp::List<capnp::Text>::Reader in) {
  std::vector<std::string> texts;
  texts.reserve(in.size());
  for (const auto text : in)
    texts.push_back(str(text));
  return texts;
}

}  // namespace

policy::CheckReport read(schema::PolicyCheck::Reader in) {
  policy::CheckReport report;
  report.same = in.getSame();
  report.dropped = texts_of(in.getDropped());
  for (const auto notice : in.getNotices())
    report.notices.push_back({str(notice.getDocument()), str(notice.getPath()), str(notice.getWhy())});
  report.fleet = changes_of(in.getFleet());
  report.nodes = in.getNodes();
  report.unchanged = in.getUnchanged();
  for (const auto group : in.getGroups())
    report.groups.push_back({changes_of(group.getChanges()), nodes_of(group.getNodes())});
  report.unknown = nodes_of(in.getUnknown());
  for (const auto overlap : in.getOverlaps()) {
    report.overlaps.push_back({str(overlap.getDocument()), str(overlap.getTaken()), texts_of(overlap.getOthers()),
                               overlap.getOtherCount(), nodes_of(overlap.getNodes())});
  }
  for (const auto entry : in.getUnused()) {
    report.unused.push_back(
        {str(entry.getDocument()), str(entry.getEntry()), static_cast<policy::UnusedEntry::Why>(entry.getWhy())});
  }
  for (const auto problem : in.getLabelProblems())
    report.label_problems.push_back({str(problem.getText()), nodes_of(problem.getNodes())});
  for (const auto lack : in.getLacks()) {
    report.lacks.push_back({str(lack.getFeature()), str(lack.getWhy()), lack.getAlready(), nodes_of(lack.getNodes())});
  }
  report.cut = in.getCut();
  return report;
}

}  // namespace tideline::tidectl
