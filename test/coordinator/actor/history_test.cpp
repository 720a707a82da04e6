#include <future>
#include <optional>
#include <vector>

#include <gmock/gmock.h>

#include "coordinator/actor/account_reader.h"
#include "coordinator/actor/history_actor.h"
#include "coordinator/actor/session_actor.h"
#include "storage/store/limits.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/coordinator/actor/broken_store.h"

namespace tideline::coordinator::history_test {
namespace {

using model::Seq;
using testing::ElementsAre;
using testing::HasSubstr;

const model::NodeName kNode("n1");
const model::Incarnation kIncarnation(7);

HistoryOptions at_once() {
  HistoryOptions options;
  options.commit_window = std::chrono::milliseconds(0);
  return options;
}

HistoryOptions never_by_itself() {
  HistoryOptions options;
  options.commit_window = std::chrono::hours(1);
  return options;
}

class History : public Actors {
 protected:
  std::shared_ptr<store::MemoryStore> store_ = std::make_shared<store::MemoryStore>();

  caf::actor history(HistoryOptions options) {
    return spawn<HistoryActor>(std::static_pointer_cast<store::HistoryStore>(store_), options);
  }
  /// The probe is the fleet, which answers nobody.
  caf::actor session(const caf::actor& history) {
    return spawn<SessionActor>(probe(), history, std::make_shared<LinkPort>());
  }
};

TEST_F(History, ReportIsDurableBeforeTheLedgerSeesIt) {
  const auto one = session(history(at_once()));
  caf::anon_send(one, ReportIn{arrived("n1", 1)});
  const auto durable = next<Durable>();
  ASSERT_TRUE(durable);
  EXPECT_EQ(durable->arrived->report->seq, Seq(1));
  EXPECT_TRUE(store_->has(kNode, kIncarnation, Seq(1)));
}

TEST_F(History, ReportThatCameTwiceReachesTheLedgerOnce) {
  const auto one = session(history(at_once()));
  for (const std::uint64_t seq : {1u, 1u, 2u})
    caf::anon_send(one, ReportIn{arrived("n1", seq)});
  EXPECT_EQ(next<Durable>()->arrived->report->seq, Seq(1));
  EXPECT_EQ(next<Durable>()->arrived->report->seq, Seq(2));
}

TEST_F(History, FleetHearsOfASessionBeforeItsReportsWhichDoNotWaitForIt) {
  const auto sessions = spawn<SessionsActor>(probe(), history(at_once()), std::make_shared<LinkPort>());
  caf::anon_send(sessions, Enrolled{session_of("n1", 1)});
  caf::anon_send(sessions, Arrived{std::vector<link::ArrivedReport>(1, *arrived("n1", 1))});
  std::vector<std::string> heard;
  for (int i = 0; i < 2; ++i) {
    self_->receive([&](const Enrolled&) { heard.emplace_back("enrolled"); },
                   [&](const Durable&) { heard.emplace_back("durable"); }, caf::after(kPatience) >> [] {});
  }
  EXPECT_THAT(heard, ElementsAre("enrolled", "durable"));
  EXPECT_TRUE(store_->has(kNode, kIncarnation, Seq(1)));
}

TEST_F(History, WhatWasNotStoredDoesNotReachTheLedger) {
  const auto one = session(probe());
  for (const std::uint64_t seq : {1u, 2u, 3u})
    caf::anon_send(one, ReportIn{arrived("n1", seq)});
  caf::anon_send(one, Persisted{arrived("n1", 1), model::Error(model::ErrorCode::kUnavailable, "disk full")});
  caf::anon_send(one, Persisted{arrived("n1", 2), store::AppendOutcome::kRefused});
  caf::anon_send(one, Persisted{arrived("n1", 3), store::AppendOutcome::kStored});
  EXPECT_EQ(next<Durable>()->arrived->report->seq, Seq(3));
}

TEST_F(History, ReportStoredAfterItsSessionClosedStillReachesTheLedger) {
  const auto one = session(probe());
  caf::anon_send(one, ReportIn{arrived("n1", 1)});
  caf::anon_send(one, Closed{link::SessionId(1), kNode, "peer went away"});
  caf::anon_send(one, Persisted{arrived("n1", 1), store::AppendOutcome::kStored});
  const auto durable = next<Durable>();
  ASSERT_TRUE(durable);
  EXPECT_EQ(durable->arrived->report->seq, Seq(1));
  self_->wait_for(one);
}

TEST_F(History, AnAckWaitsWhereTheFleetHasNotTakenTheReportBefore) {
  const auto one = session(probe());
  auto first = arrived("n1", 1);
  auto second = arrived("n1", 2);
  for (const auto& report : {first, second}) {
    caf::anon_send(one, ReportIn{report});
    ASSERT_TRUE(next<Persist>());
    caf::anon_send(one, Persisted{report, store::AppendOutcome::kStored});
    ASSERT_TRUE(next<Durable>());
  }
  caf::anon_send(one, Closed{link::SessionId(1), kNode, "peer went away"});
  self_->monitor(one);
  bool ended = false;
  self_->receive([&](const caf::down_msg&) { ended = true; }, caf::after(std::chrono::milliseconds(200)) >> [] {});
  EXPECT_FALSE(ended) << "it owes the second one's ack while somebody holds the first";
  first.reset();
  second.reset();
  self_->wait_for(one);
}

TEST_F(History, SessionWithNothingOutstandingEndsWhenItCloses) {
  const auto one = session(probe());
  caf::anon_send(one, Closed{link::SessionId(1), kNode, "peer went away"});
  self_->wait_for(one);
}

TEST_F(History, BrokenDiskNeverMakesANodeDropItsReport) {
  const auto keeper =
      spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(std::make_shared<BrokenStore>()), at_once());
  caf::anon_send(keeper, Persist{arrived("n1", 1), probe()});
  const auto persisted = next<Persisted>();
  ASSERT_TRUE(persisted);
  ASSERT_FALSE(persisted->outcome.ok());
  EXPECT_EQ(persisted->outcome.error().code(), model::ErrorCode::kUnavailable);
  EXPECT_THAT(persisted->outcome.error().message(), HasSubstr("block 7"));
}

TEST_F(History, SaysThatPodsAreLeftOutOfTheBytesItGivesAndOfNoOthers) {
  struct Watching : BrokenStore {
    model::Result<std::vector<store::AppendOutcome>> append_views(std::span<const store::ReportView> reports) override {
      for (const auto& view : reports)
        seen.emplace_back(view.bytes.size(), view.pods_left_out);
      return std::vector<store::AppendOutcome>(reports.size(), store::AppendOutcome::kStored);
    }
    std::vector<std::pair<std::size_t, std::uint64_t>> seen;
  };
  const auto watching = std::make_shared<Watching>();
  const auto keeper = spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(watching), at_once());
  for (const bool with_bytes : {true, false}) {
    auto report = std::make_shared<link::ArrivedReport>(*arrived("n1", with_bytes ? 1 : 2));
    report->pods_left_out = 7;
    const auto bytes = with_bytes ? std::make_shared<const std::vector<std::byte>>(3) : ReportBytes();
    caf::anon_send(keeper, Persist{report, probe(), bytes});
    ASSERT_TRUE(next<Persisted>());
  }
  using Seen = std::pair<std::size_t, std::uint64_t>;
  EXPECT_EQ(watching->seen, (std::vector<Seen>{{3, 7}, {0, 0}})) << "whole ones the store makes";
}

TEST_F(History, BackfillIsPlacedByWhatALiveReportBeforeItTaughtOfTheClock) {
  const auto keeper = history(at_once());
  const auto stored = [&](std::uint64_t seq, model::Lane lane) {
    auto one = std::make_shared<link::ArrivedReport>(*arrived("n1", seq));
    model::Report report = *one->report;
    report.wall.ms += 5'000;
    report.lane = lane;
    one->report = std::make_shared<const model::Report>(std::move(report));
    caf::anon_send(keeper, Persist{one, probe()});
    ASSERT_TRUE(next<Persisted>());
  };
  stored(2, model::Lane::kLive);
  stored(1, model::Lane::kBackfill);
  const auto page = store_->reports(kNode, {0}, {INT64_MAX}, 0);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->rows.size(), 2u);
  for (const auto& row : page->rows)
    EXPECT_EQ(row.clock_offset, std::chrono::seconds(5)) << row.report.seq.value();
}

/// Writes down what is done to it, and stands still in the first thing until it is let go.
class SlowStore : public BrokenStore {
 public:
  model::Result<std::vector<store::AppendOutcome>> append_views(std::span<const store::ReportView> reports) override {
    note("reports", reports.size());
    return std::vector<store::AppendOutcome>(reports.size(), store::AppendOutcome::kStored);
  }
  model::Result<void> append_events(std::span<const store::CoordinatorEvent> events) override {
    note("events", events.size());
    return {};
  }
  model::Result<void> append_accounts(std::span<const model::AccountAt> accounts) override {
    note("accounts", accounts.size());
    return {};
  }
  model::Result<store::DroppedSlice> drop_slice(const store::DropBefore&, const model::NodeName& from,
                                                std::size_t most) override {
    note("drop from " + from.str() + ",", most);
    if (from.str() == "c") {
      ended_.set_value();
      return store::DroppedSlice{};
    }
    return store::DroppedSlice{{}, model::NodeName(from.empty() ? "b" : "c")};
  }
  bool wait_begun() { return begun_.get_future().wait_for(kPatience) == std::future_status::ready; }
  void let_go() { go_.set_value(); }
  bool wait_dropped() { return ended_.get_future().wait_for(kPatience) == std::future_status::ready; }
  /// Once the actor has ended, or after wait_dropped().
  const std::vector<std::string>& done() const { return done_; }

 private:
  void note(const std::string& what, std::size_t count) {
    done_.push_back(what + " " + std::to_string(count));
    if (done_.size() > 1) return;
    begun_.set_value();
    go_.get_future().wait();
  }
  std::vector<std::string> done_;
  std::promise<void> begun_, go_, ended_;
};

TEST_F(History, ReportsHaveTheirTurnBetweenSlicesOfManyEventsAndAccounts) {
  const auto slow = std::make_shared<SlowStore>();
  auto options = never_by_itself();
  options.commit_reports = 3;
  const auto keeper = spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(slow), options);
  KeepEvents many;
  many.events.resize(8);
  caf::anon_send(keeper, std::move(many));
  ASSERT_TRUE(slow->wait_begun());
  caf::anon_send(keeper, Persist{arrived("n1", 1), probe()});
  KeepAccounts accounts;
  accounts.accounts.resize(2);
  caf::anon_send(keeper, std::move(accounts));
  slow->let_go();
  ASSERT_TRUE(next<Persisted>());
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  EXPECT_THAT(slow->done(), ElementsAre("events 3", "reports 1", "events 3", "accounts 2", "events 2"));
}

TEST_F(History, ReportsHaveTheirTurnBetweenSlicesOfRetention) {
  const auto slow = std::make_shared<SlowStore>();
  auto options = at_once();
  options.commit_reports = 1;
  options.retention_slice = 7;
  options.retention_pause = std::chrono::milliseconds(0);
  const auto keeper = spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(slow), options);
  caf::anon_send(keeper, RetentionTick{});
  ASSERT_TRUE(slow->wait_begun());
  caf::anon_send(keeper, Persist{arrived("n1", 1), probe()});
  slow->let_go();
  ASSERT_TRUE(slow->wait_dropped());
  EXPECT_THAT(slow->done(), ElementsAre("drop from , 7", "reports 1", "drop from b, 7", "drop from c, 7"));
}

TEST_F(History, RetentionIsOfEachKindByItself) {
  struct Asked final : BrokenStore {
    model::Result<store::DroppedSlice> drop_slice(const store::DropBefore& before, const model::NodeName&,
                                                  std::size_t) override {
      promise.set_value(before);
      return store::DroppedSlice{};
    }
    std::promise<store::DropBefore> promise;
  };
  const auto store = std::make_shared<Asked>();
  auto options = at_once();
  options.kept.reports = std::chrono::hours(1);
  options.kept.events = std::chrono::hours(3);
  options.kept.accounts = std::chrono::hours(7);
  const auto keeper = spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(store), options);
  caf::anon_send(keeper, RetentionTick{});
  auto asked = store->promise.get_future();
  ASSERT_EQ(asked.wait_for(kPatience), std::future_status::ready);
  const auto before = asked.get();
  constexpr std::int64_t kHourMs = 3'600'000;
  const auto now = clock::wall_now().ms;
  EXPECT_EQ(before.reports.ms % kHourMs, 0) << "reports go by the hour";
  EXPECT_EQ(before.events.ms - before.accounts.ms, 4 * kHourMs);
  EXPECT_NEAR(static_cast<double>(now - before.events.ms), 3.0 * kHourMs, 60'000);
  const auto reports_age = now - before.reports.ms;
  EXPECT_TRUE(kHourMs <= reports_age && reports_age < 2 * kHourMs + 60'000) << reports_age;
}

TEST_F(History, WhoListensHearsOnceOfEachLiveReportThatIsStored) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> heard;
  auto options = at_once();
  options.on_stored = [&heard](const model::Report& report, model::WallTime at) {
    heard.emplace_back(report.seq.value(), report.wall.ms - at.ms);
  };
  const auto keeper = history(options);
  const auto stored = [&](std::uint64_t seq, model::Lane lane, std::int64_t ahead_ms) {
    auto one = std::make_shared<link::ArrivedReport>(*arrived("n1", seq));
    model::Report report = *one->report;
    report.wall.ms += ahead_ms;
    report.lane = lane;
    one->report = std::make_shared<const model::Report>(std::move(report));
    caf::anon_send(keeper, Persist{one, probe()});
    ASSERT_TRUE(next<Persisted>());
  };
  stored(2, model::Lane::kLive, 5'000);
  stored(1, model::Lane::kBackfill, 5'000);
  stored(2, model::Lane::kLive, 5'000);
  stored(3, model::Lane::kLive, 5'000);
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  ASSERT_EQ(heard.size(), 2u) << "not of backfill, nor of what came again";
  EXPECT_EQ(heard[0].first, 2u);
  EXPECT_EQ(heard[1], (std::pair<std::uint64_t, std::int64_t>{3, 5'000})) << "by corrected time";
}

TEST_F(History, WhoListensHearsNothingOfWhatTheStoreDidNotTake) {
  bool heard = false;
  auto options = at_once();
  options.on_stored = [&heard](const model::Report&, model::WallTime) { heard = true; };
  const auto counts = std::make_shared<HistoryCounts>();
  const auto keeper =
      spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(std::make_shared<BrokenStore>()), options, counts);
  caf::anon_send(keeper, Persist{arrived("n1", 1), probe()});
  ASSERT_TRUE(next<Persisted>());
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  EXPECT_FALSE(heard);
  EXPECT_THAT(counts->problems.text(), HasSubstr("commit: block 7"));
}

TEST_F(History, CommitsWhatWaitsWhenItEnds) {
  const auto keeper = history(never_by_itself());
  caf::anon_send(keeper, Persist{arrived("n1", 1), probe()});
  model::Event event;
  event.at = model::WallTime{1000};
  event.reason = model::Reason::kPolicyApplied;
  caf::anon_send(keeper, KeepEvents{{{model::NodeName(), event}}});
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  EXPECT_TRUE(store_->has(kNode, kIncarnation, Seq(1)));
  const auto events = store_->events(model::NodeName(), {0}, {2000}, 0);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->rows.size(), 1u);
}

TEST_F(History, OneBadEventDoesNotCostTheOthers) {
  const auto keeper = history(never_by_itself());
  model::Event good;
  good.at = model::WallTime{1000};
  model::Event bad = good;
  bad.subject.assign(model::ReportLimits::kMaxTextBytes + 1, 'x');
  caf::anon_send(keeper, KeepEvents{{{model::NodeName(), good}, {model::NodeName(), bad}, {model::NodeName(), good}}});
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  const auto events = store_->events(model::NodeName(), {0}, {2000}, 0);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->rows.size(), 2u);
}

model::AccountAt account_at(std::int64_t ms, const model::NodeName& node) {
  model::AccountAt entry{{ms}, {}};
  entry.account.node = node;
  entry.account.cpu.capacity = model::MilliCpu(ms);
  return entry;
}

TEST_F(History, AccountsAreCommittedWithTheRestAndCounted) {
  const auto counts = std::make_shared<HistoryCounts>();
  const auto keeper =
      spawn<HistoryActor>(std::static_pointer_cast<store::HistoryStore>(store_), never_by_itself(), counts);
  caf::anon_send(keeper, KeepAccounts{{account_at(1000, kNode), account_at(1000, model::NodeName())}});
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  const auto kept = store_->accounts(kNode, {0}, {2000}, 0);
  ASSERT_TRUE(kept.ok());
  EXPECT_THAT(kept->rows, ElementsAre(account_at(1000, kNode)));
  EXPECT_EQ(counts->accounts, 2u);
  EXPECT_EQ(counts->accounts_lost, 0u);
}

TEST_F(History, AccountsThatTheStoreRefusesAreCountedAsLost) {
  const auto counts = std::make_shared<HistoryCounts>();
  const auto keeper = spawn<HistoryActor>(std::shared_ptr<store::HistoryStore>(std::make_shared<BrokenStore>()),
                                          never_by_itself(), counts);
  caf::anon_send(keeper, KeepAccounts{{account_at(1000, kNode)}});
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  self_->wait_for(keeper);
  EXPECT_EQ(counts->accounts_lost, 1u);
}

TEST_F(History, AnAccountOfThenIsTheNewestByThen) {
  const std::vector<model::AccountAt> rows{account_at(1000, kNode), account_at(5000, kNode)};
  ASSERT_TRUE(store_->append_accounts(rows).ok());
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store_));
  const auto then = [&](std::int64_t ms) {
    return ask<model::ExplainedAccount>(reader, [&](admin::Reply<model::ExplainedAccount> reply) {
      return AskExplainReclaimed{{kNode, model::WallTime{ms}}, std::move(reply)};
    });
  };
  const auto found = then(4999);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_TRUE(found->stored);
  EXPECT_EQ(found->at, model::WallTime{1000});
  EXPECT_EQ(found->account, account_at(1000, kNode).account);
  EXPECT_FALSE(found->cpu.terms.empty());
  ASSERT_TRUE(store_->append_accounts(std::vector{account_at(1000, model::NodeName("zone=a"))}).ok());
  const auto part = ask<model::ExplainedAccount>(reader, [](admin::Reply<model::ExplainedAccount> reply) {
    return AskExplainReclaimed{{model::NodeName("zone=a"), model::WallTime{5000}}, std::move(reply)};
  });
  ASSERT_FALSE(part.ok()) << "no node";
  EXPECT_EQ(part.error().code(), model::ErrorCode::kNotFound);
  const auto none = then(999);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code(), model::ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message(), HasSubstr("\"n1\""));
}

TEST_F(History, TheTrendIsTheClustersOwnAccountsInSoManyPoints) {
  std::vector<model::AccountAt> rows;
  for (std::int64_t i = 0; i < 100; ++i)
    rows.push_back(account_at(i * 10, model::NodeName()));
  rows.push_back(account_at(5, kNode));
  ASSERT_TRUE(store_->append_accounts(rows).ok());
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store_));
  const auto trend = [&](std::size_t points) {
    return ask<std::vector<model::AccountAt>>(reader, [&](admin::Reply<std::vector<model::AccountAt>> reply) {
      return AskTrend{{{0}, {1000}, points, {}}, std::move(reply)};
    });
  };
  ASSERT_TRUE(trend(100).ok());
  EXPECT_EQ(trend(100)->size(), 100u);
  const auto few = trend(4);
  ASSERT_EQ(few->size(), 4u);
  EXPECT_EQ(few->front().account.cpu.capacity, model::MilliCpu(120)) << "the mean of 0, 10 ... 240";
}

TEST_F(History, TheTrendOfAPartIsItsOwnAccounts) {
  const std::vector<model::AccountAt> rows{account_at(500, model::NodeName("zone=a")),
                                           account_at(600, model::NodeName("zone=b")),
                                           account_at(700, model::NodeName())};
  ASSERT_TRUE(store_->append_accounts(rows).ok());
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store_));
  const auto trend = [&](const char* zone) {
    return ask<std::vector<model::AccountAt>>(reader, [&](admin::Reply<std::vector<model::AccountAt>> reply) {
      return AskTrend{{{0}, {1000}, 10, {}, model::ClusterPart{"zone", zone}}, std::move(reply)};
    });
  };
  ASSERT_TRUE(trend("b").ok());
  ASSERT_EQ(trend("b")->size(), 1u);
  EXPECT_EQ(trend("b")->front().at, model::WallTime{600});
  EXPECT_EQ(trend("b")->front().account.cpu.capacity, model::MilliCpu(600));
  EXPECT_TRUE(trend("c")->empty());
}

TEST_F(History, ATrendOfMoreThanAPageLosesNoAccount) {
  constexpr auto kRows = static_cast<std::int64_t>(store::kMaxAccountRows) + 5;
  std::vector<model::AccountAt> some;
  for (std::int64_t ms = 0; ms < kRows; ++ms) {
    some.push_back(account_at(ms, model::NodeName()));
    if (some.size() < store::kMaxAppendAccounts && ms + 1 < kRows) continue;
    ASSERT_TRUE(store_->append_accounts(some).ok());
    some.clear();
  }
  // Of one millisecond history has the newer alone, so that a page never ends between two.
  auto newer = account_at(static_cast<std::int64_t>(store::kMaxAccountRows) - 1, model::NodeName());
  newer.account.cpu.capacity = model::MilliCpu(-1);
  ASSERT_TRUE(store_->append_accounts(std::vector{newer}).ok());
  const auto points = read_trend(*store_, std::nullopt, {0}, {kRows}, static_cast<std::size_t>(kRows));
  ASSERT_TRUE(points.ok());
  ASSERT_EQ(points->size(), static_cast<std::size_t>(kRows));
  for (std::int64_t ms = 0; ms < kRows; ++ms)
    ASSERT_EQ((*points)[static_cast<std::size_t>(ms)].at, model::WallTime{ms});
  EXPECT_EQ((*points)[store::kMaxAccountRows - 1].account.cpu.capacity, model::MilliCpu(-1));
}

TEST_F(History, FullCommitDoesNotWaitForItsWindow) {
  auto options = never_by_itself();
  options.commit_reports = 3;
  const auto keeper = history(options);
  for (const std::uint64_t seq : {1u, 2u, 3u})
    caf::anon_send(keeper, Persist{arrived("n1", seq), probe()});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(next<Persisted>());
}

TEST_F(History, EventsOfAllNodesAreMergedByTimeAndBounded) {
  const std::vector<store::IncomingReport> reports{{*arrived("n1", 1)->report, clock::wall_now(), model::Duration(0)}};
  ASSERT_TRUE(store_->append(reports).ok());
  constexpr std::int64_t kEach = 6000;
  for (std::int64_t first = 0; first < kEach; first += 2000) {
    std::vector<store::CoordinatorEvent> events;
    for (std::int64_t i = first; i < first + 2000; ++i) {
      model::Event event;
      event.at = model::WallTime{2 * i};
      events.push_back({kNode, event});
      event.at = model::WallTime{2 * i + 1};
      events.push_back({model::NodeName(), event});
    }
    ASSERT_TRUE(store_->append_events(events).ok());
  }
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store_));
  const auto answer = ask<admin::EventsReport>(reader, [](admin::Reply<admin::EventsReport> reply) {
    return AskEvents{{model::NodeName(), {0}, {100'000}}, std::move(reply)};
  });
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_TRUE(answer->truncated);
  ASSERT_EQ(answer->events.size(), admin::AdminLimits::kMaxEvents);
  for (std::size_t i = 0; i < answer->events.size(); ++i)
    ASSERT_EQ(answer->events[i].event.at.ms, static_cast<std::int64_t>(i));
}

TEST_F(History, EventsOfANodeThatNeverReportedCanBeRead) {
  model::Event event;
  event.at = model::WallTime{1000};
  event.reason = model::Reason::kNodeConnected;
  ASSERT_TRUE(store_->append_events(std::vector<store::CoordinatorEvent>{{kNode, event}}).ok());
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store_));
  for (const auto& node : {kNode, model::NodeName()}) {
    const auto answer = ask<admin::EventsReport>(reader, [&](admin::Reply<admin::EventsReport> reply) {
      return AskEvents{{node, {0}, {2000}}, std::move(reply)};
    });
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    ASSERT_EQ(answer->events.size(), 1u) << "asked for \"" << node.str() << '"';
    EXPECT_EQ(answer->events[0].node, kNode);
  }
}

TEST_F(History, NamesTheNodeItKnowsNothingOf) {
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store_));
  const auto answer = ask<std::vector<admin::Series>>(reader, [](admin::Reply<std::vector<admin::Series>> reply) {
    return AskHistory{{model::NodeName("nobody"), {model::Metric::kNodeCpu}, {0}, {1000}, 10}, std::move(reply)};
  });
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), model::ErrorCode::kNotFound);
  EXPECT_THAT(answer.error().message(), HasSubstr("\"nobody\""));
}

}  // namespace
}  // namespace tideline::coordinator::history_test
