#include "coordinator/actor/series_reader.h"

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "coordinator/actor/backend.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/coordinator/actor/tiered_store.h"
#include "test/coordinator/actor/timed_actors.h"

namespace tideline::coordinator::series_reader_test {
namespace {

using model::ErrorCode;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kFrom = 1'700'006'400;  // a multiple of two days

class SeriesAsked : public Actors {
 protected:
  SeriesAsked() {
    for (const auto* name : {"a", "b", "c"}) {
      store_->put(name, table_of({}, series::Tier::kMinute, series::field_of(model::Metric::kNodeCpu), kFrom,
                                 kFrom + 600, name[0]));
    }
  }

  caf::actor reader(SeriesReaderOptions options = {}) {
    return spawn<SeriesReader>(std::shared_ptr<const store::HistoryStore>(store_), std::move(options),
                               std::shared_ptr<const HistoryCounts>(counts_));
  }
  static admin::SeriesQuery query(const std::vector<std::string>& nodes = {}) {
    admin::SeriesQuery asked;
    auto& question = asked.question;
    for (const auto& name : nodes)
      question.nodes.emplace_back(name);
    question.fields = {series::field_of(model::Metric::kNodeCpu)};
    question.from_s = kFrom;
    question.to_s = kFrom + 600;
    question.step_s = 300;
    asked.page_from_s = kFrom;
    return asked;
  }
  model::Result<admin::SeriesPage> page(const caf::actor& reader, const admin::SeriesQuery& asked) {
    return ask<admin::SeriesPage>(reader, [&](admin::Reply<admin::SeriesPage> reply) {
      return AskSeries{asked, std::move(reply)};
    });
  }

  std::shared_ptr<TieredStore> store_ = std::make_shared<TieredStore>();
  std::shared_ptr<HistoryCounts> counts_ = std::make_shared<HistoryCounts>();
};

TEST_F(SeriesAsked, APageSaysFromWhenOnWhatItIsAboutIsKept) {
  constexpr std::int64_t kDay = 86'400;
  constexpr std::int64_t kNow = kFrom + 1'000 * kDay;
  SeriesReaderOptions options;
  options.wall_now = [] { return model::WallTime{kNow * 1000}; };
  const auto asked = reader(std::move(options));
  const auto kept_from = [&](series::SubjectKind kind, const std::string& subject, series::Tier tier) {
    auto of = query();
    of.question.kind = kind;
    of.question.subject = subject;
    of.question.tier = tier;
    of.question.step_s = series::step_s(tier);
    of.question.to_s = kFrom + 900;
    if (kind != series::SubjectKind::kNode) of.question.fields = {series::Field::kPodCpu};
    const auto answer = page(asked, of);
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    return answer ? kNow - answer->kept_from_s : 0;
  };
  using series::SubjectKind;
  using series::Tier;
  EXPECT_EQ(kept_from(SubjectKind::kNode, "", Tier::kMinute), 35 * kDay);
  EXPECT_EQ(kept_from(SubjectKind::kNode, "", Tier::kQuarterHour), 400 * kDay);
  EXPECT_EQ(kept_from(SubjectKind::kPod, "", Tier::kQuarterHour), 60 * kDay);
  EXPECT_EQ(kept_from(SubjectKind::kPod, "uid-1", Tier::kMinute), 35 * kDay);
  EXPECT_EQ(kept_from(SubjectKind::kWorkload, "shop/Deployment/web", Tier::kQuarterHour), 400 * kDay);
  EXPECT_EQ(kept_from(SubjectKind::kWorkload, "shop/Job/etl-1", Tier::kQuarterHour), 60 * kDay);
  EXPECT_EQ(kept_from(SubjectKind::kWorkload, "", Tier::kQuarterHour), 60 * kDay) << "jobs are among them";
}

TEST_F(SeriesAsked, ANameThatIsTooLongForTheStoreIsFoundByTheWholeOfItAndByWhatIsKept) {
  const std::string whole = "shop/Deployment/" + std::string(300, 'w');
  const std::string kept = whole.substr(0, 244) + "~ab03054d";
  store_->put("a", table_of({series::SubjectKind::kWorkload, kept}, series::Tier::kMinute, series::Field::kPodCpu,
                            kFrom, kFrom + 600, 7 * series::scale_of(series::Field::kPodCpu)));
  const auto one = reader();
  auto asked = query();
  asked.question.kind = series::SubjectKind::kWorkload;
  asked.question.fields = {series::Field::kPodCpu};
  for (const auto& name : {whole, kept}) {
    asked.question.subject = name;
    const auto answer = page(one, asked);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    ASSERT_THAT(answer->answer, SizeIs(1)) << name;
    EXPECT_EQ(answer->answer[0].subject, kept);
    EXPECT_THAT(answer->answer[0].points,
                ElementsAre(series::AnswerPoint{kFrom, 7}, series::AnswerPoint{kFrom + 300, 7}));
  }
  asked.question.subject = whole + "w";
  const auto other = page(one, asked);
  ASSERT_TRUE(other.ok());
  EXPECT_THAT(other->answer, SizeIs(0)) << "it begins with the same";
}

TEST_F(SeriesAsked, WithoutNamesItIsOfAllNodes) {
  const auto one = reader();
  const auto all = page(one, query());
  ASSERT_TRUE(all.ok()) << all.error().message();
  ASSERT_THAT(all->answer, SizeIs(3));
  EXPECT_EQ(all->answer[2].node, "c");
  EXPECT_THAT(all->answer[2].points,
              ElementsAre(series::AnswerPoint{kFrom, 'c'}, series::AnswerPoint{kFrom + 300, 'c'}));
  EXPECT_FALSE(all->next_s);
  const auto named = page(one, query({"b"}));
  ASSERT_TRUE(named.ok());
  ASSERT_THAT(named->answer, SizeIs(1));
  EXPECT_EQ(named->answer[0].node, "b");
}

TEST_F(SeriesAsked, ANodeThatIsNotThereIsNamedUnlessALabelNamedIt) {
  const auto one = reader();
  const auto refused = page(one, query({"a", "z"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message(), HasSubstr("\"z\""));
  auto labelled = query({"a", "z"});
  labelled.label = model::ClusterPart{"pool", "web"};
  const auto taken = page(one, labelled);
  ASSERT_TRUE(taken.ok()) << taken.error().message();
  ASSERT_THAT(taken->answer, SizeIs(1));
  auto none = query({"y", "z"});
  none.label = labelled.label;
  const auto empty = page(one, none);
  ASSERT_TRUE(empty.ok()) << "new nodes have no history yet";
  EXPECT_TRUE(empty->answer.empty());
  EXPECT_FALSE(empty->next_s);
}

TEST_F(SeriesAsked, NoMorePagesAreReadAtOnceThanItHasRoomFor) {
  SeriesReaderOptions options;
  options.most_pages = 0;
  const auto refused = page(reader(std::move(options)), query());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
}

TEST_F(SeriesAsked, PodsAreThoseOfTheNodeInTheRange) {
  series::PodInfo pod;
  pod.uid = model::PodUid("0f1e");
  pod.first_s = 100;
  pod.last_s = 200;
  store_->put("a", pod);
  const auto one = reader();
  const auto pods = [&](const char* node, std::int64_t from, std::int64_t to) {
    return ask<std::vector<series::PodInfo>>(one, [&](admin::Reply<std::vector<series::PodInfo>> reply) {
      return AskHistoryPods{{model::NodeName(node), from, to}, std::move(reply)};
    });
  };
  ASSERT_TRUE(pods("a", 150, 160).ok());
  EXPECT_THAT(*pods("a", 150, 160), ElementsAre(Field(&series::PodInfo::uid, model::PodUid("0f1e"))));
  EXPECT_TRUE(pods("a", 300, 400)->empty());
  EXPECT_EQ(pods("z", 0, 1).error().code(), ErrorCode::kNotFound);
}

TEST_F(SeriesAsked, TheStateSaysWhatIsKeptAndWhatFailed) {
  SeriesReaderOptions options;
  options.kept.reports = std::chrono::hours(9);
  options.backup_directory = "/backup";
  counts_->problems.set(HistoryProblems::Of::kFold, "no space left");
  counts_->problems.set(HistoryProblems::Of::kCommit, "disk gone");
  const auto state = ask<admin::HistoryState>(reader(std::move(options)), [](admin::Reply<admin::HistoryState> reply) {
    return AskHistoryState{std::move(reply)};
  });
  ASSERT_TRUE(state.ok()) << state.error().message();
  EXPECT_EQ(state->tables.nodes, 3u);
  EXPECT_EQ(state->reports_kept, std::chrono::hours(9));
  EXPECT_EQ(state->tiers_kept, HistoryRetention{}.tiers);
  EXPECT_EQ(state->pods_kept, HistoryRetention{}.pods);
  EXPECT_EQ(state->disk_bytes, 4'096u);
  EXPECT_EQ(state->backups, "/backup");
  EXPECT_EQ(state->problem, "commit: disk gone; fold: no space left");
}

TEST_F(SeriesAsked, AStoreOfReportsAloneSaysThatItHasNoTiers) {
  const auto plain =
      spawn<SeriesReader>(std::shared_ptr<const store::HistoryStore>(std::make_shared<store::MemoryStore>()),
                          SeriesReaderOptions{}, std::shared_ptr<const HistoryCounts>(counts_));
  const auto refused = page(plain, query());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message(), HasSubstr("reports alone"));
  const auto slice = ask<series::VerifySlice>(plain, [](admin::Reply<series::VerifySlice> reply) {
    return AskVerify{{.from = {}, .bytes = 1}, std::move(reply)};
  });
  EXPECT_EQ(slice.error().code(), ErrorCode::kUnsupported);
  const auto state = ask<admin::HistoryState>(
      plain, [](admin::Reply<admin::HistoryState> reply) { return AskHistoryState{std::move(reply)}; });
  EXPECT_EQ(state.error().code(), ErrorCode::kUnsupported);
}

TEST_F(SeriesAsked, ASliceOfAVerificationIsTheStores) {
  const auto one = reader();
  const auto slice = [&](const char* from) {
    return ask<series::VerifySlice>(one, [&](admin::Reply<series::VerifySlice> reply) {
      return AskVerify{{from, 99}, std::move(reply)};
    });
  };
  ASSERT_TRUE(slice("").ok());
  EXPECT_EQ(slice("")->bytes, 99u);
  EXPECT_EQ(slice("nowhere").error().code(), ErrorCode::kInvalidArgument);
}

class SeriesInTurns : public TimedActors {};

TEST_F(SeriesInTurns, AShortQuestionIsAnsweredBeforeTheEndOfALongOne) {
  const auto store = std::make_shared<TieredStore>();
  admin::SeriesQuery of_three;
  of_three.question.fields = {series::field_of(model::Metric::kNodeCpu)};
  of_three.question.from_s = of_three.page_from_s = kFrom;
  of_three.question.to_s = kFrom + 600;
  for (const auto* name : {"a", "b", "c"}) {
    store->put(name,
               table_of({}, series::Tier::kMinute, series::field_of(model::Metric::kNodeCpu), kFrom, kFrom + 600, 7));
    of_three.question.nodes.emplace_back(name);
  }
  auto of_one = of_three;
  of_one.question.nodes.resize(1);
  SeriesReaderOptions options;
  // Each look at the clock is a second after the one before, and so a turn is one node.
  options.mono_now = [now = std::make_shared<std::int64_t>(0)] { return model::MonoTime{*now += 1'000'000'000}; };
  using std::chrono::hours;
  options.page = {.turn = std::chrono::milliseconds(1), .attempt = hours(1), .whole = hours(1)};
  const auto one = spawn<SeriesReader>(std::shared_ptr<const store::HistoryStore>(store), std::move(options),
                                       std::make_shared<const HistoryCounts>());
  std::vector<std::string> order;
  const auto asked = [&order](const admin::SeriesQuery& query, const char* what) {
    return AskSeries{query, [&order, what](const model::Result<admin::SeriesPage>& page) {
                       order.emplace_back(page.ok() ? what : page.error().message());
                     }};
  };
  tell(one, asked(of_three, "long"), asked(of_one, "short"));
  EXPECT_THAT(order, ElementsAre("short", "long"));
}

/// Copies until it is let go, or told to end.
class CopyingStore final : public TieredStore {
 public:
  model::Result<series::BackupInfo> backup(const std::string& directory,
                                           const std::function<bool(std::uint64_t)>& progress) override {
    begun_.set_value(directory);
    while (!go_) {
      if (!progress(1)) return model::Error(ErrorCode::kUnavailable, "the backup was given up");
      std::this_thread::yield();
    }
    return series::BackupInfo{.id = 3, .at_s = 1, .bytes = 2, .files = 4};
  }
  std::string wait_begun() {
    auto begun = begun_.get_future();
    return begun.wait_for(kPatience) == std::future_status::ready ? begun.get() : std::string();
  }
  void let_go() { go_ = true; }

 private:
  std::promise<std::string> begun_;
  std::atomic<bool> go_{false};
};

class Backup : public Actors {
 protected:
  using Made = model::Result<admin::BackupMade>;

  void TearDown() override {
    series_.door->close();
    Actors::TearDown();
  }
  void start(const std::string& directory) {
    series_.reader = spawn<SeriesReader>(std::shared_ptr<const store::HistoryStore>(store_), SeriesReaderOptions{},
                                         std::shared_ptr<const HistoryCounts>(counts_));
    // As the coordinator does: it blocks.
    series_.backup = system_.spawn<BackupActor, caf::detached>(std::static_pointer_cast<store::HistoryStore>(store_),
                                                               directory, series_.door, counts_);
    spawned_.push_back(series_.backup);
    backend_.emplace(probe(), probe(), probe(), series_);
  }
  std::future<Made> ask_for_one() {
    auto promise = std::make_shared<std::promise<Made>>();
    backend_->history_backup({{link::Role::kAdmin, "ann"}, "test"},
                             [promise](Made made) { promise->set_value(std::move(made)); });
    return promise->get_future();
  }
  static Made answer(std::future<Made> asked) {
    if (asked.wait_for(kPatience) == std::future_status::ready) return asked.get();
    return model::Error(ErrorCode::kInternal, "no answer");
  }

  std::shared_ptr<CopyingStore> store_ = std::make_shared<CopyingStore>();
  std::shared_ptr<HistoryCounts> counts_ = std::make_shared<HistoryCounts>();
  SeriesActors series_;
  std::optional<ActorBackend> backend_;
};

TEST_F(Backup, OneIsMadeAtATimeAndNobodyElseWaitsForIt) {
  start("/backup");
  auto first = ask_for_one();
  EXPECT_EQ(store_->wait_begun(), "/backup");
  const auto second = answer(ask_for_one());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kOverloaded);
  std::promise<bool> asked;
  backend_->history_state([&](const model::Result<admin::HistoryState>& state) { asked.set_value(state.ok()); });
  auto state = asked.get_future();
  ASSERT_EQ(state.wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(state.get()) << "while it copies";
  store_->let_go();
  const auto made = answer(std::move(first));
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(made->backup.id, 3u);
  EXPECT_EQ(made->directory, "/backup");
  EXPECT_EQ(counts_->backups, 1u);
  EXPECT_TRUE(series_.door->enter()) << "the next one may come";
}

TEST_F(Backup, OneThatIsUnderWayEndsWhenTheCoordinatorDoes) {
  start("/backup");
  auto first = ask_for_one();
  EXPECT_EQ(store_->wait_begun(), "/backup");
  series_.door->close();
  const auto made = answer(std::move(first));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(counts_->backups_failed, 1u);
}

TEST_F(Backup, WithoutADirectoryTheOptionIsNamed) {
  start("");
  const auto made = answer(ask_for_one());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(made.error().message(), HasSubstr("--backup-dir"));
  EXPECT_EQ(answer(ask_for_one()).error().code(), ErrorCode::kUnsupported) << "and not that one is under way";
}

}  // namespace
}  // namespace tideline::coordinator::series_reader_test
