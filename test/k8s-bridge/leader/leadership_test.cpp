// The thread that asks for the Lease, with an API server that answers by a script.

#include "k8s-bridge/leader/leadership.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "test/k8s-bridge/api/fixture.h"

namespace tideline::leader {
namespace {

using lease::Phase;
using std::chrono::minutes;
using std::chrono::seconds;
using test::json_reply;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kPath = "/apis/coordination.k8s.io/v1/namespaces/tideline-system/leases/tideline-coordinator";

std::string lease_json(const std::string& holder, int version) {
  return fmt::format(
      R"({{"kind":"Lease","metadata":{{"name":"tideline-coordinator","resourceVersion":"{}"}},)"
      R"("spec":{{"holderIdentity":"{}","leaseDurationSeconds":15,"renewTime":"{}","leaseTransitions":2}}}})",
      version, holder, version);
}

class LeadershipTest : public k8s_api::ApiTest {
 protected:
  std::unique_ptr<Leadership> begin(model::Duration duration) {
    LeadershipConfig made;
    made.client = config();
    lease::ElectorOptions options;
    options.identity = "me";
    auto timed = lease::with_duration(std::move(options), duration);
    EXPECT_TRUE(timed.ok());
    made.options = *std::move(timed);
    made.on_change = [this](const lease::Standing& standing) {
      {
        const std::lock_guard lock(mutex_);
        standing_ = standing;
      }
      changed_.notify_all();
    };
    made.on_lost = [this] {
      {
        const std::lock_guard lock(mutex_);
        ++losses_;
      }
      changed_.notify_all();
    };
    auto started = Leadership::start(std::move(made));
    EXPECT_TRUE(started.ok()) << started.error().message();
    return started.ok() ? *std::move(started) : nullptr;
  }
  bool wait_for(const std::function<bool()>& claim) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(20), claim);
  }
  bool wait_for(Phase phase) {
    return wait_for([&] { return standing_.phase == phase; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  lease::Standing standing_;
  int losses_ = 0;
};

TEST_F(LeadershipTest, TakesALeaseAndGivesItBack) {
  server_.on("GET", json_reply(200, lease_json("", 1)));
  server_.on("PUT", json_reply(200, lease_json("me", 2)));
  server_.on("PUT", json_reply(200, lease_json("", 3)));
  // So long that no renewal is due within the test.
  const auto leadership = begin(minutes(10));
  ASSERT_TRUE(wait_for(Phase::kLeading));
  EXPECT_TRUE(leadership->term()->holds());
  EXPECT_EQ(leadership->standing().transitions, 2);

  leadership->release();
  EXPECT_FALSE(leadership->term()->holds());
  EXPECT_EQ(leadership->standing().phase, Phase::kReleased);
  EXPECT_EQ(losses_, 0) << "what is given back is not lost";
  const auto seen = server_.seen();
  ASSERT_THAT(seen, SizeIs(3));
  for (const auto& request : seen)
    EXPECT_EQ(request.target, kPath);
  const auto taken = nlohmann::json::parse(seen[1].body);
  EXPECT_EQ(taken["spec"]["holderIdentity"], "me");
  EXPECT_EQ(taken["spec"]["leaseDurationSeconds"], 600);
  EXPECT_EQ(taken["metadata"]["resourceVersion"], "1");
  const auto given_back = nlohmann::json::parse(seen[2].body);
  EXPECT_EQ(given_back["spec"]["holderIdentity"], "");
  EXPECT_EQ(given_back["metadata"]["resourceVersion"], "2");
  leadership->release();
  EXPECT_THAT(server_.seen(), SizeIs(3));
}

TEST_F(LeadershipTest, RenewsAndIsLostAtTheDeadlineWhenNobodyAnswersAnyMore) {
  server_.on("GET", json_reply(200, lease_json("", 1)));
  server_.on("PUT", json_reply(200, lease_json("me", 2)));
  server_.on("PUT", json_reply(200, lease_json("me", 3)));
  server_.always("PUT", test::raw_reply("", End::kHold));
  server_.always("GET", test::raw_reply("", End::kHold));
  const auto leadership = begin(seconds(5));
  ASSERT_TRUE(wait_for(Phase::kLeading));
  ASSERT_TRUE(server_.wait_for("PUT", 3));
  ASSERT_TRUE(wait_for([this] { return losses_ > 0; }));
  EXPECT_FALSE(leadership->term()->holds());
  EXPECT_THAT(leadership->standing().problem, HasSubstr("no renewal"));
  leadership->release();
  EXPECT_EQ(losses_, 1);
}

TEST_F(LeadershipTest, AStandbyKnowsWhoLeadsAndWritesNothing) {
  server_.always("GET", json_reply(200, lease_json("other", 1)));
  const auto leadership = begin(minutes(10));
  ASSERT_TRUE(wait_for([this] { return standing_.holder == "other"; }));
  EXPECT_FALSE(leadership->term()->holds());
  leadership->release();
  EXPECT_EQ(leadership->standing().phase, Phase::kReleased);
  EXPECT_THAT(server_.seen("PUT"), IsEmpty());
}

TEST_F(LeadershipTest, AServerThatIsAwayIsTroubleAndNoEnd) {
  server_.always("GET", json_reply(500, R"({"kind":"Status","code":500,"message":"etcdserver: no leader"})"));
  const auto leadership = begin(seconds(5));
  ASSERT_TRUE(wait_for([this] { return standing_.problem.find("no leader") != std::string::npos; }));
  ASSERT_TRUE(server_.wait_for("GET", 2)) << "it is asked again";
  EXPECT_EQ(leadership->standing().phase, Phase::kStandby);
}

TEST_F(LeadershipTest, FilesThatAreNotThereAreNamedAtOnce) {
  LeadershipConfig made;
  made.client = config();
  made.client.access.ca_file = "/nowhere/ca.crt";
  made.options.identity = "me";
  const auto started = Leadership::start(std::move(made));
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message(), HasSubstr("/nowhere/ca.crt"));
}

}  // namespace
}  // namespace tideline::leader
