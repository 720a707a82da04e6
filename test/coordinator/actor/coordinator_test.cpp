#include "coordinator/actor/coordinator.h"

#include <future>

#include <gmock/gmock.h>

#include "coordinator/actor/policy_actor.h"
#include "coordinator/actor/session_actor.h"
#include "coordinator/actor/watch_actor.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/coordinator/actor/broken_store.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::coordinator {
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

TEST(Coordinator, TellsWhenAPartOfItDiedAndStopsAllTheSame) {
  const test::TempDir dir;
  std::filesystem::create_directories(dir.path() / "policy");
  dir.write("policy/colocation-config.json", R"({"enable": true})");
  const test::CertAuthority authority(dir.str(), "ca");
  const auto files = authority.coordinator();
  std::promise<void> ended;
  CoordinatorConfig config;
  config.listen = "127.0.0.1:0";
  config.tls = {files.certificate, files.key, files.ca};
  config.policy_dir = dir.str() + "/policy";
  config.on_actor_ended = [&] { ended.set_value(); };
  auto running = Coordinator::start(std::move(config), std::make_shared<ThrowingStore>());
  ASSERT_TRUE(running.ok()) << running.error().message();
  EXPECT_EQ(ended.get_future().wait_for(kPatience), std::future_status::ready);
  running->reset();
}

class Watch : public Actors {
 protected:
  /// Ends with an exception at its first message.
  caf::actor fragile() {
    spawned_.push_back(
        system_.spawn([]() -> caf::behavior { return {[](const LedgerTick&) { throw std::runtime_error("boom"); }}; }));
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

TEST_F(Watch, SessionThatClosedDoesNotEndItsOwner) {
  const auto sessions = spawn<SessionsActor>(probe(), probe(), std::make_shared<LinkPort>());
  caf::anon_send(sessions, Enrolled{session_of("n1", 1)});
  caf::anon_send(sessions, Closed{link::SessionId(1), model::NodeName("n1"), "peer went away"});
  caf::anon_send(sessions, Enrolled{session_of("n1", 2)});
  caf::anon_send(sessions, Arrived{std::vector<link::ArrivedReport>(1, *arrived("n1", 1, 2))});
  EXPECT_TRUE(next<Persist>());
}

}  // namespace
}  // namespace tideline::coordinator
