// What a node's annotations do to its account: Koordinator's worked cases of its batchresource plugin (numbers only).

#include "coordinator/ledger/input.h"

#include <string>

#include <gmock/gmock.h>

#include "coordinator/reclaim/reclaim.h"

namespace tideline::ledger {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::ReclaimRule;

constexpr model::MonoTime kNow{3'600'000'000'000};
constexpr std::int64_t kGiga = 1'000'000'000;

model::ColocationPolicy enabled() {
  model::ColocationPolicy policy;
  policy.enable = true;
  policy.cpu_reclaim_threshold_percent = policy.memory_reclaim_threshold_percent = 65;
  return policy;
}

/// 100 cores and 120 GB; the system uses 7 cores and 12 GB, services 33 and 33.
fleet::NodeUsage usage(model::NodeAnnotations annotations) {
  fleet::NodeUsage node;
  node.arrived = kNow;
  node.cpu_capacity = node.cpu_allocatable = MilliCpu(100'000);
  node.memory_capacity = node.memory_allocatable = Bytes(120 * kGiga);
  node.system_cpu = MilliCpu(7'000);
  node.system_memory = Bytes(12 * kGiga);
  node.node_cpu = MilliCpu(40'000);
  node.node_memory = Bytes(45 * kGiga);
  fleet::PodUsage pod;
  pod.uid = model::PodUid("p");
  pod.cpu = MilliCpu(33'000);
  pod.memory = Bytes(33 * kGiga);
  node.pods = {pod};
  node.annotations = std::move(annotations);
  return node;
}

model::Reclaimed account_of(const model::NodeAnnotations& annotations,
                            const model::ColocationPolicy& policy = enabled()) {
  return reclaim::reclaim(input_of(model::NodeName("n"), usage(annotations), model::NodePolicy{}), policy, kNow);
}

model::NodeAnnotations reserving(const std::string& value) {
  return {{std::string(model::kReservationAnnotation), value}};
}
model::NodeAnnotations giving(const std::string& value) {
  return {{std::string(model::kThirdPartyAnnotation), value}};
}
std::string yarn(const std::string& cpu, const std::string& memory) {
  return R"({"allocations":[{"name":"hadoop-yarn","priority":"koord-batch","resources":{"kubernetes.io/batch-cpu":")" +
         cpu + R"(","kubernetes.io/batch-memory":")" + memory + R"("}}]})";
}

struct ReservationCase {
  const char* name;
  std::string value;
  std::int64_t cores;
  std::int64_t giga;
};

class AnnotatedReservation : public testing::TestWithParam<ReservationCase> {};

TEST_P(AnnotatedReservation, GetsKoordinatorsAnswer) {
  const auto account = account_of(reserving(GetParam().value));
  EXPECT_EQ(account.cpu.offered, MilliCpu(GetParam().cores * 1000));
  EXPECT_EQ(account.memory.offered, Bytes(GetParam().giga * kGiga));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AnnotatedReservation,
    testing::Values(ReservationCase{"Nothing", "{}", 25, 33},
                    ReservationCase{"CpusBelowSystemUse", R"({"reservedCPUs":"0-1"})", 25, 33},
                    ReservationCase{"Cpus", R"({"reservedCPUs":"0-19"})", 12, 33},
                    ReservationCase{"CpuQuantity", R"({"resources":{"cpu":"20"}})", 12, 33},
                    ReservationCase{"CpusWin", R"({"resources":{"cpu":"50"},"reservedCPUs":"0-9"})", 22, 33},
                    ReservationCase{"CpusOnlyCountHereToo",
                                    R"({"reservedCPUs":"0-9","applyPolicy":"ReservedCPUsOnly"})", 22, 33},
                    ReservationCase{"Memory", R"({"resources":{"memory":"20G"}})", 25, 25},
                    ReservationCase{"MemoryBelowSystemUse", R"({"resources":{"memory":"5G"}})", 25, 33}),
    [](const auto& made) { return std::string(made.param.name); });

TEST(LedgerInput, TheReservationIsATermOfItsOwn) {
  const auto account = account_of(reserving(R"({"resources":{"cpu":"20","memory":"5G"}})"));
  EXPECT_EQ(account.cpu.reservation, MilliCpu(20'000));
  EXPECT_EQ(account.cpu.system, MilliCpu(20'000));
  EXPECT_EQ(account.memory.reservation, Bytes(5 * kGiga));
  EXPECT_EQ(account.memory.system, Bytes(12 * kGiga)) << "its use is more";
}

// 50 cores and 120 GiB of batch; YARN has 10 and 10, or 60 and all.
TEST(LedgerInput, ThirdPartiesTakeFromWhatBatchIsOfferedDownToNothing) {
  auto policy = enabled();
  policy.cpu_reclaim_threshold_percent = 90;
  const auto before = account_of({}, policy);
  ASSERT_EQ(before.cpu.offered, MilliCpu(50'000));
  const auto some = account_of(giving(yarn("10000", "10G")), policy);
  EXPECT_EQ(some.cpu.origin, MilliCpu(50'000));
  EXPECT_EQ(some.cpu.third_party, MilliCpu(10'000));
  EXPECT_EQ(some.cpu.offered, MilliCpu(40'000));
  EXPECT_EQ(some.memory.origin, Bytes(33 * kGiga));
  EXPECT_EQ(some.memory.offered, Bytes(23 * kGiga));
  const auto all = account_of(giving(yarn("60000", "33G")), policy);
  EXPECT_EQ(all.cpu.origin, MilliCpu(50'000));
  EXPECT_EQ(all.cpu.offered, MilliCpu(0));
  EXPECT_EQ(all.memory.offered, Bytes(0));
  EXPECT_EQ(all.cpu.deficit, MilliCpu(0)) << "the charges fit; what third parties have is theirs to give back";
}

// Koordinator multiplies by the ratio first and subtracts what third parties have of batch-cpu after it.
TEST(LedgerInput, ThirdPartiesHaveNormalizedCpus) {
  model::NodePolicy policy;
  policy.scaling.cpu_normalization = model::Ratio(120);
  const auto input = input_of(model::NodeName("n"), usage(giving(yarn("6000", "0"))), policy);
  const auto account = reclaim::reclaim(input, enabled(), kNow);
  EXPECT_EQ(account.cpu.origin, MilliCpu(30'000)) << "25 * 1.2";
  EXPECT_EQ(account.cpu.published, MilliCpu(24'000));
  EXPECT_EQ(account.cpu.offered, MilliCpu(20'000)) << "25 - 6 / 1.2";
}

TEST(LedgerInput, AThresholdCapsBatchsWholeBeforeThirdPartiesTakeFromIt) {
  auto policy = enabled();
  policy.batch_cpu_threshold_percent = 20;
  const auto account = account_of(giving(yarn("5000", "0")), policy);
  EXPECT_EQ(account.cpu.origin, MilliCpu(20'000));
  EXPECT_EQ(account.cpu.offered, MilliCpu(15'000));
  EXPECT_EQ(account.cpu.rule, ReclaimRule::kThresholdCap);
}

TEST(LedgerInput, MidIsNotSoldWhatThirdPartiesHold) {
  auto policy = enabled();
  policy.mid_reclaim_mode = model::MidReclaimMode::kStatic;
  policy.mid_static_cpu_reserved_percent = 40;
  const auto account = account_of(giving(yarn("10000", "0")), policy);
  EXPECT_EQ(account.cpu.mid, MilliCpu(15'000)) << "of a room of 25";
  EXPECT_EQ(account.cpu.mid_rule, ReclaimRule::kSafeCapacity);
  EXPECT_EQ(account.cpu.origin, MilliCpu(10'000));
  EXPECT_EQ(account.cpu.offered, MilliCpu(0));
}

TEST(LedgerInput, AnAnnotationThatCannotBeReadWithholdsTheOffer) {
  for (const auto& bad : {reserving("{\"resources\":{\"cpu\":\"4\""), giving("bad-format")}) {
    const auto account = account_of(bad);
    EXPECT_EQ(account.cpu.rule, ReclaimRule::kBadAnnotation);
    EXPECT_EQ(account.memory.rule, ReclaimRule::kBadAnnotation);
    EXPECT_EQ(account.cpu.offered, MilliCpu(0));
    EXPECT_EQ(account.cpu.origin, MilliCpu(0));
    EXPECT_EQ(account.cpu.mid_offered, MilliCpu(0));
    EXPECT_EQ(account.memory.offered, Bytes(0));
    EXPECT_EQ(account.cpu.high_priority, MilliCpu(33'000)) << "what is known is filled in";
  }
}

TEST(LedgerInput, APodThatIsGoneIsChargedWhatIsLeftOfItsUse) {
  auto node = usage({});
  node.pods[0].listed = false;
  node.pods[0].qos = model::QosClass::kLse;
  node.pods[0].requests.cpu = MilliCpu(50'000);
  node.pods.push_back(node.pods[0]);
  node.pods[1].qos = model::QosClass::kBe;
  const auto account = reclaim::reclaim(input_of(model::NodeName("n"), node, model::NodePolicy{}), enabled(), kNow);
  EXPECT_EQ(account.cpu.high_priority, MilliCpu(33'000)) << "batch is charged nothing, gone or not";
  EXPECT_EQ(account.cpu.requested, MilliCpu(0)) << "it asks for nothing any more";
  EXPECT_EQ(account.memory.high_priority, Bytes(33 * kGiga));
}

TEST(LedgerInput, AnotherKeysNonsenseDoesNot) {
  EXPECT_EQ(account_of({{"somebody.else/thing", "{{"}}).cpu.offered, MilliCpu(25'000));
}

}  // namespace
}  // namespace tideline::ledger
