#include "coordinator/actor/account_reader.h"

#include <fmt/format.h>

#include "coordinator/reclaim/cluster.h"
#include "coordinator/reclaim/explain.h"

namespace tideline::coordinator {

model::Result<model::ExplainedAccount> explain_account(const store::HistoryStore& store, const model::NodeName& node,
                                                       model::WallTime at) {
  model::Result<std::optional<model::AccountAt>> last = std::optional<model::AccountAt>();
  if (!model::cluster_part(node.str())) last = store.last_account(node, at);
  if (!last) return last.error();
  if (!*last) {
    return model::Error(model::ErrorCode::kNotFound,
                        fmt::format("history has no account of node \"{}\" at or before {} ms", node.str(), at.ms));
  }
  return reclaim::explain(**last);
}

model::Result<std::vector<model::AccountAt>> read_trend(const store::HistoryStore& store,
                                                        const std::optional<model::ClusterPart>& part,
                                                        model::WallTime from, model::WallTime to, std::size_t points) {
  const model::NodeName name(part ? model::text_of(*part) : "");
  reclaim::Trend trend(from, to, points);
  for (bool more = true; more && from < to;) {
    const auto page = store.accounts(name, from, to, 0);
    if (!page) return page.error();
    for (const auto& row : page->rows)
      trend.add(row);
    more = page->truncated && !page->rows.empty();
    // Of one name history has one account in a millisecond: the next page misses none.
    if (more) from.ms = page->rows.back().at.ms + 1;
  }
  return trend.take();
}

}  // namespace tideline::coordinator
