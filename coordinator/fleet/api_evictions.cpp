#include "coordinator/fleet/api_evictions.h"

#include <algorithm>

#include "coordinator/fleet/eviction_event.h"
#include "messages/model/reason.h"

namespace tideline::fleet {
namespace {

bool is_open_verdict(const model::EvictionVerdict& verdict) {
  return verdict.answer == model::EvictionVerdict::Answer::kUnderWay;
}

bool is_end(model::EvictionVerdict::Answer answer) {
  return answer == model::EvictionVerdict::Answer::kEvicted || answer == model::EvictionVerdict::Answer::kRefused;
}

}  // namespace

model::EvictionVerdict ApiEvictions::ask(const model::NodeName& node, const model::EvictionRequest& request,
                                         bool granted_before, model::MonoTime now) {
  expire(now);
  const Key key{node, request.id};
  if (const auto found = rows_.find(key); found != rows_.end()) {
    if (found->second.uid != request.uid) return another_pods(request);
    found->second.touched = now;
    return found->second.verdict;
  }
  if (rows_.size() >= kMaxKept) {
    rows_.erase(std::min_element(rows_.begin(), rows_.end(),
                                 [](const auto& a, const auto& b) { return a.second.touched < b.second.touched; }));
  }
  model::EvictionVerdict first{.id = request.id,
                               .answer = model::EvictionVerdict::Answer::kUnderWay,
                               .reason = model::Reason::kApiEviction,
                               .why = "granted, and on its way to the Kubernetes API",
                               .retry_after = kAskAgain};
  rows_.emplace(key, Row{request.uid, first, eviction_event(request, model::Reason::kApiEviction, {}, {}), now,
                         granted_before, request.group, request.reason});
  return first;
}

std::optional<model::Event> ApiEvictions::changed(const model::NodeName& node, model::EvictionVerdict verdict,
                                                  const Arrival& now) {
  const auto found = rows_.find(Key{node, verdict.id});
  if (found == rows_.end() || !is_open_verdict(found->second.verdict)) return std::nullopt;
  if (!is_open_verdict(verdict) && !is_end(verdict.answer)) return std::nullopt;
  Row& row = found->second;
  row.touched = now.mono;
  row.verdict = std::move(verdict);
  if (is_open_verdict(row.verdict)) return std::nullopt;
  model::Event end = row.end;
  end.at = now.wall;
  end.reason = row.verdict.reason;
  end.new_value = row.verdict.why;
  return end;
}

bool ApiEvictions::is_open(const model::NodeName& node, const model::EvictionRequest& request) const {
  const auto found = rows_.find(Key{node, request.id});
  return found != rows_.end() && found->second.uid == request.uid && is_open_verdict(found->second.verdict);
}

bool ApiEvictions::is_again(const model::NodeName& node, const std::string& id) const {
  const auto found = rows_.find(Key{node, id});
  return found != rows_.end() && found->second.again;
}

std::vector<ApiEvictions::Open> ApiEvictions::open() const {
  std::vector<Open> all;
  for (const auto& [key, row] : rows_) {
    if (is_open_verdict(row.verdict)) all.push_back({key.first, key.second, row.group, row.trigger});
  }
  return all;
}

void ApiEvictions::forget(const model::NodeName& node) {
  std::erase_if(rows_, [&](const auto& row) { return row.first.first == node; });
}

void ApiEvictions::expire(model::MonoTime now) {
  std::erase_if(rows_, [&](const auto& row) { return now - row.second.touched >= kMemory; });
}

}  // namespace tideline::fleet
