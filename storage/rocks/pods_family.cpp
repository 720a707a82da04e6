#include "storage/rocks/pods_family.h"

#include <algorithm>

#include "storage/rocks/layout.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kMaxRows = 4;

}  // namespace

model::Result<void> PodsWriter::put(rocksdb::WriteBatch& batch, const store::ReportView& incoming) {
  const model::Report& report = incoming.report;
  const Row row{pods_until(report.node, store::corrected_wall(report.wall, incoming.clock_offset, incoming.received)),
                incoming.pods_left_out};
  const auto find_rows = [&report](const std::map<model::NodeName, Rows>& in) {
    const auto found = in.find(report.node);
    return found == in.end() ? nullptr : &found->second;
  };
  const Rows* known = find_rows(changed_);
  if (known == nullptr) known = find_rows(rows_);
  if (known != nullptr && std::find(known->begin(), known->end(), row) != known->end()) return {};
  const auto value = pods_value(report);
  if (!value) return value.error();
  batch.Put(database_.pods, pods_key(report.node, row.until, row.list), *value);
  Rows rows = known != nullptr ? *known : Rows();
  if (rows.size() == kMaxRows) rows.erase(rows.begin());
  rows.push_back(row);
  changed_.insert_or_assign(report.node, std::move(rows));
  return {};
}

void PodsWriter::written() {
  for (auto& [node, rows] : changed_)
    rows_.insert_or_assign(node, std::move(rows));
  changed_.clear();
}

const model::SharedPods* PodsReader::find(const model::NodeName& node, model::WallTime at, std::uint64_t list) {
  std::string key = pods_key(node, pods_until(node, at), list);
  if (key == key_) return found_ ? &*found_ : nullptr;
  key_ = std::move(key);
  found_.reset();
  trouble_.reset();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_.snapshot();
  std::string value;
  const auto got = database_.db().Get(options, database_.pods, key_, &value);
  if (!got.ok()) {
    if (!got.IsNotFound()) trouble_ = database_.error(got, "reading pods of node " + node.str());
    return nullptr;
  }
  auto pods = stored_pods(value);
  if (pods) {
    found_ = std::move(pods).value();
  } else {
    trouble_ = pods.error().in("history: pods of node " + node.str());
  }
  return found_ ? &*found_ : nullptr;
}

}  // namespace tideline::rocks
