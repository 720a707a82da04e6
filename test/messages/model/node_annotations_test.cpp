#include "messages/model/node_annotations.h"

#include <gmock/gmock.h>

namespace tideline::model::node_annotations_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kGi = std::int64_t{1} << 30;

NodeClaims claims_of(std::string_view key, const std::string& value) {
  return read_claims({{std::string(key), value}});
}

struct ReservationCase {
  const char* name;
  std::string value;
  std::int64_t cpu_milli;
  std::int64_t memory_bytes;
  std::string cpus;
};

class Reservation : public testing::TestWithParam<ReservationCase> {};

TEST_P(Reservation, IsReadAsKoordinatorReadsIt) {
  const auto claims = claims_of(kReservationAnnotation, GetParam().value);
  EXPECT_THAT(claims.unreadable, IsEmpty());
  EXPECT_THAT(claims.problems, IsEmpty());
  EXPECT_EQ(claims.reservation.cpu, MilliCpu(GetParam().cpu_milli));
  EXPECT_EQ(claims.reservation.memory, Bytes(GetParam().memory_bytes));
  EXPECT_EQ(claims.reservation.cpus.text(), GetParam().cpus);
  EXPECT_EQ(claims.third_party, ThirdPartyBatch{});
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Reservation,
    testing::Values(
        ReservationCase{"Nothing", "{}", 0, 0, ""},
        ReservationCase{"Both", R"({"resources":{"cpu":"1500m","memory":"2Gi"}})", 1'500, 2 * kGi, ""},
        ReservationCase{"PlainNumbers", R"({"resources":{"cpu":4,"memory":1073741824}})", 4'000, kGi, ""},
        ReservationCase{"CpusCount", R"({"reservedCPUs":"0-5"})", 6'000, 0, "0-5"},
        ReservationCase{"CpusOverrideCpuAndNotMemory",
                        R"({"resources":{"cpu":"20","memory":"1Gi"},"reservedCPUs":"0-1,8"})", 3'000, kGi, "0-1,8"},
        ReservationCase{"NoCpusDoNotOverride", R"({"resources":{"cpu":"2"},"reservedCPUs":""})", 2'000, 0, ""},
        ReservationCase{"AppliedByDefault", R"({"resources":{"cpu":"2"},"applyPolicy":"Default"})", 2'000, 0, ""},
        ReservationCase{"AppliedToCpusOnly", R"({"reservedCPUs":"0","applyPolicy":"ReservedCPUsOnly"})", 1'000, 0, "0"},
        ReservationCase{"OtherResources", R"({"resources":{"nvidia.com/gpu":"1","cpu":"1"}})", 1'000, 0, ""},
        ReservationCase{"Nulls", R"({"resources":null,"reservedCPUs":null,"applyPolicy":null})", 0, 0, ""}),
    [](const auto& made) { return std::string(made.param.name); });

struct BadCase {
  const char* name;
  std::string_view key;
  std::string value;
  const char* why;
};

class BadAnnotation : public testing::TestWithParam<BadCase> {};

TEST_P(BadAnnotation, IsNotReadInPartAndSaysWhy) {
  const auto claims = claims_of(GetParam().key, GetParam().value);
  EXPECT_EQ(claims.reservation, NodeReservation{});
  EXPECT_EQ(claims.third_party, ThirdPartyBatch{});
  ASSERT_THAT(claims.unreadable, SizeIs(1));
  EXPECT_EQ(claims.unreadable[0].key, GetParam().key);
  EXPECT_THAT(claims.unreadable[0].why, AllOf(HasSubstr(GetParam().why), HasSubstr("nothing is offered")));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadAnnotation,
    testing::Values(
        BadCase{"NoJson", kReservationAnnotation, "bad-format", "not JSON"},
        BadCase{"Empty", kReservationAnnotation, "", "not JSON"},
        BadCase{"NoObject", kReservationAnnotation, "[]", "want a JSON object"},
        BadCase{"NoQuantity", kReservationAnnotation, R"({"resources":{"cpu":"many"}})", "resources: cpu: \"many\""},
        BadCase{"Negative", kReservationAnnotation, R"({"resources":{"cpu":"4","memory":"-1Gi"}})", "negative"},
        BadCase{"MoreThanAnyHost", kReservationAnnotation, R"({"resources":{"cpu":"20k"}})", "want at most"},
        BadCase{"NoListOfCpus", kReservationAnnotation, R"({"resources":{"cpu":"4"},"reservedCPUs":"0-"})",
                "reservedCPUs"},
        BadCase{"CpusAsNumber", kReservationAnnotation, R"({"reservedCPUs":3})", "reservedCPUs is 3; want text"},
        BadCase{"Misspelt", kReservationAnnotation, R"({"reservedCpus":"0-3"})", "\"reservedCpus\" is not known"},
        BadCase{"NoList", kThirdPartyAnnotation, R"({"allocations":{}})", "want a list"},
        BadCase{"NoAllocation", kThirdPartyAnnotation, R"({"allocations":[7]})", "allocations[0]"},
        BadCase{"MisspeltAllocation", kThirdPartyAnnotation,
                R"({"allocations":[{"priority":"koord-batch","resource":{}}]})", "\"resource\" is not known"},
        BadCase{"MisspeltPriority", kThirdPartyAnnotation,
                R"({"allocations":[{"priority":"koord-bacth","resources":{"kubernetes.io/batch-cpu":"4000"}}]})",
                "allocations[0]: priority is \"koord-bacth\"; want koord-prod"},
        BadCase{"NoBatchCpu", kThirdPartyAnnotation,
                R"({"allocations":[{"priority":"koord-batch","resources":{"kubernetes.io/batch-cpu":true}}]})",
                "allocations[0]: resources: "},
        BadCase{"SumBeyondAnyHost", kThirdPartyAnnotation,
                R"({"allocations":[{"priority":"koord-batch","resources":{"kubernetes.io/batch-cpu":"9000k"}},
                    {"priority":"koord-batch","resources":{"kubernetes.io/batch-cpu":"9000k"}}]})",
                "more than any host has"}),
    [](const auto& made) { return std::string(made.param.name); });

TEST(ThirdParty, IsTheSumOverAllocationsOfBatch) {
  const auto claims = claims_of(kThirdPartyAnnotation, R"({"allocations":[
      {"name":"hadoop-yarn","priority":"koord-batch",
       "resources":{"kubernetes.io/batch-cpu":"10000","kubernetes.io/batch-memory":"10Gi"}},
      {"name":"other","priority":"koord-batch","resources":{"kubernetes.io/batch-cpu":"2500","cpu":"8"}},
      {"name":"mid","priority":"koord-mid","resources":{"kubernetes.io/batch-cpu":"4000"}},
      {"name":"none","resources":{"kubernetes.io/batch-cpu":"4000"}}]})");
  EXPECT_THAT(claims.unreadable, IsEmpty());
  EXPECT_EQ(claims.third_party.cpu, MilliCpu(12'500));
  EXPECT_EQ(claims.third_party.memory, Bytes(10 * kGi));
}

TEST(SystemQos, ItsCpusAreThoseOfTheCpusetUnlessTheyAreShared) {
  EXPECT_EQ(claims_of(kSystemQosAnnotation, R"({"cpuset":"0-1,8"})").system_cpus, (CpuSet{0, 1, 8}));
  EXPECT_EQ(claims_of(kSystemQosAnnotation, R"({"cpuset":"0-1","cpusetExclusive":true})").system_cpus, (CpuSet{0, 1}));
  EXPECT_EQ(claims_of(kSystemQosAnnotation, R"({"cpuset":"0-1","cpusetExclusive":null})").system_cpus, (CpuSet{0, 1}));
  const auto shared = claims_of(kSystemQosAnnotation, R"({"cpuset":"0-1","cpusetExclusive":false})");
  EXPECT_TRUE(shared.system_cpus.empty());
  EXPECT_THAT(shared.problems, IsEmpty());
  EXPECT_TRUE(claims_of(kSystemQosAnnotation, "{}").system_cpus.empty());
  EXPECT_EQ(claims_of(kSystemQosAnnotation, R"({"cpuset":"0-1"})").reservation, NodeReservation{});
}

TEST(SystemQos, OneThatCannotBeReadKeepsNoCpuAndWithholdsNoOffer) {
  for (const auto* value : {"0-1", R"({"cpuset":3})", R"({"cpuset":"1-"})", R"({"cpus":"0-1"})",
                            R"({"cpuset":"0-1","cpusetExclusive":"true"})"}) {
    const auto claims = claims_of(kSystemQosAnnotation, value);
    EXPECT_TRUE(claims.system_cpus.empty()) << value;
    EXPECT_THAT(claims.unreadable, IsEmpty()) << value;
    ASSERT_THAT(claims.problems, SizeIs(1)) << value;
    EXPECT_THAT(text_of(claims.problems[0]), HasSubstr("no CPU is kept for SYSTEM pods")) << value;
  }
}

TEST(Claims, AnUnknownApplyPolicyIsToldAndTheReservationHolds) {
  const auto claims = claims_of(kReservationAnnotation, R"({"resources":{"cpu":"2"},"applyPolicy":"Sometimes"})");
  EXPECT_EQ(claims.reservation.cpu, MilliCpu(2'000));
  EXPECT_THAT(claims.unreadable, IsEmpty());
  ASSERT_THAT(claims.problems, SizeIs(1));
  EXPECT_THAT(text_of(claims.problems[0]), AllOf(HasSubstr("annotation node.koordinator.sh/reservation is \""),
                                                 HasSubstr("applyPolicy is \"Sometimes\"")));
}

TEST(Claims, OneThatCannotBeReadLeavesTheOtherAsItIs) {
  const auto claims = read_claims({{std::string(kReservationAnnotation), "?"},
                                   {std::string(kThirdPartyAnnotation), R"({"allocations":[{"priority":"koord-batch",
                                       "resources":{"kubernetes.io/batch-cpu":"500"}}]})"},
                                   {"somebody.else/reservation", "?"}});
  EXPECT_EQ(claims.third_party.cpu, MilliCpu(500));
  EXPECT_THAT(claims.unreadable, ElementsAre(Field(&MetadataProblem::key, kReservationAnnotation)));
}

TEST(Claims, ALongValueIsShownInPart) {
  const auto claims = claims_of(kReservationAnnotation, std::string(4'000, 'x'));
  ASSERT_THAT(claims.unreadable, SizeIs(1));
  EXPECT_EQ(claims.unreadable[0].value, std::string(MetadataProblem::kMaxShownBytes, 'x') + "...");
}

TEST(AnnotationBounds, AreNamedWithWhatIsBeyondThem) {
  using Limits = AnnotationLimits;
  EXPECT_TRUE(check_annotations({{"a", std::string(Limits::kMaxValueBytes, 'x')}}).ok());
  const auto refusal = [](const NodeAnnotations& annotations) {
    const auto checked = check_annotations(annotations);
    EXPECT_FALSE(checked.ok());
    return checked ? "" : checked.error().message();
  };
  EXPECT_THAT(refusal({{"big", std::string(Limits::kMaxValueBytes + 1, 'x')}}),
              HasSubstr("annotation big: 4097 bytes"));
  EXPECT_THAT(refusal({{std::string(Limits::kMaxKeyBytes + 1, 'k'), ""}}), HasSubstr("318 bytes, limit 317"));
  EXPECT_THAT(refusal({{"", "x"}}), HasSubstr("empty"));
  NodeAnnotations many;
  for (std::size_t i = 0; i <= Limits::kMaxCount; ++i)
    many[std::to_string(i)] = "x";
  EXPECT_THAT(refusal(many), HasSubstr("65 annotations, limit 64"));
  NodeAnnotations heavy;
  for (int i = 0; i < 5; ++i)
    heavy[std::to_string(i)] = std::string(Limits::kMaxValueBytes, 'x');
  EXPECT_THAT(refusal(heavy), HasSubstr("bytes of annotations, limit 16384"));
}

}  // namespace
}  // namespace tideline::model::node_annotations_test
