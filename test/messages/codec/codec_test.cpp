#include <cmath>
#include <cstring>
#include <random>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::codec_test {
namespace {

using model::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;

/// A flat message made by hand, to put in what write() never would.
template <class Schema, class Fill>
std::vector<std::byte> message(Fill fill) {
  capnp::MallocMessageBuilder builder;
  fill(builder.initRoot<Schema>());
  const auto words = capnp::messageToFlatArray(builder);
  std::vector<std::byte> bytes(words.asBytes().size());
  std::memcpy(bytes.data(), words.asBytes().begin(), bytes.size());
  return bytes;
}

std::string refusal(ByteView bytes) {
  const auto read = report_from_bytes(bytes);
  if (read) return "accepted";
  EXPECT_EQ(read.error().code(), ErrorCode::kMalformed);
  return read.error().message();
}

/// known_report() on the wire with one thing changed.
template <class Change>
std::vector<std::byte> changed(Change change) {
  return message<schema::Report>([&](schema::Report::Builder root) {
    write(known_report(), root);
    change(root);
  });
}

TEST(RoundTrip, AnyValidReportComesBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random(seed);
    const auto report = random_report(random);
    const auto bytes = to_bytes(report);
    ASSERT_TRUE(bytes) << "seed " << seed << ": " << bytes.error().message();
    const auto back = report_from_bytes(*bytes);
    ASSERT_TRUE(back) << "seed " << seed << ": " << back.error().message();
    ASSERT_EQ(*back, report) << "seed " << seed;
    ASSERT_EQ(*to_bytes(*back), *bytes) << "same value, same bytes; seed " << seed;
  }
}

TEST(RoundTrip, AnyPolicyComesBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random(seed);
    const auto policy = random_policy(random);
    const auto back = policy_from_bytes(to_bytes(policy));
    ASSERT_TRUE(back) << "seed " << seed << ": " << back.error().message();
    ASSERT_EQ(*back, policy) << "seed " << seed;
  }
}

TEST(RoundTrip, ReclaimedKeepsItsTerms) {
  model::Reclaimed reclaimed;
  reclaimed.node = model::NodeName("n1");
  reclaimed.cpu = {model::MilliCpu(4000),
                   model::MilliCpu(1600),
                   model::MilliCpu(200),
                   model::MilliCpu(900),
                   model::MilliCpu(1300),
                   model::MilliCpu(0),
                   model::ReclaimRule::kThresholdCap,
                   model::MilliCpu(300),
                   model::MilliCpu(250),
                   model::MilliCpu(150),
                   model::MilliCpu(700),
                   model::MilliCpu(550),
                   model::ReclaimRule::kSafeCapacity};
  reclaimed.memory.deficit = model::Bytes(5);
  reclaimed.memory.rule = model::ReclaimRule::kDeficit;
  reclaimed.policy = model::PolicyVersion(3);
  reclaimed.data_age = std::chrono::milliseconds(1500);
  for (const bool known : {true, false}) {
    if (!known) reclaimed.data_age.reset();
    capnp::MallocMessageBuilder builder;
    auto root = builder.initRoot<schema::Reclaimed>();
    write(reclaimed, root);
    const auto back = read(root.asReader());
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, reclaimed);
    root.getCpu().setRule(200);
    root.getMemory().setMidRule(201);
    const auto newer = read(root.asReader());
    ASSERT_TRUE(newer) << "a rule of a newer coordinator";
    EXPECT_EQ(static_cast<int>(newer->cpu.rule), 200);
    EXPECT_EQ(static_cast<int>(newer->memory.mid_rule), 201);
    EXPECT_EQ(newer->cpu.offered, reclaimed.cpu.offered);
  }
}

template <class Unit>
model::ReclaimTerms<Unit> counted_terms(std::int64_t first) {
  model::ReclaimTerms<Unit> terms;
  for (Unit* term :
       {&terms.capacity,    &terms.margin,      &terms.system,      &terms.high_priority, &terms.offered,
        &terms.deficit,     &terms.committed,   &terms.mid_charged, &terms.mid_committed, &terms.mid,
        &terms.mid_offered, &terms.requested,   &terms.prod_used,   &terms.mid_used,      &terms.batch_used,
        &terms.reservation, &terms.third_party, &terms.origin,      &terms.host_charged,  &terms.host_used,
        &terms.published})
    *term = Unit(first++);
  return terms;
}

model::Reclaimed counted_account(const std::string& node) {
  model::Reclaimed account;
  account.node = model::NodeName(node);
  account.cpu = counted_terms<model::MilliCpu>(100);
  account.cpu.used = model::MilliCpu(0);
  account.memory = counted_terms<model::Bytes>(200);
  account.policy = model::PolicyVersion(3);
  account.data_age = std::chrono::milliseconds(1500);
  account.zones = {{1, {model::MilliCpu(1), model::MilliCpu(2), model::MilliCpu(3), {}, model::MilliCpu(4)}, {}},
                   {7, {}, {model::Bytes(5), model::Bytes(6), {}, model::Bytes(7), model::Bytes(8)}}};
  return account;
}

TEST(RoundTrip, AnAccountIsTheSameInBytes) {
  const auto account = counted_account("n1");
  const auto bytes = to_bytes(account);
  const auto back = account_from_bytes(bytes);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, account);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(account_from_bytes(ByteView(bytes).first(size))) << size;
}

TEST(RoundTrip, WhatASumsNodesLackIsKnownOrNot) {
  auto account = counted_account("zone=a");
  account.cpu.shortfall = model::Shortfall<model::MilliCpu>{model::MilliCpu(0), model::MilliCpu(7)};
  const auto back = account_from_bytes(to_bytes(account));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->cpu.shortfall, account.cpu.shortfall);
  EXPECT_EQ(back->memory.shortfall, std::nullopt);
}

TEST(RoundTrip, AnAccountOfBeforeThirdPartiesHadAllOfBatchsWholeOnOffer) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Reclaimed>();
  write(counted_account("n1"), root);
  root.getCpu().setOriginKnown(false);
  root.getCpu().setOrigin(0);
  root.getCpu().setPublishedKnown(false);
  root.getCpu().setPublished(0);
  const auto back = read(root.asReader());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->cpu.origin, back->cpu.offered);
  EXPECT_EQ(back->cpu.published, back->cpu.offered);
  EXPECT_EQ(back->memory.origin, counted_account("n1").memory.origin);
}

TEST(RoundTrip, AnExplainedAccountKeepsAllItsParts) {
  model::ExplainedAccount explained;
  explained.account = counted_account("n1");
  explained.at = {77};
  explained.stored = true;
  explained.zones_problem = "why";
  explained.cpu.terms = {{model::AccountTerm::kRoom, model::MilliCpu(-4), model::TermSource::kFormula, "how",
                          std::chrono::milliseconds(9)},
                         {model::AccountTerm::kUsed, std::nullopt, model::TermSource::kMeasured, "", std::nullopt}};
  explained.cpu.charges = {{model::ChargeBasis::kLse, 2, model::MilliCpu(5)}};
  explained.memory.pods = {{.uid = model::PodUid("u"),
                            .name = "a/b",
                            .tier = model::Tier::kMid,
                            .qos = model::QosClass::kLsr,
                            .basis = model::ChargeBasis::kMidRequest,
                            .charged = model::Bytes(6),
                            .used = std::nullopt,
                            .requested = model::Bytes(0),
                            .promised = model::Bytes(6)}};
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::ExplainedAccount>();
  write(explained, root);
  const auto back = read(root.asReader());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, explained);
  root.getCpu().getTerms()[0].setTerm(200);
  root.getMemory().getPods()[0].setBasis(201);
  const auto newer = read(root.asReader());
  ASSERT_TRUE(newer) << "of a newer coordinator";
  EXPECT_EQ(model::name_of(newer->cpu.terms[0].term), "unknown");
  EXPECT_EQ(model::name_of(newer->memory.pods[0].basis), "unknown");
}

TEST(RoundTrip, AClusterReportKeepsAllItsParts) {
  model::ClusterReport report;
  report.at = {77};
  report.gone = 4;
  report.total = {"", 12, counted_account(""), {model::MilliCpu(1), model::MilliCpu(2)}, {model::Bytes(3), {}}};
  report.groupings = {{"zone", {{"a", 5, counted_account(""), {}, {}}, {"", 7, counted_account(""), {}, {}}}, 3}};
  report.deficits = {{model::NodeName("n9"), model::MilliCpu(8), model::Bytes(9)}};
  report.deficit_nodes = 11;
  report.trend = {{{5}, counted_account("")}, {{6}, counted_account("")}};
  report.zones = {2,
                  5,
                  {model::MilliCpu(1), model::MilliCpu(2), model::MilliCpu(3)},
                  {model::Bytes(4), model::Bytes(5), model::Bytes(6)}};
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::ClusterReport>();
  write(report, root);
  const auto back = read(root.asReader());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, report);
}

TEST(RoundTrip, UnknownStaysUnknownAndZeroStaysZero) {
  auto report = known_report();
  report.samples[0].node_cpu.reset();
  report.samples[0].ls_cpu = model::MilliCpu(0);
  const auto back = report_from_bytes(*to_bytes(report));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->samples[0].node_cpu, std::nullopt);
  EXPECT_EQ(back->samples[0].ls_cpu, model::MilliCpu(0));
}

TEST(RoundTrip, BytesNeedNoAlignment) {
  const auto bytes = *to_bytes(known_report());
  std::vector<std::byte> shifted(bytes.size() + 3);
  std::memcpy(shifted.data() + 3, bytes.data(), bytes.size());
  const auto back = report_from_bytes(ByteView(shifted).subspan(3));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, known_report());
}

TEST(Writing, RefusesWhatReadingWouldRefuse) {
  auto report = known_report();
  report.seq = model::Seq(0);
  const auto bytes = to_bytes(report);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(bytes.error().message(), HasSubstr("seq"));
}

TEST(Writing, RefusesAReportBeyondTheWireLimit) {
  auto report = known_report();
  report.events.assign(model::ReportLimits::kMaxEvents, report.events[0]);
  for (auto& event : report.events)
    event.subject.assign(model::ReportLimits::kMaxTextBytes, 'x');
  const auto bytes = to_bytes(report);
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().message(), HasSubstr("limit 1048576"));
}

TEST(Reading, NamesEnumValuesThatSteerAndThatItDoesNotKnow) {
  EXPECT_THAT(refusal(changed([](auto root) { root.setLane(static_cast<schema::Lane>(2)); })),
              AllOf(HasSubstr("lane"), HasSubstr("value 2")));
  EXPECT_THAT(refusal(changed([](auto root) { root.getPods()[0].getPod().setQos(static_cast<schema::QosClass>(5)); })),
              AllOf(HasSubstr("pods: pod: qos"), HasSubstr("value 5")));
  EXPECT_THAT(
      refusal(changed([](auto root) { root.getPods()[0].getPod().setKubeQos(static_cast<schema::KubeQos>(9)); })),
      AllOf(HasSubstr("kubeQos"), HasSubstr("value 9")));
  EXPECT_THAT(
      refusal(changed([](auto root) { root.getPods()[0].getPod().setPhase(static_cast<schema::PodPhase>(77)); })),
      AllOf(HasSubstr("phase"), HasSubstr("value 77")));
  EXPECT_THAT(refusal(changed([](auto root) {
                root.getStatus().getFeatures()[0].setState(static_cast<schema::FeatureStateKind>(3));
              })),
              AllOf(HasSubstr("status: features.state"), HasSubstr("value 3")));
}

TEST(Reading, KeepsTheNumbersOfReasonsAndControllersOfANewerBuild) {
  const auto bytes = changed([](auto root) {
    root.getEvents()[0].setController(250);
    root.getEvents()[0].setReason(65'000);
  });
  const auto report = report_from_bytes(bytes);
  ASSERT_TRUE(report) << report.error().message();
  const auto& event = report->events[0];
  EXPECT_EQ(static_cast<int>(event.controller), 250);
  EXPECT_EQ(static_cast<int>(event.reason), 65'000);
  EXPECT_EQ(model::name_of(event.controller), "unknown");
  EXPECT_EQ(model::name_of(event.reason), "unknown");
  EXPECT_EQ(report_from_bytes(*to_bytes(*report))->events[0], event) << "and hands them on";
}

TEST(Reading, NamesNumbersOutOfRange) {
  EXPECT_THAT(refusal(changed([](auto root) { root.getPods()[0].getPod().getPriority().setValue(1LL << 40); })),
              AllOf(HasSubstr("priority"), HasSubstr("1099511627776")));
  EXPECT_THAT(refusal(changed([](auto root) { root.getSamples()[0].getNodeCpu().setValue(-1); })),
              AllOf(HasSubstr("node_cpu"), HasSubstr("-1")));
  EXPECT_THAT(refusal(changed([](auto root) { root.getSamples()[0].getLsDelayPerCpu().setValue(std::nan("")); })),
              HasSubstr("ls_delay_per_cpu"));
  EXPECT_THAT(refusal(changed([](auto root) { root.setSeq(0); })), HasSubstr("seq"));
}

TEST(Reading, NamesABadListOfCpus) {
  const auto bound = [](const char* cpus) {
    return refusal(changed([&](auto root) { root.getPods()[0].getPod().setBoundCpus(cpus); }));
  };
  EXPECT_EQ(bound(""), "accepted");
  EXPECT_EQ(bound("8191"), "accepted");
  for (const char* bad : {"3-1", "0-", "a", "1,,2", "8192", "-1", "0-99999999999"})
    EXPECT_THAT(bound(bad), AllOf(HasSubstr("pods: pod: boundCpus"), HasSubstr(bad)));
}

TEST(Reading, BoundsTheCpusOfAllPodsTogether) {
  const auto pods_bound_to_all = [](unsigned count) {
    return refusal(changed([&](auto root) {
      auto pods = root.initPods(count);
      for (unsigned i = 0; i < count; ++i) {
        pods[i].getPod().setUid(std::to_string(i).c_str());
        pods[i].getPod().setBoundCpus("0-8191");
      }
    }));
  };
  EXPECT_EQ(pods_bound_to_all(16), "accepted");
  EXPECT_THAT(pods_bound_to_all(17), HasSubstr("boundCpus"));
}

TEST(Reading, NamesWhatOfAPodIsOutOfRange) {
  const auto refused = [](auto change) {
    return refusal(changed([&](auto root) { change(root.getPods()[0].getPod()); }));
  };
  EXPECT_THAT(refused([](auto pod) { pod.getCpuBurst().setPolicy(static_cast<schema::BurstPolicy>(4)); }),
              AllOf(HasSubstr("cpuBurst.policy"), HasSubstr("value 4")));
  EXPECT_THAT(refused([](auto pod) { pod.getCpuBurst().getCpuBurstPercent().setValue(0); }),
              AllOf(HasSubstr("cpu_burst_percent"), HasSubstr("0 is outside 1..10000")));
  EXPECT_THAT(refused([](auto pod) { pod.getCpuBurst().getCfsQuotaBurstPeriodSeconds().setValue(-2); }),
              HasSubstr("cfs_quota_burst_period_seconds"));
  EXPECT_THAT(refused([](auto pod) { pod.getCpuQos().getGroupIdentity().setValue(3); }), HasSubstr("group_identity"));
  EXPECT_THAT(refused([](auto pod) { pod.getEvictionSubPriority().setValue(INT64_MAX); }),
              HasSubstr("evictionSubPriority"));
  EXPECT_THAT(refused([](auto pod) { pod.getContainers()[0].getLimits().getCpu().setValue(-1); }),
              HasSubstr("containers.limits"));
}

TEST(Reading, BoundsListsBeforeItReadsThem) {
  EXPECT_THAT(refusal(changed([](auto root) { root.initSamples(model::ReportLimits::kMaxSamples + 1); })),
              HasSubstr("samples: 601 entries"));
  EXPECT_THAT(refusal(changed([](auto root) { root.getPods()[0].getPod().initContainers(65); })),
              HasSubstr("containers: 65 entries"));
  EXPECT_THAT(refusal(changed([](auto root) { root.getStatus().initLabels(257); })), HasSubstr("labels: 257 entries"));
}

TEST(Reading, AHostApplicationOfANewerBuildCountsAsTheWorst) {
  const auto bytes = changed([](schema::Report::Builder root) {
    auto one = root.initApplications(1)[0];
    one.setName("a");
    one.setTier(200);
    one.setState(201);
  });
  const auto report = report_from_bytes(bytes);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->applications.at(0).tier, model::Tier::kProd);
  EXPECT_EQ(report->applications.at(0).state, model::ApplicationState::kUnreadable);
}

TEST(Reading, NamesWhatOfAHostApplicationIsWrong) {
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.initApplications(65); })),
              HasSubstr("applications: 65 entries, limit 64"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.initApplications(1); })),
              HasSubstr("applications.name: empty"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) {
                auto list = root.initApplications(2);
                list[0].setName("a");
                list[1].setName("a");
              })),
              HasSubstr("'a' comes twice"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) {
                auto list = root.initApplications(1);
                list[0].setName("a");
                list[0].initCpuMilli().setKnown(true);
                list[0].getCpuMilli().setMin(-1);
              })),
              HasSubstr("applications.cpu_milli"));
}

TEST(Reading, NamesWhatOfAZoneIsWrong) {
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.initZones(65); })),
              HasSubstr("zones: 65 entries, limit 64"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.initZones(2); })),
              HasSubstr("zones.id: 0 comes after 0"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.initZones(1)[0].setId(1024); })),
              HasSubstr("zones.id: 1024 is outside 0..1023"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.initZones(1)[0].setCpuCapacity(-1); })),
              HasSubstr("zones.cpu_capacity"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) {
                auto used = root.initZones(1)[0].initMemoryUsed();
                used.setKnown(true);
                used.setValue(INT64_MAX);
              })),
              HasSubstr("zones.memory_used"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.getStatus().setZones(2000); })),
              HasSubstr("status.zones: 2000"));
}

TEST(Reading, NamesWhatOfAPolicysHostApplicationIsWrong) {
  const auto refused = [](auto change) {
    const auto read = policy_from_bytes(message<schema::NodePolicy>([&](schema::NodePolicy::Builder root) {
      write(known_full_policy(), root);
      auto one = root.initHostApplications(1)[0];
      one.setName("a");
      one.setPath("web/a");
      change(one);
    }));
    return read ? std::string("accepted") : read.error().message();
  };
  EXPECT_EQ(refused([](schema::HostApplication::Builder) {}), "accepted");
  EXPECT_THAT(refused([](schema::HostApplication::Builder one) { one.setPath("web/../.."); }),
              AllOf(HasSubstr("hostApplications"), HasSubstr("\"..\"")));
  EXPECT_THAT(refused([](schema::HostApplication::Builder one) { one.setPath(""); }), HasSubstr("empty"));
  EXPECT_THAT(refused([](schema::HostApplication::Builder one) { one.setName(""); }), HasSubstr("name is empty"));
  EXPECT_THAT(refused([](schema::HostApplication::Builder one) { one.setBase(static_cast<schema::CgroupBase>(9)); }),
              HasSubstr("hostApplications.base: value 9"));
}

TEST(Reading, LeavesHostApplicationsAndZonesInAReportWithoutPods) {
  auto report = known_report();
  report.applications = {{.name = "a",
                          .tier = model::Tier::kProd,
                          .qos = model::QosClass::kLs,
                          .group = "web/a",
                          .state = model::ApplicationState::kMeasured,
                          .cpu_milli = model::Spread{1, 2, 3},
                          .memory_bytes = {}}};
  report.zones.resize(2);
  report.zones[1].id = 1;
  report.zones[1].be_cpu = model::MilliCpu(5);
  capnp::MallocMessageBuilder whole;
  write(report, whole.initRoot<schema::Report>());
  capnp::MallocMessageBuilder light;
  write_without_pods(whole.getRoot<schema::Report>().asReader(), 5, light.initRoot<schema::Report>());
  model::SharedPods list;
  for (const auto& pod : report.pods)
    list.push_back(pod.pod);
  const auto read_back = read(light.getRoot<schema::Report>().asReader(),
                              [&](std::uint64_t) -> const model::SharedPods* { return &list; });
  ASSERT_TRUE(read_back) << read_back.error().message();
  EXPECT_EQ(read_back->applications, report.applications);
  EXPECT_EQ(read_back->zones, report.zones);
}

TEST(Reading, RefusesALabelKeyGivenTwice) {
  EXPECT_THAT(refusal(changed([](auto root) {
                auto labels = root.getStatus().initLabels(2);
                labels[0].setKey("zone");
                labels[1].setKey("zone");
              })),
              HasSubstr("'zone' appears twice"));
}

TEST(RoundTrip, AnnotationsOfANodeComeBackTheSame) {
  auto report = known_report();
  report.status.annotations = {{"node.koordinator.sh/reservation", R"({"reservedCPUs":"0-1"})"}, {"other", ""}};
  const auto back = report_from_bytes(*to_bytes(report));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, report);
}

TEST(RoundTrip, ANodesCpuIsWhatIsKnownOfItAndNoMore) {
  auto report = known_report();
  for (const auto& cpu : {model::CpuKind{}, model::CpuKind{"Xeon", true, std::nullopt},
                          model::CpuKind{"EPYC", std::nullopt, false}, model::CpuKind{"", false, true}}) {
    report.status.cpu = cpu;
    const auto back = report_from_bytes(*to_bytes(report));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->status.cpu, cpu);
  }
  report.status.cpu.model.assign(model::ReportLimits::kMaxTextBytes + 1, 'x');
  EXPECT_THAT(to_bytes(report).error().message(), HasSubstr("status.cpu.model"));
}

TEST(Reading, RefusesAnAnnotationGivenTwice) {
  const auto text = refusal(changed([](schema::Report::Builder root) {
    auto list = root.getStatus().initAnnotations(2);
    list[0].setKey("key");
    list[1].setKey("key");
  }));
  EXPECT_THAT(text, HasSubstr("annotations: key 'key' appears twice"));
}

TEST(Reading, BoundsAnnotationsInCountAndSize) {
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) { root.getStatus().initAnnotations(65); })),
              HasSubstr("annotations: 65 entries, limit 64"));
  EXPECT_THAT(refusal(changed([](schema::Report::Builder root) {
                auto list = root.getStatus().initAnnotations(1);
                list[0].setKey("key");
                list[0].setValue(std::string(4097, 'x').c_str());
              })),
              HasSubstr("status.annotations: annotation key: 4097 bytes, limit 4096"));
  auto report = known_report();
  report.status.annotations = {{std::string(318, 'k'), ""}};
  const auto written = to_bytes(report);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message(), HasSubstr("318 bytes, limit 317"));
}

TEST(Reading, RefusesBytesThatAreNotOneMessage) {
  const auto good = *to_bytes(known_report());
  EXPECT_THAT(refusal(ByteView()), HasSubstr("0 bytes"));
  EXPECT_THAT(refusal(ByteView(good).first(good.size() - 1)), HasSubstr("no whole words"));
  EXPECT_NE(refusal(ByteView(good).first(good.size() - 8)), "accepted");
  auto longer = good;
  longer.insert(longer.end(), good.begin(), good.begin() + 8);
  EXPECT_THAT(refusal(longer), HasSubstr("8 bytes after"));
  EXPECT_THAT(refusal(std::vector<std::byte>(model::ReportLimits::kMaxWireBytes + 8)), HasSubstr("limit"));
  EXPECT_NE(refusal(std::vector<std::byte>(64, std::byte{0xff})), "accepted");
}

TEST(Reading, AnEmptyMessageIsNoReport) {
  EXPECT_THAT(refusal(message<schema::Report>([](auto) {})), HasSubstr("node: empty"));
}

TEST(Reading, PolicyOutOfRangeIsNamed) {
  const auto refused = [](auto change) {
    const auto read = policy_from_bytes(message<schema::NodePolicy>([&](schema::NodePolicy::Builder root) {
      write(known_policy(), root);
      change(root);
    }));
    return read ? std::string("accepted") : read.error().message();
  };
  EXPECT_EQ(refused([](auto) {}), "accepted");
  EXPECT_THAT(refused([](auto root) { root.getThreshold().setCpuSuppressThresholdPercent(101); }),
              AllOf(HasSubstr("threshold.cpuSuppressThresholdPercent"), HasSubstr("101")));
  EXPECT_THAT(refused([](auto root) { root.getThreshold().getCpuSuppressMinPercent().setValue(-1); }),
              HasSubstr("threshold.cpuSuppressMinPercent"));
  EXPECT_THAT(
      refused([](auto root) { root.getThreshold().setCpuSuppressPolicy(static_cast<schema::SuppressPolicy>(3)); }),
      AllOf(HasSubstr("threshold.cpuSuppressPolicy"), HasSubstr("value 3")));
  EXPECT_THAT(refused([](auto root) { root.getColocation().setResourceDiffThreshold(std::nan("")); }),
              HasSubstr("colocation.resourceDiffThreshold"));
  EXPECT_THAT(refused([](auto root) { root.getBe().setGroupIdentity(-2); }), HasSubstr("be.groupIdentity"));
  EXPECT_THAT(refused([](auto root) { root.initScaling().setCpuNormalization(501); }),
              AllOf(HasSubstr("scaling.cpuNormalization"), HasSubstr("501 is outside 100..500")));
  EXPECT_THAT(refused([](auto root) { root.initScaling().setCpuNormalization(0); }), HasSubstr("100..500"));
  EXPECT_THAT(refused([](auto root) { root.initScaling().setCpuAmplification(50'001); }),
              HasSubstr("scaling.cpuAmplification"));
  EXPECT_THAT(refused([](auto root) { root.initScaling().setMemoryAmplification(99); }),
              HasSubstr("scaling.memoryAmplification"));
  EXPECT_THAT(refused([](auto root) { root.getLsr().setSchedIdle(2); }), HasSubstr("lsr.schedIdle"));
  EXPECT_THAT(refused([](auto root) { root.getLs().setCoreExpeller(static_cast<schema::Switch>(3)); }),
              AllOf(HasSubstr("ls.coreExpeller"), HasSubstr("value 3")));
  EXPECT_THAT(refused([](auto root) { root.setCpuPolicy(static_cast<schema::CpuQosMechanism>(2)); }),
              HasSubstr("cpuPolicy"));
  const auto optional = [](schema::OptInt::Builder value, std::int64_t number) {
    value.setKnown(true);
    value.setValue(number);
  };
  EXPECT_THAT(refused([&](auto root) { optional(root.getThreshold().getCpuEvictThresholdPercent(), 101); }),
              AllOf(HasSubstr("threshold.cpuEvictThresholdPercent"), HasSubstr("101")));
  EXPECT_THAT(refused([&](auto root) { optional(root.getThreshold().getCpuEvictTimeWindowSeconds(), 0); }),
              HasSubstr("threshold.cpuEvictTimeWindowSeconds"));
  EXPECT_THAT(refused([&](auto root) { optional(root.getThreshold().getAllocatableEvictPriorityThreshold(), 8000); }),
              HasSubstr("threshold.allocatableEvictPriorityThreshold"));
  EXPECT_THAT(
      refused([&](auto root) { optional(root.getThreshold().getCpuAllocatableEvictLowerPercent(), 1LL << 31); }),
      AllOf(HasSubstr("threshold.cpuAllocatableEvictLowerPercent"), HasSubstr("32 bits")));
  EXPECT_THAT(refused([](auto root) { root.getThreshold().setCpuEvictPolicy(static_cast<schema::CpuEvictPolicy>(2)); }),
              HasSubstr("threshold.cpuEvictPolicy"));
  EXPECT_THAT(refused([](auto root) { root.getBurst().setPolicy(static_cast<schema::BurstPolicy>(4)); }),
              HasSubstr("burst.policy"));
  EXPECT_THAT(refused([](auto root) { root.getBurst().setCpuBurstPercent(10'001); }),
              HasSubstr("burst.cpuBurstPercent"));
  EXPECT_THAT(refused([](auto root) { root.getBurst().setCfsQuotaBurstPercent(99); }),
              HasSubstr("burst.cfsQuotaBurstPercent"));
}

/// Whatever the damage, the answer is a valid report or an Error.
void survive(const std::vector<std::byte>& bytes, std::size_t& accepted) {
  const auto read = report_from_bytes(bytes);
  if (!read) {
    ASSERT_EQ(read.error().code(), ErrorCode::kMalformed);
    ASSERT_FALSE(read.error().message().empty());
    return;
  }
  ++accepted;
  ASSERT_TRUE(model::validate(*read));
}

TEST(Damage, FlippedBitsGiveAReportOrAnError) {
  const std::uint64_t seed = 77;
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  const auto known = *to_bytes(known_report());
  const auto large = *to_bytes(random_report(random));
  std::size_t accepted = 0;
  for (int round = 0; round < 120'000; ++round) {
    auto bytes = round % 8 == 0 ? large : known;
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(1u << (random() % 8));
    ASSERT_NO_FATAL_FAILURE(survive(bytes, accepted));
  }
  EXPECT_GT(accepted, 1000U) << "flips in plain numbers stay readable";
}

TEST(Damage, EveryTruncationIsAnError) {
  const auto good = *to_bytes(known_report());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(report_from_bytes(ByteView(good).first(size))) << size;
  }
}

TEST(Damage, RandomWordsGiveAnError) {
  const std::uint64_t seed = 78;
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  std::size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(8 * (1 + random() % 64));
    for (auto& byte : bytes)
      byte = static_cast<std::byte>(random());
    // One segment of the right size lets the damage reach the pointers.
    const auto words = static_cast<std::uint32_t>(bytes.size() / 8 - 1);
    const std::uint32_t header[2] = {0, words};
    if (round % 4 != 0) std::memcpy(bytes.data(), header, sizeof header);
    ASSERT_NO_FATAL_FAILURE(survive(bytes, accepted));
  }
  EXPECT_EQ(accepted, 0U);
}

TEST(Damage, ListOfHalfABillionEmptyEntriesCostsNothing) {
  // A list pointer that claims 2^29 - 1 entries of no size fits in one word, wherever a pointer may stand.
  auto bytes = changed([](auto) {});
  std::size_t accepted = 0;
  const std::uint64_t amplified = (std::uint64_t{0x1fffffff} << 35) | 1;
  for (std::size_t at = 8; at + 8 <= bytes.size(); at += 8) {
    auto copy = bytes;
    std::memcpy(copy.data() + at, &amplified, sizeof amplified);
    ASSERT_NO_FATAL_FAILURE(survive(copy, accepted));
  }
}

}  // namespace
}  // namespace tideline::codec::codec_test
