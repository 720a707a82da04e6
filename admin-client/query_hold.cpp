#include "admin-client/query_hold.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace tideline::tidectl {

using model::Error;
using model::ErrorCode;
using model::Result;

Result<void> HeldAnswer::add(const SeriesPage& page) {
  const auto& asked = question_.fields;
  for (const series::AnswerSeries& more : page.series) {
    points_ += more.points.size();
    const auto place = static_cast<std::size_t>(std::find(asked.begin(), asked.end(), more.field) - asked.begin());
    HeldSeries& held = series_[Key(place, more.node, more.subject)];
    if (points_ > kMaxPoints || series_.size() > kMaxSeries) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("the answer has more than {} points or {} series: --csv writes them as they come; else "
                               "narrow the range, ask for less, or take a longer --step or --across",
                               kMaxPoints, kMaxSeries));
    }
    held.field = more.field;
    held.node = more.node;
    held.subject = more.subject;
    for (const series::AnswerPoint& point : more.points)
      held.points.push_back({{point.time_s * 1000}, point.value});
  }
  return {};
}

std::vector<HeldSeries> HeldAnswer::finish() && {
  std::vector<HeldSeries> all;
  all.reserve(series_.size());
  for (auto& [key, held] : series_)
    all.push_back(std::move(held));
  series_.clear();
  return all;
}

Result<void> PodNames::learn(Connection& connection, PageSpan span, const SeriesPage& page,
                             const std::function<void(std::size_t nodes, std::size_t of)>& progress) {
  // Of jobs that come and go a long answer has millions.
  if (pods_.size() >= kMost) pods_.clear();
  std::set<std::string> nodes;
  for (const series::AnswerSeries& each : page.series) {
    if (each.node.empty() || each.subject.empty()) continue;
    if (pods_.try_emplace(std::pair(each.node, each.subject)).second) nodes.insert(each.node);
  }
  std::size_t asked = 0;
  for (const std::string& node : nodes) {
    if (progress) progress(asked++, nodes.size());
    auto pods = connection.history_pods(node, span.from_s, span.to_s);
    if (!pods) {
      const ErrorCode code = pods.error().code();
      if (code == ErrorCode::kNotFound || code == ErrorCode::kOverloaded) continue;
      return pods.error();
    }
    for (series::PodInfo& pod : *pods) {
      const auto place = pods_.find({node, pod.uid.str()});
      if (place != pods_.end()) place->second = std::move(pod);
    }
  }
  return {};
}

const series::PodInfo* PodNames::find(const std::string& node, const std::string& uid) const {
  const auto place = pods_.find({node, uid});
  return place != pods_.end() && place->second ? &*place->second : nullptr;
}

Result<void> pull_pages(Connection& connection, const SeriesQuestion& question,
                        const std::function<Result<void>(const SeriesPage& page, PageSpan span)>& take) {
  std::int64_t from_s = 0;
  do {
    const auto page = connection.query(question, from_s);
    if (!page) return page.error();
    const PageSpan span{from_s == 0 ? question.from_s : from_s, page->next_s == 0 ? question.to_s : page->next_s};
    if (auto taken = take(*page, span); !taken) return taken;
    from_s = page->next_s;
  } while (from_s != 0);
  return {};
}

}  // namespace tideline::tidectl
