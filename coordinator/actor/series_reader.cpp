#include "coordinator/actor/series_reader.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "storage/series/stay.h"

namespace tideline::coordinator {
namespace {

model::Error no_tiers() {
  return {model::ErrorCode::kUnsupported, "this coordinator's store keeps reports alone: its history has no tiers"};
}

model::Error not_in_history(const model::NodeName& node) {
  return {model::ErrorCode::kNotFound, "node \"" + node.str() + "\" has no history here"};
}

}  // namespace

SeriesReader::SeriesReader(caf::actor_config& config, std::shared_ptr<const store::HistoryStore> store,
                           SeriesReaderOptions options, std::shared_ptr<const HistoryCounts> counts)
    : caf::event_based_actor(config),
      store_(std::move(store)),
      series_(dynamic_cast<const series::SeriesStore*>(store_.get())),
      care_(dynamic_cast<const series::StoreCare*>(store_.get())),
      options_(std::move(options)),
      counts_(std::move(counts)) {}

caf::behavior SeriesReader::make_behavior() {
  return {
      [this](const AskSeries& ask) { begin_page(ask); },
      [this](const PageRest& rest) { read_on(rest); },
      [this](const AskHistoryPods& ask) { ask.reply(pods(ask.query)); },
      [this](const AskHistoryState& ask) { ask.reply(state()); },
      [this](const AskVerify& ask) { ask.reply(verify(ask.query)); },
  };
}

void SeriesReader::begin_page(const AskSeries& ask) {
  if (series_ == nullptr) {
    ask.reply(no_tiers());
    return;
  }
  if (pages_ >= options_.most_pages) {
    ask.reply(model::Error(model::ErrorCode::kOverloaded,
                           fmt::format("{} pages of history are read already; try again", pages_)));
    return;
  }
  auto query = ask.query;
  if (const auto settled = settle_nodes(query); !settled) {
    ask.reply(settled.error());
    return;
  }
  query.question.subject = series::stored_name(std::move(query.question.subject));
  if (query.question.nodes.empty()) {
    admin::SeriesPage nothing;
    nothing.kept_from_s = kept_from_s(query.question);
    ask.reply(std::move(nothing));
    return;
  }
  ++pages_;
  read_on({std::make_shared<PageReading>(std::move(query), options_.page, options_.mono_now, options_.gives_up),
           ask.reply});
}

void SeriesReader::read_on(const PageRest& rest) {
  auto read = rest.page->read_on(*series_);
  if (!read) {
    // Behind what others asked meanwhile.
    send(this, rest);
    return;
  }
  --pages_;
  if (*read) (*read)->kept_from_s = kept_from_s(rest.page->question());
  rest.reply(*std::move(read));
}

std::int64_t SeriesReader::kept_from_s(const series::Question& question) const {
  const std::size_t tier = series::place_of(question.tier);
  // Of all workloads the jobs are missing first.
  const bool of_all = question.kind == series::SubjectKind::kWorkload && question.subject.empty();
  const bool passes = of_all || series::stay_of(question.kind, question.subject) == series::Stay::kPassing;
  const auto kept = passes ? options_.kept.pods[tier] : options_.kept.tiers[tier];
  return std::max<std::int64_t>(0, instant_before(options_.wall_now(), kept).ms / 1000);
}

model::Result<void> SeriesReader::settle_nodes(admin::SeriesQuery& query) const {
  auto& nodes = query.question.nodes;
  // Those that are named are known as long as anything of them is; all are those that may have something to tell.
  const bool asks_all = query.label || nodes.empty();
  const auto from_s = std::clamp<std::int64_t>(query.question.from_s, 0, admin::AdminLimits::kMaxSeriesTime);
  auto known = series_->series_nodes_since({asks_all ? from_s * 1000 : 0});
  if (query.label) {
    std::vector<model::NodeName> both;
    std::set_intersection(nodes.begin(), nodes.end(), known.begin(), known.end(), std::back_inserter(both));
    nodes = std::move(both);
  } else if (nodes.empty()) {
    nodes = std::move(known);
  } else {
    for (const auto& node : nodes) {
      if (!std::binary_search(known.begin(), known.end(), node)) return not_in_history(node);
    }
  }
  return series::check(query.question);
}

model::Result<std::vector<series::PodInfo>> SeriesReader::pods(const admin::HistoryPodsQuery& query) const {
  if (series_ == nullptr) return no_tiers();
  const auto known = series_->series_nodes();
  if (!std::binary_search(known.begin(), known.end(), query.node)) return not_in_history(query.node);
  auto pods = series_->pods(query.node, {query.from_s * 1000}, {query.to_s * 1000});
  if (pods && pods->size() > admin::AdminLimits::kMaxPods) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("node \"{}\" had {} pods in that time, more than the {} of one answer: ask of less",
                                    query.node.str(), pods->size(), admin::AdminLimits::kMaxPods));
  }
  return pods;
}

model::Result<admin::HistoryState> SeriesReader::state() const {
  if (series_ == nullptr) return no_tiers();
  auto tables = series_->series_state();
  if (!tables) return tables.error();
  admin::HistoryState state;
  state.tables = *tables;
  state.tiers_kept = options_.kept.tiers;
  state.pods_kept = options_.kept.pods;
  state.reports_kept = options_.kept.reports;
  state.events_kept = options_.kept.events;
  state.accounts_kept = options_.kept.accounts;
  state.disk_bytes = store_->size().disk_bytes;
  state.backups = options_.backup_directory;
  state.problem = counts_->problems.text();
  return state;
}

model::Result<series::VerifySlice> SeriesReader::verify(const admin::VerifyQuery& query) const {
  if (care_ == nullptr) return no_tiers();
  return care_->verify_slice(query.from, query.bytes);
}

}  // namespace tideline::coordinator
