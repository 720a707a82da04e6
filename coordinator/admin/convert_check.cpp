#include "coordinator/admin/convert.h"
#include "messages/codec/kj_text.h"

namespace tideline::admin {
namespace {

using codec::ptr;
using Wire = schema::PolicyCheck;

void put(const policy::NodeList& nodes, Wire::Names::Builder out) {
  out.setCount(nodes.count);
  auto first = out.initFirst(static_cast<unsigned>(nodes.names.size()));
  for (unsigned i = 0; i < first.size(); ++i)
    first.set(i, ptr(nodes.names[i].str()));
}

void put(const policy::SettingChange& change, Wire::Change::Builder out) {
  out.setDocument(ptr(change.document));
  out.setKey(ptr(change.key));
  out.setBefore(ptr(change.before));
  out.setAfter(ptr(change.after));
  out.setBy(ptr(change.by));
}

void put_changes(const std::vector<policy::SettingChange>& changes, capnp::List<Wire::Change>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i)
    put(changes[i], list[i]);
}

void put_texts(const std::vector<std::string>& texts, capnp::List<capnp::Text>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i)
    list.set(i, ptr(texts[i]));
}

template <class Rows>
unsigned size_of(const Rows& rows) {
  return static_cast<unsigned>(rows.size());
}

void put(const policy::Notice& notice, Wire::Notice::Builder out) {
  out.setDocument(ptr(notice.document));
  out.setPath(ptr(notice.path));
  out.setWhy(ptr(notice.why));
}

void put(const policy::ChangeGroup& group, Wire::Group::Builder out) {
  put_changes(group.changes, out.initChanges(size_of(group.changes)));
  put(group.nodes, out.initNodes());
}

void put(const policy::Overlap& overlap, Wire::Overlap::Builder out) {
  out.setDocument(ptr(overlap.document));
  out.setTaken(ptr(overlap.taken));
  put_texts(overlap.others, out.initOthers(size_of(overlap.others)));
  out.setOtherCount(overlap.other_count);
  put(overlap.nodes, out.initNodes());
}

void put(const policy::UnusedEntry& entry, Wire::Unused::Builder out) {
  out.setDocument(ptr(entry.document));
  out.setEntry(ptr(entry.entry));
  out.setWhy(static_cast<std::uint8_t>(entry.why));
}

void put(const policy::LabelProblem& problem, Wire::LabelProblem::Builder out) {
  out.setText(ptr(problem.text));
  put(problem.nodes, out.initNodes());
}

void put(const policy::NodeLack& lack, Wire::Lack::Builder out) {
  out.setFeature(ptr(lack.feature));
  out.setWhy(ptr(lack.why));
  out.setAlready(lack.already);
  put(lack.nodes, out.initNodes());
}

template <class Rows, class List>
void put_rows(const Rows& rows, List list) {
  for (unsigned i = 0; i < list.size(); ++i)
    put(rows[i], list[i]);
}

}  // namespace

void write(const policy::CheckReport& report, schema::PolicyCheck::Builder out) {
  out.setSame(report.same);
  put_texts(report.dropped, out.initDropped(size_of(report.dropped)));
  put_rows(report.notices, out.initNotices(size_of(report.notices)));
  put_changes(report.fleet, out.initFleet(size_of(report.fleet)));
  out.setNodes(report.nodes);
  out.setUnchanged(report.unchanged);
  put_rows(report.groups, out.initGroups(size_of(report.groups)));
  put(report.unknown, out.initUnknown());
  put_rows(report.overlaps, out.initOverlaps(size_of(report.overlaps)));
  put_rows(report.unused, out.initUnused(size_of(report.unused)));
  put_rows(report.label_problems, out.initLabelProblems(size_of(report.label_problems)));
  put_rows(report.lacks, out.initLacks(size_of(report.lacks)));
  out.setCut(report.cut);
}

}  // namespace tideline::admin
