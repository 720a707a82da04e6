#include "coordinator/actor/history_actor.h"

#include <algorithm>
#include <utility>

#include "coordinator/actor/account_reader.h"
#include "coordinator/actor/explain_reader.h"
#include "coordinator/actor/tier_history.h"
#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::coordinator {

HistoryActor::HistoryActor(caf::actor_config& config, std::shared_ptr<store::HistoryStore> store,
                           HistoryOptions options, std::shared_ptr<HistoryCounts> counts)
    : caf::event_based_actor(config),
      store_(std::move(store)),
      options_(std::move(options)),
      counts_(std::move(counts)) {}

caf::behavior HistoryActor::make_behavior() {
  delayed_send(this, options_.retention_every, RetentionTick{});
  return {
      [this](const Persist& report) {
        waiting_.push_back(report);
        commit_when_due(waiting_.size());
      },
      [this](const CommitTick&) {
        commit_due_ = false;
        commit();
      },
      [this](const KeepEvents& keep) {
        // A sync for each would hold up the acks when a whole fleet comes back.
        events_.insert(events_.end(), keep.events.begin(), keep.events.end());
        commit_when_due(events_.size());
      },
      [this](const KeepAccounts& keep) {
        accounts_.insert(accounts_.end(), keep.accounts.begin(), keep.accounts.end());
        commit_when_due(accounts_.size());
      },
      [this](const KeepSetting& setting) {
        const auto kept = store_->put_setting(setting.key, setting.value);
        if (!kept) log::error("setting-lost", "{}: {}", setting.key, kept.error().message());
        if (setting.kept) setting.kept(kept);
      },
      [this](const RetentionTick&) {
        retention_ = {rows_before(clock::wall_now(), options_.kept), {}, {}};
        drop_some();
      },
      [this](const RetentionRest&) { drop_some(); },
  };
}

void HistoryActor::commit_when_due(std::size_t waiting) {
  if (waiting >= options_.commit_reports) {
    commit();
  } else if (!commit_due_) {
    commit_due_ = true;
    delayed_send(this, options_.commit_window, CommitTick{});
  }
}

void HistoryActor::commit() {
  commit_reports();
  commit_events();
  commit_accounts();
  if ((events_.empty() && accounts_.empty()) || std::exchange(commit_due_, true)) return;
  // Behind the reports that came meanwhile: nobody waits for these.
  send(this, CommitTick{});
}

void HistoryActor::on_exit() {
  commit_reports();
  while (!events_.empty())
    commit_events();
  while (!accounts_.empty())
    commit_accounts();
}

void HistoryActor::commit_accounts() {
  if (accounts_.empty()) return;
  const std::size_t count = std::min({accounts_.size(), options_.commit_reports, store::kMaxAppendAccounts});
  const auto kept = store_->append_accounts(std::span(accounts_).first(count));
  if (!kept) log::error("accounts-lost", "{} accounts: {}", count, kept.error().message());
  (kept ? counts_->accounts : counts_->accounts_lost) += count;
  accounts_.erase(accounts_.begin(), accounts_.begin() + static_cast<std::ptrdiff_t>(count));
}

void HistoryActor::commit_events() {
  if (events_.empty()) return;
  const std::size_t count = std::min({events_.size(), options_.commit_reports, store::kMaxAppendEvents});
  keep_events(std::span(events_).first(count));
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(count));
}

void HistoryActor::keep_events(std::span<const store::CoordinatorEvent> events) {
  const auto kept = store_->append_events(events);
  if (!kept && kept.error().code() == model::ErrorCode::kInvalidArgument && events.size() > 1) {
    // The store takes all or none: one bad event must not cost the others, nor each of them a write of its own.
    keep_events(events.first(events.size() / 2));
    keep_events(events.subspan(events.size() / 2));
    return;
  }
  if (!kept) log::error("events-lost", "{} events: {}", events.size(), kept.error().message());
  (kept ? counts_->events : counts_->events_lost) += events.size();
}

void HistoryActor::commit_reports() {
  if (waiting_.empty()) return;
  std::vector<store::ReportView> reports;
  reports.reserve(waiting_.size());
  const auto arrival_of = [](const Persist& one) { return fleet::Arrival{one.arrived->mono, one.arrived->wall}; };
  for (const auto& one : waiting_) {
    const model::Report& report = *one.arrived->report;
    reports.emplace_back(report, one.arrived->wall, clocks_.offset(report, arrival_of(one)),
                         one.bytes ? std::span<const std::byte>(*one.bytes) : std::span<const std::byte>(),
                         one.bytes ? one.arrived->pods_left_out : 0);
  }
  const auto begin = clock::mono_now();
  const auto outcomes = store_->append_views(reports);
  counts_->commit_ns += (clock::mono_now() - begin).count();
  ++counts_->commits;
  if (counts_->failing.exchange(!outcomes.ok()) || !outcomes) {
    counts_->problems.set(HistoryProblems::Of::kCommit, outcomes ? std::string() : outcomes.error().message());
  }
  if (!outcomes) ++counts_->failed;
  if (!outcomes) log::error("commit-failed", "{} reports: {}", reports.size(), outcomes.error().message());
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    model::Result<store::AppendOutcome> outcome = store::AppendOutcome::kRefused;
    if (outcomes) {
      outcome = (*outcomes)[i];
      ++count_of((*outcomes)[i]);
      // Before its session hears of it, and so before the node's next report comes.
      if ((*outcomes)[i] == store::AppendOutcome::kStored) {
        clocks_.learn(*waiting_[i].arrived->report, arrival_of(waiting_[i]));
      }
    } else {
      // Whatever failed, it says nothing about this report: its sender must keep it.
      outcome = model::Error(model::ErrorCode::kUnavailable, outcomes.error().message());
    }
    send(waiting_[i].answer_to, Persisted{waiting_[i].arrived, std::move(outcome)});
  }
  if (outcomes && options_.on_stored) tell_stored(reports, *outcomes);
  waiting_.clear();
}

void HistoryActor::tell_stored(const std::vector<store::ReportView>& reports,
                               const std::vector<store::AppendOutcome>& outcomes) const {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const store::ReportView& view = reports[i];
    if (outcomes[i] != store::AppendOutcome::kStored || view.report.lane != model::Lane::kLive) continue;
    options_.on_stored(view.report, store::corrected_wall(view.report.wall, view.clock_offset, view.received));
  }
}

std::atomic<std::uint64_t>& HistoryActor::count_of(store::AppendOutcome outcome) {
  switch (outcome) {
    case store::AppendOutcome::kStored:
      return counts_->stored;
    case store::AppendOutcome::kDuplicate:
      return counts_->duplicates;
    case store::AppendOutcome::kRefused:
      break;
  }
  return counts_->refused;
}

void HistoryActor::drop_some() {
  const auto slice = store_->drop_slice(retention_.before, retention_.from, options_.retention_slice);
  auto& dropped = retention_.dropped;
  if (!slice) {
    ++counts_->retention_failures;
    counts_->problems.set(HistoryProblems::Of::kRetention, slice.error().message());
    log::error("retention-failed", "{}", slice.error().message());
  } else {
    dropped += slice->dropped;
    if (slice->rest) {
      retention_.from = *slice->rest;
      delayed_send(this, options_.retention_pause, RetentionRest{});
      return;
    }
    counts_->problems.set(HistoryProblems::Of::kRetention, {});
    clocks_.keep_only(store_->nodes());
  }
  if (dropped.reports + dropped.events + dropped.accounts + dropped.nodes > 0) {
    log::info("retention", "dropped {} reports, {} events, {} accounts, {} nodes", dropped.reports, dropped.events,
              dropped.accounts, dropped.nodes);
  }
  delayed_send(this, options_.retention_every, RetentionTick{});
}

HistoryReader::HistoryReader(caf::actor_config& config, std::shared_ptr<const store::HistoryStore> store,
                             HistoryRetention kept)
    : caf::event_based_actor(config),
      store_(std::move(store)),
      tables_(dynamic_cast<const series::SeriesStore*>(store_.get())),
      kept_(kept) {}

caf::behavior HistoryReader::make_behavior() {
  return {
      [this](const AskHistory& ask) { ask.reply(history(ask.query)); },
      [this](const AskEvents& ask) { ask.reply(events(ask.query)); },
      [this](const AskExplain& ask) { ask.reply(explain(ask.query)); },
      [this](const AskExplainReclaimed& ask) {
        ask.reply(explain_account(*store_, ask.query.node, ask.query.at.value_or(clock::wall_now())));
      },
      [this](const AskTrend& ask) {
        const auto& query = ask.query;
        ask.reply(read_trend(*store_, query.trend_of, query.from, query.to, query.max_points));
      },
  };
}

model::Result<void> HistoryReader::known(const model::NodeName& node) const {
  const auto names = store_->nodes();
  if (std::binary_search(names.begin(), names.end(), node)) return {};
  return model::Error(model::ErrorCode::kNotFound, "node \"" + node.str() + "\" has no history here");
}

model::Result<std::vector<admin::Series>> HistoryReader::history(const admin::HistoryQuery& query) const {
  if (const auto there = known(query.node); !there) {
    // Tables outlive reports and events.
    const auto names = tables_ == nullptr ? std::vector<model::NodeName>() : tables_->series_nodes();
    if (!std::binary_search(names.begin(), names.end(), query.node)) return there.error();
  }
  return read_metrics(*store_, tables_, kept_, query, clock::wall_now());
}

model::Result<admin::Explanation> HistoryReader::explain(const admin::ExplainQuery& query) const {
  if (const auto there = known(query.node); !there) return there.error();
  return coordinator::explain(*store_, query, clock::wall_now(), {}, clock::mono_now);
}

model::Result<admin::EventsReport> HistoryReader::events(const admin::EventsQuery& query) const {
  std::vector<model::NodeName> names;
  if (query.node.empty()) {
    names = store_->nodes();
    names.emplace_back();  // the cluster's own events
  } else {
    if (const auto there = known(query.node); !there) return there.error();
    names.push_back(query.node);
  }
  admin::EventsReport report;
  std::vector<std::pair<model::WallTime, admin::NodeEvent>> rows;
  auto to = query.to;
  const auto keep_oldest = [&] {
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (rows.size() <= admin::AdminLimits::kMaxEvents) return;
    rows.resize(admin::AdminLimits::kMaxEvents);
    report.truncated = true;
    // What is younger than the answer's last row cannot be in it.
    to = std::min(to, model::WallTime{rows.back().first.ms + 1});
  };
  for (const auto& name : names) {
    auto page = store_->events(name, query.from, to, admin::AdminLimits::kMaxEvents);
    if (!page) return page.error();
    report.truncated = report.truncated || page->truncated;
    for (auto& row : page->rows) {
      row.event.at = row.at;
      rows.emplace_back(row.at, admin::NodeEvent{name, std::move(row.event)});
    }
    // A fleet's events would not fit the memory.
    if (rows.size() > admin::AdminLimits::kMaxEvents) keep_oldest();
  }
  keep_oldest();
  for (auto& row : rows)
    report.events.push_back(std::move(row.second));
  return report;
}

}  // namespace tideline::coordinator
