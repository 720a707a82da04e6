#include "coordinator/actor/coordinator.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "coordinator/actor/bridge.h"
#include "coordinator/actor/policy_actor.h"
#include "coordinator/actor/session_actor.h"
#include "coordinator/actor/watch_actor.h"
#include "messages/link/node_client.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/coordinator/actor/broken_store.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::coordinator::coordinator_test {
namespace {

using testing::HasSubstr;

/// Good enough to start on; the history actor meets an exception when the policy is to be remembered.
class ThrowingStore final : public BrokenStore {
 public:
  model::Result<void> put_setting(std::string_view key, std::string_view) override {
    if (key == kPolicyMemorySetting) throw std::runtime_error("no memory left");
    return {};
  }
  model::Result<std::optional<std::string>> setting(std::string_view) const override {
    return std::optional<std::string>();
  }
};

/// All that a coordinator needs, in `dir`.
CoordinatorConfig config_in(const test::TempDir& dir, const test::CertAuthority& authority) {
  dir.write("policy/colocation-config.json", R"({"enable": true})");
  const auto files = authority.coordinator();
  CoordinatorConfig config;
  config.listen = "127.0.0.1:0";
  config.tls = {files.certificate, files.key, files.ca};
  config.policy = directory_source(dir.str() + "/policy");
  return config;
}

CoordinatorConfig config_in(const test::TempDir& dir) {
  return config_in(dir, test::CertAuthority(dir.str(), "ca"));
}

/// A node that hears how often it is to report, and reports nothing.
class PacedNode final : public link::NodeClientEvents {
 public:
  void on_connected(const link::Welcome&) override {}
  void on_disconnected(const std::string&, unsigned) override {}
  void on_acked(model::Seq) override {}
  void on_refused(model::Seq, const model::Error&) override {}
  void on_policy(const model::NodePolicy&) override {}
  void on_hands_off(const model::HandsOffOrder&) override {}
  void on_objects(const model::NodeObjects&) override {}
  void on_evictions(const model::Result<model::EvictionAnswer>&) override {}
  void on_batch(const model::BatchAllocatable&) override {}
  void on_report_interval(model::Duration interval, model::Duration length) override {
    const std::lock_guard lock(mutex_);
    heard_.emplace_back(interval, length);
  }
  std::vector<std::pair<model::Duration, model::Duration>> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<model::Duration, model::Duration>> heard_;
};

template <class Claim>
bool eventually(Claim claim) {
  for (const auto until = std::chrono::steady_clock::now() + kPatience; !claim();) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// What `ask` is answered, as far as it is.
template <class T>
model::Result<T> answer_of(const std::function<void(admin::Reply<T>)>& ask) {
  auto promise = std::make_shared<std::promise<model::Result<T>>>();
  auto answer = promise->get_future();
  ask([promise](model::Result<T> result) { promise->set_value(std::move(result)); });
  if (answer.wait_for(kPatience) != std::future_status::ready) {
    return model::Error(model::ErrorCode::kInternal, "no answer");
  }
  return answer.get();
}

TEST(Coordinator, KnowsTheFleetOfItsEarlierLifeAndSellsNothingOfIt) {
  const test::TempDir dir;
  const auto store = std::make_shared<store::MemoryStore>();
  const auto now = clock::wall_now();
  const std::vector<store::IncomingReport> reports{
      {.report = *arrived("away", 1)->report, .received = {now.ms - 60'000}},
      {.report = *arrived("dead", 1)->report, .received = {now.ms - 3'600'000}}};
  ASSERT_TRUE(store->append(reports).ok());
  model::AccountAt account{{now.ms - 60'000}, {}};
  account.account.node = model::NodeName("away");
  account.account.cpu.capacity = model::MilliCpu(4'000);
  account.account.cpu.offered = account.account.cpu.published = model::MilliCpu(1'500);
  ASSERT_TRUE(store->append_accounts({&account, 1}).ok());

  const auto running = Coordinator::start(config_in(dir), store);
  ASSERT_TRUE(running.ok()) << running.error().message();
  auto& backend = (*running)->backend();
  const auto nodes = answer_of<std::vector<fleet::NodeView>>([&](auto reply) { backend.nodes(std::move(reply)); });
  ASSERT_TRUE(nodes.ok());
  ASSERT_EQ(nodes->size(), 2u);
  EXPECT_EQ((*nodes)[0].name, model::NodeName("away"));
  EXPECT_EQ((*nodes)[0].liveness, fleet::Liveness::kLate);
  EXPECT_EQ((*nodes)[1].liveness, fleet::Liveness::kGone);
  ASSERT_TRUE((*nodes)[0].reclaimed);
  EXPECT_EQ((*nodes)[0].reclaimed->cpu.rule, model::ReclaimRule::kStale);
  EXPECT_EQ((*nodes)[0].reclaimed->cpu.capacity, model::MilliCpu(4'000));
  EXPECT_EQ((*nodes)[0].reclaimed->cpu.published, model::MilliCpu(0));

  const auto ledger = answer_of<admin::ReclaimedReport>([&](auto reply) { backend.reclaimed(std::move(reply)); });
  ASSERT_TRUE(ledger.ok());
  ASSERT_EQ(ledger->nodes.size(), 1u);
  EXPECT_EQ(ledger->nodes[0].node, model::NodeName("away"));
  EXPECT_EQ(ledger->cluster.cpu.published, model::MilliCpu(0));
  const auto explained = answer_of<model::ExplainedAccount>([&](auto reply) {
    backend.explain_reclaimed({model::NodeName("away"), std::nullopt}, std::move(reply));
  });
  ASSERT_TRUE(explained.ok()) << explained.error().message();
  EXPECT_TRUE(explained->stored);
  const auto held = answer_of<void>([&](auto reply) {
    backend.hands_off_begin({{link::Role::kOperator, "ann"}, "test"}, model::NodeName("dead"),
                            {.group = "kubepods",
                             .remaining = std::chrono::hours(1),
                             .release = false,
                             .who = "ann",
                             .reason = "it is broken"},
                            std::move(reply));
  });
  EXPECT_TRUE(held.ok()) << held.error().message();
  const auto metrics =
      answer_of<web::WebBackend::Text>([&](auto reply) { (*running)->web_backend().metrics(std::move(reply)); });
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT((*metrics)(), HasSubstr("\ntideline_nodes{liveness=\"gone\"} 1\n"));
}

TEST(Coordinator, WithAStoreOfReportsAloneSaysThatThereAreNoTiersAndNoBackups) {
  const test::TempDir dir;
  const auto running = Coordinator::start(config_in(dir), std::make_shared<store::MemoryStore>());
  ASSERT_TRUE(running.ok()) << running.error().message();
  auto& backend = (*running)->backend();
  const auto state = answer_of<admin::HistoryState>([&](auto reply) { backend.history_state(std::move(reply)); });
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code(), model::ErrorCode::kUnsupported);
  for (int i = 0; i < 2; ++i) {
    const auto backup = answer_of<admin::BackupMade>([&](auto reply) {
      backend.history_backup({{link::Role::kAdmin, "ann"}, "test"}, std::move(reply));
    });
    ASSERT_FALSE(backup.ok());
    EXPECT_EQ(backup.error().code(), model::ErrorCode::kUnsupported);
  }
}

/// A bridge that only hears.
class HearingBridge final : public Bridge {
 public:
  caf::actor spawn(caf::actor_system& system, model::Epoch epoch, LinkPortPtr) override {
    epoch_ = epoch.value();
    return system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
      self->attach_functor([this] { ended_after_stop_ = stops_ > 0; });
      return {[this](const BridgeBegins& begins) { has_neighbours_ = begins.policy && begins.fleet; },
              [this](const Enrolled& enrolled) { enrolled_ = enrolled.session.id.value(); }, [](const Closed&) {},
              [](const AccountsComputed&) {}};
    });
  }
  void stop() override { ++stops_; }
  std::shared_ptr<const BridgeBoard> board() const override { return board_; }

  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<bool> has_neighbours_{false};
  std::atomic<std::uint64_t> enrolled_{0};
  std::atomic<int> stops_{0};
  std::atomic<bool> ended_after_stop_{false};
  std::shared_ptr<BridgeBoard> board_ = std::make_shared<BridgeBoard>();
};

TEST(Coordinator, BridgeHearsOfItsNeighboursAndSessionsAndIsStoppedBeforeItsActor) {
  const test::TempDir dir;
  const test::CertAuthority authority(dir.str(), "ca");
  const auto bridge = std::make_shared<HearingBridge>();
  auto config = config_in(dir, authority);
  config.bridge = bridge;
  auto running = Coordinator::start(std::move(config), std::make_shared<store::MemoryStore>());
  ASSERT_TRUE(running.ok()) << running.error().message();
  EXPECT_EQ(bridge->epoch_.load(), (*running)->epoch().value());
  EXPECT_TRUE(eventually([&] { return bridge->has_neighbours_.load(); }));
  BridgeNumbers numbers;
  numbers.pods = 42;
  bridge->board_->put(numbers);
  {
    // A page that nobody has made a text of yet knows the actors that it is of.
    const auto metrics =
        answer_of<web::WebBackend::Text>([&](auto reply) { (*running)->web_backend().metrics(std::move(reply)); });
    ASSERT_TRUE(metrics.ok());
    EXPECT_THAT((*metrics)(), HasSubstr("\ntideline_kubernetes_pods 42\n"));
  }

  const auto files = authority.node("n1");
  link::NodeClientConfig node_config;
  node_config.coordinators = {"127.0.0.1:" + std::to_string((*running)->node_port())};
  node_config.server_name = "coordinator.tideline";
  node_config.tls = {files.certificate, files.key, files.ca};
  node_config.node = model::NodeName("n1");
  node_config.incarnation = model::Incarnation(7);
  node_config.agent_version = "test";
  PacedNode node;
  const auto client = link::NodeClient::start(std::move(node_config), node);
  ASSERT_TRUE(client.ok()) << client.error().message();
  EXPECT_TRUE(eventually([&] { return bridge->enrolled_ != 0; }));

  EXPECT_EQ(bridge->stops_.load(), 0);
  running->reset();
  EXPECT_EQ(bridge->stops_.load(), 1);
  EXPECT_TRUE(bridge->ended_after_stop_.load());
}

TEST(Coordinator, TellsWhenAPartOfItDiedAndStopsAllTheSame) {
  const test::TempDir dir;
  std::promise<void> ended;
  auto config = config_in(dir);
  config.on_actor_ended = [&] { ended.set_value(); };
  auto running = Coordinator::start(std::move(config), std::make_shared<ThrowingStore>());
  ASSERT_TRUE(running.ok()) << running.error().message();
  EXPECT_EQ(ended.get_future().wait_for(kPatience), std::future_status::ready);
  running->reset();
}

TEST(Coordinator, ANodeHearsOnceOfThePaceAtWhichItIsWatched) {
  using std::chrono::seconds;
  const test::TempDir dir;
  const test::CertAuthority authority(dir.str(), "ca");
  const auto running = Coordinator::start(config_in(dir, authority), std::make_shared<store::MemoryStore>());
  ASSERT_TRUE(running.ok()) << running.error().message();
  const auto files = authority.node("n1");
  link::NodeClientConfig config;
  config.coordinators = {"127.0.0.1:" + std::to_string((*running)->node_port())};
  config.server_name = "coordinator.tideline";
  config.tls = {files.certificate, files.key, files.ca};
  config.node = model::NodeName("n1");
  config.incarnation = model::Incarnation(7);
  config.agent_version = "test";
  PacedNode node;
  const auto client = link::NodeClient::start(std::move(config), node);
  ASSERT_TRUE(client.ok()) << client.error().message();

  const auto watch = [&](const char* name, std::uint32_t for_seconds) {
    return answer_of<model::Duration>(
        [&](auto reply) { (*running)->backend().watch(model::NodeName(name), for_seconds, std::move(reply)); });
  };
  ASSERT_TRUE(eventually([&] { return watch("n1", 600).ok(); }));
  EXPECT_TRUE(watch("n1", 600).ok());
  const auto all = watch("", 600);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(*all, model::Duration(seconds(1)));
  EXPECT_TRUE(watch("", 3600).ok()) << "that is longer";
  ASSERT_TRUE(eventually([&] { return node.heard().size() >= 2; }));
  const std::vector<std::pair<model::Duration, model::Duration>> wanted{{seconds(1), seconds(600)},
                                                                        {seconds(1), seconds(3600)}};
  EXPECT_EQ(node.heard(), wanted);
}

class Watch : public Actors {
 protected:
  /// Ends with an exception at its first message.
  caf::actor fragile() {
    spawned_.push_back(
        system_.spawn([]() -> caf::behavior { return {[](const LedgerTick&) { throw std::runtime_error("boom"); }}; }));
    return spawned_.back();
  }
  /// Knows of sessions. An actor that does not know a message answers with an error, which ends whoever sent it.
  caf::actor sink() {
    spawned_.push_back(system_.spawn([]() -> caf::behavior { return {[](const Enrolled&) {}, [](const Closed&) {}}; }));
    return spawned_.back();
  }
};

TEST_F(Watch, NamesWhoEndedByItselfAndNotWhoWasStopped) {
  const auto stopped = fragile();
  const auto broken = fragile();
  std::promise<std::string> told;
  spawn<WatchActor>(std::vector<std::pair<std::string, caf::actor>>{{"stopped", stopped}, {"broken", broken}},
                    [&](const std::string& actor, const std::string&) { told.set_value(actor); });
  caf::anon_send_exit(stopped, caf::exit_reason::user_shutdown);
  self_->wait_for(stopped);
  caf::anon_send(broken, LedgerTick{});
  auto name = told.get_future();
  ASSERT_EQ(name.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(name.get(), "broken");
}

TEST_F(Watch, SessionThatDiesTakesItsOwnerAlongSoThatItIsNoticed) {
  const auto sessions = spawn<SessionsActor>(probe(), probe(), std::make_shared<LinkPort>());
  caf::anon_send(sessions, Enrolled{session_of("n1", 1)});
  caf::anon_send(sessions, Arrived{std::vector<link::ArrivedReport>(1, *arrived("n1", 1))});
  const auto persist = next<Persist>();
  ASSERT_TRUE(persist);
  caf::anon_send_exit(persist->answer_to, caf::exit_reason::kill);
  self_->wait_for(sessions);
}

TEST_F(Watch, BridgeHearsOfSessionsAndOfAnswersToWhatItSent) {
  const auto others = sink();
  const auto sessions = spawn<SessionsActor>(others, others, std::make_shared<LinkPort>(), probe());
  caf::anon_send(sessions, Enrolled{session_of("n1", 1)});
  const auto enrolled = next<Enrolled>();
  ASSERT_TRUE(enrolled);
  EXPECT_EQ(enrolled->session.id, link::SessionId(1));
  caf::anon_send(sessions, ObjectsAnswered{link::SessionId(1), model::NodeName("n1"), 5, "no room"});
  const auto answered = next<ObjectsAnswered>();
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->number, 5u);
  EXPECT_EQ(answered->problem, "no room");
  caf::anon_send(sessions, Closed{link::SessionId(1), model::NodeName("n1"), "peer went away"});
  EXPECT_TRUE(next<Closed>());
}

TEST_F(Watch, SessionThatClosedDoesNotEndItsOwner) {
  const auto sessions = spawn<SessionsActor>(probe(), probe(), std::make_shared<LinkPort>());
  caf::anon_send(sessions, Enrolled{session_of("n1", 1)});
  caf::anon_send(sessions, Closed{link::SessionId(1), model::NodeName("n1"), "peer went away"});
  caf::anon_send(sessions, Enrolled{session_of("n1", 2)});
  caf::anon_send(sessions, Arrived{std::vector<link::ArrivedReport>(1, *arrived("n1", 1, 2))});
  EXPECT_TRUE(next<Persist>());
}

}  // namespace
}  // namespace tideline::coordinator::coordinator_test
