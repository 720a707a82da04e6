#pragma once
// Answers about history in tiers, beside the reader of reports: a page of many nodes is read in turns, so that a short
// question never waits for a long one.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/actor/history_counts.h"
#include "coordinator/actor/history_retention.h"
#include "coordinator/actor/series_messages.h"
#include "coordinator/actor/series_page.h"
#include "messages/clock/clock.h"

namespace tideline::coordinator {

struct SeriesReaderOptions {
  HistoryRetention kept;
  std::string backup_directory;  // "" = none is set
  PageBounds page;
  /// Pages that are read at once; one more is kOverloaded.
  std::size_t most_pages = 16;
  PageReading::Clock mono_now = clock::mono_now;
  std::function<model::WallTime()> wall_now = clock::wall_now;
  PageReading::GivesUp gives_up = {};  // once the coordinator stops: it hears of nothing else while it reads a node
};

/// Blocks on the disk: spawn it detached. All is kUnsupported where the store is no series::SeriesStore.
class SeriesReader : public caf::event_based_actor {
 public:
  SeriesReader(caf::actor_config& config, std::shared_ptr<const store::HistoryStore> store, SeriesReaderOptions options,
               std::shared_ptr<const HistoryCounts> counts);
  caf::behavior make_behavior() override;

 private:
  void begin_page(const AskSeries& ask);
  void read_on(const PageRest& rest);
  model::Result<void> settle_nodes(admin::SeriesQuery& query) const;
  /// How far back retention leaves what the question is about, s since the epoch.
  std::int64_t kept_from_s(const series::Question& question) const;
  model::Result<std::vector<series::PodInfo>> pods(const admin::HistoryPodsQuery& query) const;
  model::Result<admin::HistoryState> state() const;
  model::Result<series::VerifySlice> verify(const admin::VerifyQuery& query) const;

  std::shared_ptr<const store::HistoryStore> store_;
  const series::SeriesStore* series_;  // the store; null: it has none
  const series::StoreCare* care_;      // likewise
  SeriesReaderOptions options_;
  std::shared_ptr<const HistoryCounts> counts_;
  std::size_t pages_ = 0;  // that are read
};

}  // namespace tideline::coordinator
