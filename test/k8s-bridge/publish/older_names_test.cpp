// Batch by its older names: beside the newest, never sold twice, and taken away when it is asked for no more.
#include <algorithm>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/publish/publisher.h"
#include "test/k8s-bridge/publish/fake_node.h"

namespace tideline::publish {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::NodeName;
using model::ReclaimRule;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kOlderCpu = "koordinator.sh/batch-cpu";
constexpr const char* kOlderMemory = "koordinator.sh/batch-memory";
constexpr const char* kAlibabaCpu = "alibabacloud.com/reclaimed-cpu";
constexpr const char* kAlibabaMemory = "alibabacloud.com/reclaimed-memory";

PublishOptions with(bool koordinator, bool alibaba) {
  PublishOptions options;
  options.older_names = {.koordinator = koordinator, .alibaba = alibaba};
  return options;
}

k8s::BatchRequests requesting(std::int64_t by_newest, std::int64_t by_koordinator, std::int64_t by_alibaba) {
  k8s::BatchRequests requests;
  requests.cpu = {MilliCpu(by_newest), MilliCpu(by_koordinator), MilliCpu(by_alibaba)};
  return requests;
}

class OlderNamesTest : public testing::Test {
 protected:
  std::optional<Foreign> observe(double seconds) { return publisher_.observed(api_.node(), at(seconds)); }
  void request(const k8s::BatchRequests& requests, double seconds) {
    publisher_.requested(NodeName("n"), requests, at(seconds));
  }
  std::vector<WriteReason> run(double seconds) {
    std::vector<WriteReason> reasons;
    for (const Write& write : publisher_.due(at(seconds), 10)) {
      reasons.push_back(write.reason);
      last_ = write;
      publisher_.written(write.node, api_.patch(write.body), at(seconds));
      observe(seconds);
    }
    return reasons;
  }
  /// With both names, at 0 s.
  void start(const Offer& first, const k8s::BatchRequests& requests = {}) {
    observe(0);
    request(requests, 0);
    publisher_.offer(first, at(0));
    ASSERT_THAT(run(0), ElementsAre(WriteReason::kRise));
  }
  /// The same Node under a coordinator that starts with other options.
  void restart(const PublishOptions& options, double seconds) {
    publisher_ = Publisher(options);
    observe(seconds);
    request({}, seconds);
  }
  /// "" = it is not there; fails where capacity and allocatable are not alike.
  std::string there(const char* resource) const {
    const auto& status = api_.object()["status"];
    EXPECT_EQ(status["capacity"].contains(resource), status["allocatable"].contains(resource)) << resource;
    if (!status["allocatable"].contains(resource)) return {};
    EXPECT_EQ(status["capacity"][resource], status["allocatable"][resource]) << resource;
    return status["allocatable"][resource].get<std::string>();
  }
  std::string account() const {
    const auto& annotations = api_.object()["metadata"]["annotations"];
    return annotations.contains("tideline.io/reclaimed") ? annotations["tideline.io/reclaimed"].get<std::string>() : "";
  }

  Publisher publisher_{with(true, true)};
  FakeNode api_{"n"};
  Write last_;
};

TEST_F(OlderNamesTest, HaveTheSameAsTheNewest) {
  start(offering(35'100));
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "35100");
  EXPECT_EQ(there(kOlderCpu), "35100") << "millicores as well";
  EXPECT_EQ(there(kAlibabaCpu), "35100");
  EXPECT_EQ(there(kOlderMemory), "21474836480");
  EXPECT_EQ(there(kAlibabaMemory), "21474836480");
  EXPECT_EQ(last_.values.older_batch_cpu, MilliCpu(35'100));
  EXPECT_EQ(last_.values.reclaimed_memory, Bytes(20 * kGi));
  EXPECT_THAT(run(299), IsEmpty());
}

TEST_F(OlderNamesTest, AreNotThereUnlessTheyAreAskedFor) {
  restart(with(false, true), 0);
  publisher_.offer(offering(35'100), at(0));
  EXPECT_THAT(run(0), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(there(kAlibabaCpu), "35100");
  EXPECT_EQ(there(kOlderCpu), "");
  EXPECT_THAT(account(), AllOf(HasSubstr("alibabacloud.com"), Not(HasSubstr("koordinator.sh"))));
}

TEST_F(OlderNamesTest, LoseWhatPodsRequestByTheOthers) {
  start(offering(35'100), requesting(5'000, 1'000, 0));
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "34100");
  EXPECT_EQ(there(kOlderCpu), "30100");
  EXPECT_EQ(there(kAlibabaCpu), "29100");
  EXPECT_EQ(there(kOlderMemory), "21474836480") << "no memory is requested";
  request(requesting(25'000, 1'000, 0), 10);
  EXPECT_THAT(run(10), ElementsAre(WriteReason::kFall)) << "at once: the scheduler would sell it by another name";
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "34100") << "there the scheduler counts those pods itself";
  EXPECT_EQ(there(kOlderCpu), "10100");
  EXPECT_EQ(there(kAlibabaCpu), "9100");
}

TEST_F(OlderNamesTest, FallAtOnceHoweverSmallThePodIsThatWasBoundByAnother) {
  start(offering(35'100));
  request(requesting(300, 0, 0), 10);
  EXPECT_THAT(run(10), ElementsAre(WriteReason::kFall)) << "not a hundredth: by both names it would be sold twice";
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "35100");
  EXPECT_EQ(there(kOlderCpu), "34800");
  EXPECT_EQ(there(kAlibabaCpu), "34800");
  publisher_.offer(offering(35'000), at(20));
  EXPECT_THAT(run(20), IsEmpty()) << "noise of what is measured waits";
  request(requesting(300, 1, 0), 30);
  EXPECT_THAT(run(30), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "34999");
}

TEST_F(OlderNamesTest, FallAtOnceByAPodThatWasBoundWhileThereWasNoCoordinator) {
  start(offering(35'100), requesting(20'000, 0, 0));
  ASSERT_EQ(there(kOlderCpu), "15100");
  restart(with(true, true), 1000);
  request(requesting(20'300, 0, 0), 1000);
  publisher_.offer(offering(35'100), at(1001));
  EXPECT_THAT(run(1001), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(there(kOlderCpu), "14800");
}

TEST_F(OlderNamesTest, NeverOfferMoreThanIsLeftInAll) {
  struct Row {
    std::int64_t newest;
    std::int64_t koordinator;
    std::int64_t alibaba;
  };
  for (const auto& [newest, koordinator, alibaba] :
       {Row{0, 0, 0}, Row{10'000, 0, 0}, Row{0, 20'000, 5'000}, Row{30'000, 10'000, 10'000}}) {
    publisher_ = Publisher(with(true, true));
    api_ = FakeNode("n");
    start(offering(35'000), requesting(newest, koordinator, alibaba));
    const auto amounts = api_.node().allocatable;
    const std::int64_t left = std::max<std::int64_t>(35'000 - newest - koordinator - alibaba, 0);
    // What a scheduler may still give away by each of them.
    EXPECT_LE(amounts.batch_cpu->value() - newest, left);
    EXPECT_LE(amounts.older_batch_cpu->value() - koordinator, left);
    EXPECT_LE(amounts.reclaimed_cpu->value() - alibaba, left);
  }
}

TEST_F(OlderNamesTest, GiveBackWhatEndedAsARise) {
  start(offering(35'100), requesting(20'000, 0, 0));
  EXPECT_EQ(there(kOlderCpu), "15100");
  request({}, 100);
  EXPECT_THAT(run(129), IsEmpty());
  EXPECT_THAT(run(130), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(there(kOlderCpu), "35100");
}

TEST_F(OlderNamesTest, WaitForWhatPodsRequest) {
  observe(0);
  publisher_.offer(offering(35'100), at(0));
  EXPECT_THAT(run(10), IsEmpty()) << "pods were not listed yet";
  request({}, 11);
  EXPECT_THAT(run(11), ElementsAre(WriteReason::kRise));
}

TEST_F(OlderNamesTest, AreWithdrawnWithTheNewest) {
  for (const auto rule : {ReclaimRule::kStale, ReclaimRule::kDisabled}) {
    publisher_ = Publisher(with(true, true));
    api_ = FakeNode("n");
    start(offering(35'100));
    publisher_.offer(ruled(rule), at(10));
    EXPECT_THAT(run(10), ElementsAre(WriteReason::kWithdraw)) << name_of(rule);
    for (const char* resource : {"kubernetes.io/batch-cpu", kOlderCpu, kOlderMemory, kAlibabaCpu, kAlibabaMemory})
      EXPECT_EQ(there(resource), "") << name_of(rule);
    EXPECT_THAT(run(900), IsEmpty());
  }
}

TEST_F(OlderNamesTest, OfSomebodyElseAreAnswered) {
  start(offering(35'100));
  api_.set(kOlderCpu, "77000");
  const auto foreign = observe(100);
  ASSERT_TRUE(foreign);
  EXPECT_EQ(foreign->found.older_batch_cpu, MilliCpu(77'000));
  EXPECT_EQ(foreign->ours.older_batch_cpu, MilliCpu(35'100));
  EXPECT_EQ(foreign->found.batch_cpu, foreign->ours.batch_cpu);
  EXPECT_EQ(publisher_.above(at(100)).nodes, 1u);
  EXPECT_THAT(run(100.9), IsEmpty());
  EXPECT_THAT(run(101), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(there(kOlderCpu), "35100");
}

TEST_F(OlderNamesTest, AreNotWrittenAnewAfterARestart) {
  start(offering(35'100));
  restart(with(true, true), 1000);
  publisher_.offer(offering(35'100), at(1001));
  EXPECT_THAT(run(1001), IsEmpty());
  EXPECT_THAT(run(2000), IsEmpty());
}

TEST_F(OlderNamesTest, AreTakenAwayByACoordinatorThatIsNotAskedForThem) {
  start(offering(35'100));
  restart(with(true, false), 1000);
  EXPECT_THAT(run(1010), IsEmpty()) << "the ledger said nothing yet";
  publisher_.offer(offering(35'100), at(1011));
  EXPECT_THAT(run(1011), ElementsAre(WriteReason::kWithdraw));
  EXPECT_EQ(there(kAlibabaCpu), "");
  EXPECT_EQ(there(kAlibabaMemory), "");
  EXPECT_EQ(there(kOlderCpu), "35100");
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "35100");
  EXPECT_THAT(account(), AllOf(HasSubstr("koordinator.sh"), Not(HasSubstr("alibabacloud.com"))));

  restart({}, 2000);
  publisher_.offer(offering(35'100), at(2001));
  EXPECT_THAT(run(2001), ElementsAre(WriteReason::kWithdraw));
  EXPECT_EQ(there(kOlderCpu), "");
  EXPECT_THAT(account(), Not(HasSubstr("older-names")));
  EXPECT_THAT(run(3000), IsEmpty());
}

TEST_F(OlderNamesTest, ThatAreGivenUpAreNotSoldAgainWhilePodsRunByThem) {
  start(offering(35'100), requesting(0, 20'000, 0));
  ASSERT_EQ(there("kubernetes.io/batch-cpu"), "15100");
  restart({}, 1000);
  request(requesting(0, 20'000, 0), 1000);
  publisher_.offer(offering(35'100), at(1001));
  EXPECT_THAT(run(1001), ElementsAre(WriteReason::kWithdraw));
  EXPECT_EQ(there(kOlderCpu), "");
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "15100");
  EXPECT_THAT(run(1100), IsEmpty());
  request({}, 1100);
  EXPECT_THAT(run(1130), ElementsAre(WriteReason::kRise)) << "they ended";
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "35100");
}

TEST_F(OlderNamesTest, OfPodsThatOthersNamedTakeFromTheNewestThoughNoneIsPublished) {
  restart({}, 0);
  request(requesting(1'000, 0, 5'000), 0);
  publisher_.offer(offering(35'100), at(0));
  EXPECT_THAT(run(0), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "30100");
}

TEST_F(OlderNamesTest, AreNotGivenUpBeforeItIsKnownWhoRunsByThem) {
  start(offering(35'100), requesting(0, 20'000, 0));
  publisher_ = Publisher();
  observe(1000);
  publisher_.offer(offering(35'100), at(1001));
  EXPECT_THAT(run(1060), IsEmpty()) << "pods were not listed yet";
  request(requesting(0, 20'000, 0), 1061);
  EXPECT_THAT(run(1061), ElementsAre(WriteReason::kWithdraw));
  EXPECT_EQ(there("kubernetes.io/batch-cpu"), "15100");
}

TEST_F(OlderNamesTest, ThatTidelineDidNotWriteAreLeftAlone) {
  api_.set(kOlderCpu, "5000");
  restart({}, 0);
  publisher_.offer(offering(35'100), at(0));
  EXPECT_THAT(run(0), ElementsAre(WriteReason::kRise));
  api_.set(kOlderCpu, "6000");
  EXPECT_EQ(observe(10), std::nullopt) << "whoever writes them";
  publisher_.offer(ruled(ReclaimRule::kStale), at(20));
  EXPECT_THAT(run(20), ElementsAre(WriteReason::kWithdraw));
  EXPECT_EQ(there(kOlderCpu), "6k");
  EXPECT_THAT(last_.body, Not(HasSubstr(kOlderCpu)));
}

TEST_F(OlderNamesTest, OfSomebodyElseGoWhenTheirAnswerIsDueThoughTheyAreAskedForNoMore) {
  start(offering(35'100));
  restart({}, 1000);
  api_.set_one("capacity", kOlderCpu, "77000");
  publisher_.offer(offering(35'100), at(1001));
  ASSERT_TRUE(observe(1001));
  EXPECT_THAT(run(1001), ElementsAre(WriteReason::kWithdraw)) << "of the other three";
  EXPECT_THAT(account(), AllOf(HasSubstr("koordinator.sh"), Not(HasSubstr("alibabacloud.com"))));
  EXPECT_THAT(run(1002), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(there(kOlderCpu), "");
  EXPECT_THAT(account(), Not(HasSubstr("older-names")));
}

}  // namespace
}  // namespace tideline::publish
