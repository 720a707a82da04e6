#include "coordinator/actor/series_keeper.h"

#include <algorithm>
#include <string>
#include <utility>

#include "messages/log/log.h"

namespace tideline::coordinator {

SeriesKeeper::SeriesKeeper(caf::actor_config& config, std::shared_ptr<series::SeriesStore> store,
                           SeriesKeeperOptions options, std::shared_ptr<HistoryCounts> counts)
    : caf::event_based_actor(config),
      store_(std::move(store)),
      options_(std::move(options)),
      counts_(std::move(counts)) {}

caf::behavior SeriesKeeper::make_behavior() {
  delayed_send(this, options_.fold_every, FoldTick{});
  delayed_send(this, options_.drop_every, DropTablesTick{});
  return {
      [this](const FoldTick&) {
        if (fold_.under_way) return;
        begin(fold_);
        folded_ = {};
        fold_some();
      },
      [this](const FoldRest&) { fold_some(); },
      [this](const DropTablesTick&) {
        if (drop_.under_way) return;
        begin(drop_);
        dropped_ = {};
        drop_some();
      },
      [this](const DropTablesRest&) { drop_some(); },
  };
}

void SeriesKeeper::begin(Round& round) const {
  round.under_way = true;
  round.now = options_.wall_now();
  round.from = model::NodeName();
}

model::Duration SeriesKeeper::pause_after(model::Duration slice) const {
  return std::max(options_.pause, slice * options_.pause_factor);
}

model::Duration SeriesKeeper::failed(Round& round, HistoryProblems::Of what, const model::Error& why) const {
  round.under_way = false;
  round.retry =
      round.retry == model::kZeroDuration ? options_.retry : std::min(round.retry * 2, options_.longest_retry);
  counts_->problems.set(what, why.message());
  return round.retry;
}

void SeriesKeeper::fold_failed(const model::Error& why) {
  const auto wait = failed(fold_, HistoryProblems::Of::kFold, why);
  log::error("fold-failed", "{}; tried again in {} s", why.message(), model::to_ms(wait) / 1000);
  delayed_send(this, wait, FoldTick{});
}

void SeriesKeeper::fold_some() {
  const auto begun = options_.mono_now();
  const auto slice = store_->fold_slice(fold_.now, fold_.from, options_.fold_slice);
  const auto took = options_.mono_now() - begun;
  counts_->fold_ns += took.count();
  if (!slice) {
    ++counts_->fold_failures;
    fold_failed(slice.error());
    return;
  }
  counts_->folded_hours += slice->hours;
  counts_->folded_late += slice->late;
  counts_->folded_reports += slice->reports;
  counts_->fold_failures += slice->failed;
  counts_->unreadable_reports += slice->unreadable;
  folded_.hours += slice->hours;
  folded_.late += slice->late;
  folded_.reports += slice->reports;
  folded_.failed += slice->failed;
  folded_.unreadable += slice->unreadable;
  if (!folded_.trouble) folded_.trouble = slice->trouble;
  if (!slice->rest) {
    folded_all();
    return;
  }
  fold_.from = *slice->rest;
  const bool is_behind = slice->hours > options_.fold_slice;
  delayed_send(this, is_behind ? options_.pause : pause_after(took), FoldRest{});
}

void SeriesKeeper::folded_all() {
  if (folded_.hours > 0) {
    log::info("history-folded", "{} reports, {} of them late, in {} hours of nodes", folded_.reports, folded_.late,
              folded_.hours);
  }
  if (folded_.unreadable > 0) {
    log::error("history-unreadable", "{} reports or stretches of them are not what was written, and in no table: {}",
               folded_.unreadable, folded_.trouble ? folded_.trouble->message() : std::string());
  }
  if (folded_.failed > 0) {
    fold_failed(folded_.trouble.value_or(
        model::Error(model::ErrorCode::kUnavailable, "reports of some nodes could not be read")));
    return;
  }
  fold_.under_way = false;
  fold_.retry = model::kZeroDuration;
  // Of what is unreadable nothing can be made; the state tells it until a round finds no more of it.
  counts_->problems.set(HistoryProblems::Of::kFold, folded_.trouble ? folded_.trouble->message() : std::string());
  delayed_send(this, options_.fold_every, FoldTick{});
}

void SeriesKeeper::drop_some() {
  const auto begun = options_.mono_now();
  const auto slice = store_->drop_series(tables_before(drop_.now, options_.kept), drop_.from, options_.drop_slice);
  const auto took = options_.mono_now() - begun;
  if (!slice) {
    ++counts_->retention_failures;
    const auto wait = failed(drop_, HistoryProblems::Of::kTiers, slice.error());
    log::error("tiers-retention-failed", "{}; tried again in {} s", slice.error().message(), model::to_ms(wait) / 1000);
    delayed_send(this, wait, DropTablesTick{});
    return;
  }
  counts_->tables_dropped += slice->tables;
  dropped_.tables += slice->tables;
  dropped_.pods += slice->pods;
  if (slice->rest) {
    drop_.from = *slice->rest;
    delayed_send(this, pause_after(took), DropTablesRest{});
    return;
  }
  drop_.under_way = false;
  drop_.retry = model::kZeroDuration;
  counts_->problems.set(HistoryProblems::Of::kTiers, {});
  if (dropped_.tables + dropped_.pods > 0) {
    log::info("tiers-retention", "dropped {} tables, {} pods", dropped_.tables, dropped_.pods);
  }
  delayed_send(this, options_.drop_every, DropTablesTick{});
}

}  // namespace tideline::coordinator
