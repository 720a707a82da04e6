#include "coordinator/actor/explain_reader.h"

#include <algorithm>
#include <chrono>

namespace tideline::coordinator {
namespace {

using model::Result;
using model::WallTime;

constexpr std::int64_t kFirstStretchMs = 600'000;
constexpr std::int64_t kLongestStretchMs = 365 * 86'400'000LL;
constexpr WallTime kEnd{INT64_MAX};

/// A status is looked for in stretches this far back from the instant. Each is read only when the younger ones are
/// empty, so that a node that reports each second never has many reports read.
constexpr std::int64_t kStatusStretchMs[] = {15'000, 120'000, 900'000};

/// The stretches of one node's events from an instant back, none of them cut by the store's bound on rows.
class Stretches {
 public:
  Stretches(const store::HistoryStore& store, const model::NodeName& node, WallTime at, WallTime oldest)
      : store_(store), node_(node), to_(std::min(at.ms, kEnd.ms - 1) + 1), oldest_(oldest.ms) {}

  bool done() const { return to_ <= oldest_; }
  /// Everything from there on was given.
  WallTime from() const { return {std::max(to_, oldest_)}; }
  bool lost_rows() const { return lost_rows_; }

  /// nullopt: the stretch was too long for one page, and is tried again shorter.
  Result<std::optional<std::vector<model::Event>>> next() {
    const std::int64_t from = to_ - oldest_ > length_ ? to_ - length_ : oldest_;
    auto page = store_.events(node_, {from}, {to_}, 0);
    if (!page) return page.error();
    if (page->truncated && to_ - from > 1) {
      length_ = std::max<std::int64_t>((to_ - from) / 2, 1);
      return std::optional<std::vector<model::Event>>();
    }
    lost_rows_ = lost_rows_ || page->truncated;
    if (page->rows.size() < store::kMaxEventRows / 8) length_ = std::min(length_ * 4, kLongestStretchMs);
    to_ = from;
    std::vector<model::Event> events;
    events.reserve(page->rows.size());
    for (auto& row : page->rows) {
      row.event.at = row.at;
      events.push_back(std::move(row.event));
    }
    return std::optional(std::move(events));
  }

 private:
  const store::HistoryStore& store_;
  const model::NodeName& node_;
  std::int64_t to_;
  std::int64_t oldest_;
  std::int64_t length_ = kFirstStretchMs;
  bool lost_rows_ = false;
};

Result<void> read_status(const store::HistoryStore& store, const model::NodeName& node, admin::Explanation& out) {
  const auto take = [&](store::StoredReport& stored) {
    out.status = std::move(stored.report.status);
    out.status_at = stored.at;
  };
  auto last = store.last_report(node);
  if (!last) return last.error();
  if (!*last) return {};
  if ((*last)->at <= out.at) {
    take(**last);
    return {};
  }
  std::int64_t to = out.at.ms + 1;
  for (const auto back : kStatusStretchMs) {
    auto page = store.reports(node, {out.at.ms - back}, {to}, 0);
    if (!page) return page.error();
    if (!page->rows.empty()) {
      take(page->rows.back());
      return {};
    }
    to = out.at.ms - back;
  }
  return {};
}

}  // namespace

Result<admin::Explanation> explain(const store::HistoryStore& store, const admin::ExplainQuery& query, WallTime now,
                                   const ExplainBounds& bounds, const std::function<model::MonoTime()>& mono_now) {
  admin::Explanation out;
  out.at = query.at.value_or(now);
  const auto first_event = store.events(query.node, {0}, kEnd, 1);
  if (!first_event) return first_event.error();
  const auto first_report = store.reports(query.node, {0}, kEnd, 1);
  if (!first_report) return first_report.error();
  if (!first_event->rows.empty()) out.history_from = first_event->rows.front().at;
  if (!first_report->rows.empty()) {
    const WallTime at = first_report->rows.front().at;
    out.history_from = std::min(out.history_from.value_or(at), at);
  }
  if (auto status = read_status(store, query.node, out); !status) return status.error();
  if (first_event->rows.empty() || first_event->rows.front().at > out.at) return out;

  const model::MonoTime deadline = mono_now() + bounds.time;
  fleet::Explainer explainer(out.at, query.file_part);
  Stretches stretches(store, query.node, out.at, first_event->rows.front().at);
  std::size_t events = 0;
  for (std::size_t pages = 0; !stretches.done(); ++pages) {
    if (events >= bounds.events || pages >= bounds.pages || mono_now() >= deadline) {
      out.events_cut = true;
      break;
    }
    const auto stretch = stretches.next();
    if (!stretch) return stretch.error();
    if (!*stretch) continue;
    events += (*stretch)->size();
    explainer.add_older(**stretch);
  }
  out.events_cut = out.events_cut || stretches.lost_rows();
  out.events_from = stretches.from();
  out.what = explainer.take();
  return out;
}

}  // namespace tideline::coordinator
