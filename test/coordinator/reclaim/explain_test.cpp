#include "coordinator/reclaim/explain.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include <gmock/gmock.h>

#include "messages/model/node_annotations.h"
#include "test/coordinator/reclaim/random_node.h"

namespace tideline::reclaim::explain_test {
namespace {

using model::AccountTerm;
using model::ChargeBasis;
using model::MilliCpu;
using model::TermSource;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr model::MonoTime kTime{3'600'000'000'000};
const Origin kOrigin{model::Seq(42), minutes(5)};

/// 100 cores of which 10 are not allocatable; the system uses 7; reported 12 s ago.
NodeInput a_node() {
  NodeInput input;
  input.node = model::NodeName("n");
  input.arrived = kTime + -seconds(12);
  input.cpu_capacity = MilliCpu(100'000);
  input.cpu_allocatable = MilliCpu(90'000);
  input.system_cpu = MilliCpu(7'000);
  input.used_cpu = MilliCpu(30'000);
  input.policy = model::PolicyVersion(3);
  return input;
}

PodInput a_pod(const std::string& uid, model::QosClass qos, std::int64_t request, std::optional<std::int64_t> used) {
  PodInput one;
  one.uid = model::PodUid(uid);
  one.qos = qos;
  one.tier = model::tier_of(std::nullopt, qos);
  one.requests.cpu = MilliCpu(request);
  if (used) one.cpu = MilliCpu(*used);
  return one;
}

model::ColocationPolicy enabled() {
  model::ColocationPolicy policy;
  policy.enable = true;
  return policy;
}

template <class Unit>
const model::ExplainedTerm<Unit>& line(const model::ExplainedResource<Unit>& resource, AccountTerm term) {
  static const model::ExplainedTerm<Unit> kNone;
  for (const auto& one : resource.terms) {
    if (one.term == term) return one;
  }
  ADD_FAILURE() << "no line " << model::name_of(term);
  return kNone;
}

TEST(Explain, NamesSourceAgeAndKeyOfEachTerm) {
  const auto explained = explain(a_node(), enabled(), kTime, kOrigin);
  const auto& cpu = explained.cpu;
  EXPECT_EQ(explained.account.policy, model::PolicyVersion(3));
  EXPECT_EQ(line(cpu, AccountTerm::kCapacity).source, TermSource::kNodeStatus);
  EXPECT_EQ(line(cpu, AccountTerm::kCapacity).detail, "report 42");
  EXPECT_EQ(line(cpu, AccountTerm::kCapacity).age, seconds(12));
  EXPECT_EQ(line(cpu, AccountTerm::kMargin).detail, "cpuReclaimThresholdPercent 60: 40 % of capacity");
  EXPECT_EQ(line(cpu, AccountTerm::kMargin).age, std::nullopt) << "a policy does not age";
  EXPECT_EQ(line(cpu, AccountTerm::kSystemUsed).value, MilliCpu(7'000));
  EXPECT_THAT(line(cpu, AccountTerm::kSystemUsed).detail, HasSubstr("300 s"));
  EXPECT_EQ(line(cpu, AccountTerm::kReserved).value, MilliCpu(10'000));
  EXPECT_EQ(line(cpu, AccountTerm::kReserved).detail, "capacity - allocatable or reservation, the larger");
  EXPECT_EQ(line(cpu, AccountTerm::kReservation).value, MilliCpu(0));
  EXPECT_EQ(line(cpu, AccountTerm::kSystem).value, MilliCpu(10'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).value, MilliCpu(50'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOrigin).value, MilliCpu(50'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOrigin).detail, "room - mid-offered");
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).detail, "origin - third-party, at least 0");
  EXPECT_EQ(line(explained.memory, AccountTerm::kUsed).value, std::nullopt) << "not known is not 0";
}

TEST(Explain, SaysOfEachPodWhatItIsChargedAndWhy) {
  auto input = a_node();
  auto gone = a_pod("gone", model::QosClass::kLs, 0, 400);
  gone.listed = false;
  auto ended = a_pod("ended", model::QosClass::kLs, 9'000, 9'000);
  ended.phase = model::PodPhase::kSucceeded;
  auto mid = a_pod("mid", model::QosClass::kLs, 0, 100);
  mid.tier = model::Tier::kMid;
  mid.mid_requests.cpu = MilliCpu(300);
  auto silent = a_pod("silent", model::QosClass::kLs, 0, std::nullopt);
  silent.requests = {};
  input.pods = {a_pod("use", model::QosClass::kLs, 1'000, 2'000),
                a_pod("lse", model::QosClass::kLse, 4'000, 1'000),
                a_pod("unmeasured", model::QosClass::kLs, 800, std::nullopt),
                a_pod("batch", model::QosClass::kBe, 0, 5'000),
                gone,
                ended,
                mid,
                silent};
  const auto explained = explain(input, enabled(), kTime, kOrigin);
  std::map<std::string, std::pair<ChargeBasis, std::int64_t>> pods;
  for (const auto& pod : explained.cpu.pods)
    pods[pod.uid.str()] = {pod.basis, pod.charged.value()};
  const std::map<std::string, std::pair<ChargeBasis, std::int64_t>> want = {
      {"use", {ChargeBasis::kUse, 2'000}},      {"lse", {ChargeBasis::kLse, 4'000}},
      {"gone", {ChargeBasis::kGone, 400}},      {"unmeasured", {ChargeBasis::kUnmeasured, 800}},
      {"mid", {ChargeBasis::kMidRequest, 300}}, {"silent", {ChargeBasis::kUnknown, 0}}};
  EXPECT_EQ(pods, want);
  EXPECT_EQ(explained.cpu.pods.front().uid, model::PodUid("lse")) << "the largest first";
  EXPECT_EQ(line(explained.cpu, AccountTerm::kHighPriority).value, MilliCpu(7'500));
  EXPECT_EQ(line(explained.cpu, AccountTerm::kHighPriority).detail, "6 prod and mid pods, cpuCalculatePolicy usage");
  EXPECT_THAT(line(explained.cpu, AccountTerm::kCommitted).detail, HasSubstr("1 batch"));
}

TEST(Explain, SaysByMaxUsageRequestWhichOfBothIsTheLarger) {
  auto policy = enabled();
  policy.cpu_calculate_policy = model::CalculatePolicy::kMaxUsageRequest;
  auto input = a_node();
  input.pods = {a_pod("a", model::QosClass::kLs, 3'000, 2'000), a_pod("b", model::QosClass::kLs, 1'000, 2'000)};
  const auto explained = explain(input, policy, kTime, kOrigin);
  ASSERT_THAT(explained.cpu.pods, SizeIs(2));
  EXPECT_EQ(explained.cpu.pods[0].basis, ChargeBasis::kRequest);
  EXPECT_EQ(explained.cpu.pods[1].basis, ChargeBasis::kUse);
}

TEST(Explain, NamesThePredictorOrWhyMidGetsNothingByIt) {
  auto input = a_node();
  auto origin = kOrigin;
  EXPECT_THAT(line(explain(input, enabled(), kTime, origin).cpu, AccountTerm::kProdReclaimable).detail,
              HasSubstr("prediction.predictor none"));
  origin.predictor = "recentMax";
  const auto cold = line(explain(input, enabled(), kTime, origin).cpu, AccountTerm::kProdReclaimable);
  EXPECT_EQ(cold.value, std::nullopt);
  EXPECT_THAT(cold.detail, HasSubstr("recentMax: no prod pod is known for long enough"));
  input.prod_reclaimable_cpu = MilliCpu(4'000);
  const auto warm = line(explain(input, enabled(), kTime, origin).cpu, AccountTerm::kProdReclaimable);
  EXPECT_EQ(warm.value, MilliCpu(4'000));
  EXPECT_EQ(warm.source, TermSource::kPrediction);
  EXPECT_EQ(warm.age, seconds(12));
  EXPECT_EQ(warm.detail, "recentMax: requested by prod, and not needed");
}

TEST(Explain, NamesTheRuleThatCutTheOffer) {
  auto policy = enabled();
  policy.batch_cpu_threshold_percent = 30;
  EXPECT_THAT(line(explain(a_node(), policy, kTime, kOrigin).cpu, AccountTerm::kOffered).detail,
              HasSubstr("cut by batchCPUThresholdPercent 30"));
  auto full = a_node();
  full.pods = {a_pod("p", model::QosClass::kLs, 90'000, 90'000)};
  EXPECT_THAT(line(explain(full, enabled(), kTime, kOrigin).cpu, AccountTerm::kOffered).detail, HasSubstr("below 0"));
  EXPECT_EQ(line(explain(full, enabled(), kTime, kOrigin).cpu, AccountTerm::kDeficit).value, MilliCpu(40'000));
  auto late = a_node();
  late.arrived = kTime + -minutes(20);
  EXPECT_THAT(line(explain(late, enabled(), kTime, kOrigin).cpu, AccountTerm::kOffered).detail,
              HasSubstr("degradeTimeMinutes 15"));
  EXPECT_THAT(line(explain(NodeInput{}, enabled(), kTime, {}).cpu, AccountTerm::kOffered).detail,
              HasSubstr("no report"));
  EXPECT_THAT(line(explain(a_node(), {}, kTime, kOrigin).cpu, AccountTerm::kOffered).detail, HasSubstr("enable"));
}

TEST(Explain, WhatAnnotationsTakeHasLinesOfItsOwn) {
  auto node = a_node();
  node.cpu_reserved = MilliCpu(25'000);
  node.third_party_cpu = MilliCpu(8'000);
  const auto cpu = explain(node, enabled(), kTime, kOrigin).cpu;
  const auto& reservation = line(cpu, AccountTerm::kReservation);
  EXPECT_EQ(reservation.value, MilliCpu(25'000));
  EXPECT_EQ(reservation.detail, "annotation node.koordinator.sh/reservation");
  EXPECT_EQ(reservation.age, seconds(12)) << "it came with the report";
  EXPECT_EQ(line(cpu, AccountTerm::kSystem).value, MilliCpu(25'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOrigin).value, MilliCpu(35'000));
  EXPECT_EQ(line(cpu, AccountTerm::kThirdParty).value, MilliCpu(8'000));
  EXPECT_EQ(line(cpu, AccountTerm::kThirdParty).detail, "annotation node.koordinator.sh/thirdPartyAllocations");
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).value, MilliCpu(27'000));
}

TEST(Explain, ANormalizedOfferIsToldInBothKindsOfCpu) {
  auto node = a_node();
  node.cpu_normalization = model::Ratio(120);
  node.third_party_cpu = MilliCpu(6'000);
  auto origin = kOrigin;
  origin.normalized_by = "ratioModel \"X\" baseRatio";
  const auto explained = explain(node, enabled(), kTime, origin);
  const auto& cpu = explained.cpu;
  EXPECT_EQ(line(cpu, AccountTerm::kOrigin).value, MilliCpu(60'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOrigin).detail, "room - mid-offered, * 1.20");
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).value, MilliCpu(45'000));
  EXPECT_THAT(line(cpu, AccountTerm::kOffered).detail, HasSubstr("in CPUs of this host"));
  EXPECT_EQ(line(cpu, AccountTerm::kPublished).value, MilliCpu(54'000));
  EXPECT_THAT(line(cpu, AccountTerm::kPublished).detail, HasSubstr("1.20 by ratioModel \"X\" baseRatio"));
  for (const auto& one : explained.memory.terms)
    EXPECT_NE(one.term, AccountTerm::kPublished) << "memory is not normalised";
  const auto stored = explain(model::AccountAt{{77}, explained.account});
  EXPECT_EQ(line(stored.cpu, AccountTerm::kPublished).value, MilliCpu(54'000));
}

TEST(Explain, ANormalizedOfferThatIsCutNamesBothTheRatioAndTheCap) {
  auto node = a_node();
  node.cpu_normalization = model::Ratio(120);
  auto policy = enabled();
  policy.batch_cpu_threshold_percent = 30;
  const auto cpu = explain(node, policy, kTime, kOrigin).cpu;
  EXPECT_EQ(line(cpu, AccountTerm::kOrigin).value, MilliCpu(36'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).value, MilliCpu(30'000));
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).detail,
            "(origin - third-party) / 1.20, at least 0: in CPUs of this host; cut by batchCPUThresholdPercent 30");
}

TEST(Explain, AnAccountIsOfWhatThereIsAndNotOfWhatSchedulersAreToSee) {
  auto origin = kOrigin;
  origin.scaling.cpu_amplification = model::Ratio(150);
  const auto explained = explain(a_node(), enabled(), kTime, origin);
  EXPECT_EQ(line(explained.cpu, AccountTerm::kCapacity).value, MilliCpu(100'000));
  EXPECT_EQ(line(explained.cpu, AccountTerm::kCapacity).detail,
            "report 42; without its resource-amplification-ratio 1.50");
  EXPECT_EQ(line(explained.memory, AccountTerm::kCapacity).detail, "report 42");
}

TEST(Explain, AnAnnotationThatCannotBeReadIsNamedWithItsValue) {
  auto node = a_node();
  node.third_party_cpu = MilliCpu(8'000);
  node.unreadable = {model::metadata_problem(model::kReservationAnnotation, "4 CPUs", "not JSON")};
  const auto cpu = explain(node, enabled(), kTime, kOrigin).cpu;
  EXPECT_EQ(line(cpu, AccountTerm::kReservation).value, std::nullopt) << "not known is not 0";
  EXPECT_EQ(line(cpu, AccountTerm::kReservation).detail,
            "annotation node.koordinator.sh/reservation is \"4 CPUs\": not JSON");
  EXPECT_EQ(line(cpu, AccountTerm::kThirdParty).value, MilliCpu(8'000)) << "the other can be read";
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).value, MilliCpu(0));
  EXPECT_EQ(line(cpu, AccountTerm::kOffered).detail,
            "nothing: annotation node.koordinator.sh/reservation is \"4 CPUs\": not JSON");
}

TEST(Explain, NamesHostApplicationsThatAreNotMeasured) {
  auto input = a_node();
  const auto application = [](const char* name, model::Tier tier, model::ApplicationState state,
                              std::optional<MilliCpu> cpu) {
    return ApplicationInput{.name = name, .tier = tier, .state = state, .listed = true, .cpu = cpu, .memory = {}};
  };
  using State = model::ApplicationState;
  input.applications = {application("nginx", model::Tier::kProd, State::kMeasured, MilliCpu(2'000)),
                        application("redis", model::Tier::kProd, State::kNotFound, std::nullopt),
                        application("agent", model::Tier::kMid, State::kUnreadable, MilliCpu(500)),
                        application("yarn", model::Tier::kBatch, State::kMeasured, MilliCpu(4'000))};
  const auto explained = explain(input, enabled(), kTime, kOrigin);
  const auto& one = line(explained.cpu, AccountTerm::kHostApplications);
  EXPECT_EQ(one.value, MilliCpu(2'500));
  EXPECT_EQ(one.source, TermSource::kMeasured);
  EXPECT_EQ(one.age, seconds(12));
  EXPECT_EQ(
      one.detail,
      "of high-priority, 3 prod and mid host applications; redis not-found; agent unreadable, by its last average");
  EXPECT_THAT(line(explained.cpu, AccountTerm::kSystem).detail, HasSubstr("reserved - host-applications"));
  const auto& sum = explained.cpu.charges.back();
  EXPECT_EQ(sum.basis, ChargeBasis::kHostApplication);
  EXPECT_EQ(sum.pods, 3u);
  EXPECT_EQ(sum.charged, MilliCpu(2'500));
  for (const auto& other : explain(a_node(), enabled(), kTime, kOrigin).cpu.terms)
    EXPECT_NE(other.term, AccountTerm::kHostApplications) << "a node without any has no such line";
}

TEST(Explain, AnAccountAloneHasItsTermsAndNoMore) {
  const auto live = explain(a_node(), enabled(), kTime, kOrigin);
  const auto stored = explain(model::AccountAt{{77}, live.account});
  EXPECT_TRUE(stored.stored);
  EXPECT_EQ(stored.at, model::WallTime{77});
  EXPECT_EQ(stored.account, live.account);
  EXPECT_THAT(stored.cpu.pods, IsEmpty());
  EXPECT_THAT(stored.cpu.charges, IsEmpty());
  for (const auto& one : stored.cpu.terms) {
    EXPECT_EQ(one.value, line(live.cpu, one.term).value) << model::name_of(one.term);
    EXPECT_EQ(one.source, line(live.cpu, one.term).source) << model::name_of(one.term);
    EXPECT_EQ(one.detail, "");
  }
}

template <class Unit>
void expect_whole(const model::ExplainedResource<Unit>& resource, const model::ReclaimTerms<Unit>& terms,
                  model::Ratio ratio, int round) {
  const auto value = [&](AccountTerm term) { return line(resource, term).value.value_or(Unit{0}); };
  ASSERT_EQ(value(AccountTerm::kCapacity), terms.capacity) << round;
  ASSERT_EQ(value(AccountTerm::kMargin), terms.margin) << round;
  ASSERT_EQ(value(AccountTerm::kHighPriority), terms.high_priority) << round;
  ASSERT_EQ(value(AccountTerm::kOffered), terms.offered) << round;
  ASSERT_EQ(value(AccountTerm::kMidOffered), terms.mid_offered) << round;
  ASSERT_EQ(value(AccountTerm::kCommitted), terms.committed) << round;
  ASSERT_EQ(value(AccountTerm::kDeficit), terms.deficit) << round;
  ASSERT_EQ(value(AccountTerm::kOrigin), terms.origin) << round;
  // The lines add up.
  ASSERT_EQ(value(AccountTerm::kCapacity) - value(AccountTerm::kMargin) - value(AccountTerm::kSystem) -
                value(AccountTerm::kHighPriority),
            value(AccountTerm::kRoom))
      << round;
  const auto has_applications = [](const auto& one) { return one.term == AccountTerm::kHostApplications; };
  const bool any = std::any_of(resource.terms.begin(), resource.terms.end(), has_applications);
  const Unit applications = any ? value(AccountTerm::kHostApplications) : Unit{0};
  const Unit busy = std::max(value(AccountTerm::kSystemUsed), value(AccountTerm::kReserved) - applications);
  ASSERT_TRUE(value(AccountTerm::kSystem) == busy || value(AccountTerm::kSystem) == value(AccountTerm::kReserved))
      << round;
  if (terms.deficit > Unit{0}) {
    ASSERT_EQ(value(AccountTerm::kRoom) + terms.deficit, Unit{0}) << round;
  }
  if (terms.rule == model::ReclaimRule::kUsage || terms.rule == model::ReclaimRule::kMaxUsageRequest) {
    ASSERT_EQ(ratio.times(value(AccountTerm::kRoom) - value(AccountTerm::kMidOffered)), terms.origin) << round;
    ASSERT_EQ(std::max(value(AccountTerm::kOrigin) - terms.third_party, Unit{0}), terms.published) << round;
  }
  // So do the pods.
  Unit charged{0};
  std::size_t pods = 0;
  for (const auto& sum : resource.charges) {
    charged += sum.charged;
    if (sum.basis == ChargeBasis::kHostApplication) {
      ASSERT_EQ(sum.charged, applications) << round;
      continue;
    }
    if (sum.basis != ChargeBasis::kEnded && sum.basis != ChargeBasis::kNotCharged) pods += sum.pods;
  }
  ASSERT_EQ(charged, terms.high_priority) << round;
  ASSERT_EQ(applications, terms.host_charged) << round;
  ASSERT_EQ(resource.pods.size(), std::min(pods, model::ExplainedLimits::kMaxPods)) << round;
  Unit shown{0};
  for (const auto& pod : resource.pods)
    shown += pod.charged;
  if (pods <= model::ExplainedLimits::kMaxPods) {
    ASSERT_EQ(shown + applications, terms.high_priority) << round;
  }
  ASSERT_LE(shown, terms.high_priority) << round;
}

TEST(Explain, WhateverTheNodeItsLinesAddUpToItsAccount) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomNodes random(seed);
  for (int round = 0; round < 5'000; ++round) {
    const auto policy = random.policy();
    const auto input = random.node(kTime);
    const auto explained = explain(input, policy, kTime, kOrigin);
    ASSERT_EQ(explained.account, reclaim(input, policy, kTime)) << round;
    expect_whole(explained.cpu, explained.account.cpu, input.cpu_normalization, round);
    expect_whole(explained.memory, explained.account.memory, model::Ratio(), round);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tideline::reclaim::explain_test
