#include "k8s-bridge/publish/publisher.h"

#include <algorithm>
#include <tuple>

namespace tideline::publish {
namespace {

bool is_urgent(WriteReason reason) {
  return reason == WriteReason::kFall || reason == WriteReason::kWithdraw;
}

}  // namespace

std::string_view name_of(WriteReason reason) {
  switch (reason) {
    case WriteReason::kFall:
      return "fall";
    case WriteReason::kRise:
      return "rise";
    case WriteReason::kRefresh:
      return "refresh";
    case WriteReason::kWithdraw:
      return "withdraw";
    case WriteReason::kForeign:
      return "foreign";
  }
  return "unknown";
}

void Publisher::offer(const Offer& offer, model::MonoTime now) {
  const auto row = rows_.try_emplace(offer.account.node).first;
  row->second.offer(offer, options_, now);
  if (row->second.is_departed()) rows_.erase(row);
}

std::optional<Foreign> Publisher::observed(const k8s::NodeObject& node, model::MonoTime now) {
  return rows_[model::NodeName(node.key.name)].observed(node, options_, now);
}

void Publisher::requested(const model::NodeName& node, const k8s::BatchRequests& requests, model::MonoTime now) {
  const auto found = rows_.find(node);
  if (found != rows_.end()) found->second.requested(requests, options_, now);
}

void Publisher::forget(const model::NodeName& node) {
  const auto found = rows_.find(node);
  if (found == rows_.end()) return;
  found->second.forget();
  if (found->second.is_empty() || found->second.is_departed()) rows_.erase(found);
}

std::vector<Write> Publisher::due(model::MonoTime now, std::size_t most, std::size_t most_others) {
  using Row = std::pair<const model::NodeName, NodeRow>;
  std::vector<Row*> rows;
  for (Row& row : rows_) {
    row.second.settle(options_, now);
    if (row.second.due() && row.second.due()->at <= now) rows.push_back(&row);
  }
  const auto rank = [](const Row* row) {
    return std::tuple(!is_urgent(row->second.due()->reason), row->second.due()->at);
  };
  // By name where they wait as long: rows_ is in that order.
  std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) { return rank(a) < rank(b); });
  const auto first_other =
      std::find_if(rows.begin(), rows.end(), [](const Row* row) { return !is_urgent(row->second.due()->reason); });
  const auto others = static_cast<std::size_t>(rows.end() - first_other);
  rows.resize(std::min(most, rows.size() - (others - std::min(others, most_others))));
  std::vector<Write> writes;
  writes.reserve(rows.size());
  for (Row* row : rows)
    writes.push_back(row->second.write(row->first, options_, now));
  return writes;
}

void Publisher::written(const model::NodeName& node, const std::string& resource_version, model::MonoTime now) {
  const auto found = rows_.find(node);
  if (found == rows_.end()) return;
  found->second.written(resource_version, options_, now);
  if (found->second.is_empty()) rows_.erase(found);
}

void Publisher::failed(const model::NodeName& node, model::Duration retry_in, model::MonoTime now) {
  const auto found = rows_.find(node);
  if (found == rows_.end()) return;
  found->second.failed(retry_in, options_, now);
  if (found->second.is_empty()) rows_.erase(found);
}

std::optional<model::MonoTime> Publisher::next_due(model::MonoTime now) const {
  std::optional<model::MonoTime> first;
  for (const auto& [name, row] : rows_) {
    const auto next = row.next();
    if (next) first = std::min(first.value_or(*next), *next);
  }
  if (first) first = std::max(*first, now);
  return first;
}

Publisher::Above Publisher::above(model::MonoTime now) const {
  Above above;
  for (const auto& [name, row] : rows_) {
    const auto since = row.above_since();
    if (!since) continue;
    ++above.nodes;
    above.longest = std::max(above.longest, now - *since);
  }
  return above;
}

}  // namespace tideline::publish
