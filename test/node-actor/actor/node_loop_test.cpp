#include "test/node-actor/actor/node_loop_host.h"

namespace tideline::node::node_loop_test {
namespace {

TEST_F(NodeLoopTest, LeavesTheAnnotatedReservationToTheSystemAndReportsIt) {
  annotations_ = {{std::string(model::kReservationAnnotation), R"({"reservedCPUs": "3"})"}};
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "1600000") << "65 % of four CPUs but one";
  EXPECT_EQ(loop_->status().annotations, annotations_);
  EXPECT_EQ(loop_->status().cpu_allocatable, loop_->status().cpu_capacity) << "the coordinator reads it by itself";
}

TEST_F(NodeLoopTest, RefusesAReservationOfAllCpus) {
  host(kernel::test::v1_files());
  annotations_ = {{std::string(model::kReservationAnnotation), R"({"reservedCPUs": "0-3"})"}};
  const auto loop = NodeLoop::open(config(), *journal_, *lease_);
  ASSERT_FALSE(loop.ok());
  EXPECT_EQ(loop.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(loop.error().message(), testing::HasSubstr("0-3, with those that are annotated"));
}

TEST_F(NodeLoopTest, ARecordingThatCannotBeMadeCostsTheHostNoControl) {
  host(kernel::test::v1_files());
  auto recorded = config();
  recorded.record_file = state_->str() + "/gone/rec";
  const auto loop = NodeLoop::open(recorded, *journal_, *lease_);
  EXPECT_TRUE(loop.ok()) << loop.error().message();
}

TEST_F(NodeLoopTest, WithAJournalThatCanOnlyBeReadItWatchesAndSaysWhyItWritesNothing) {
  host(kernel::test::v1_files());
  loop_.reset();
  auto journal =
      guard::Journal::open_to_read(state_->str(), model::Error(model::ErrorCode::kUnavailable, "disk full"), "boot");
  ASSERT_TRUE(journal.ok()) << journal.error().message();
  journal_ = std::make_unique<guard::Journal>(std::move(*journal));
  start();
  const auto before = tree_->read(kV1Quota);
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), before);
  EXPECT_TRUE(loop_->take_events().empty());
  EXPECT_GT(loop_->pod_round().at.ns, 0);
  EXPECT_EQ(feature("cpuSuppress").state, FeatureState::State::kUnsupported);
  EXPECT_THAT(feature("cpuSuppress").why, testing::HasSubstr("the journal can only be read: disk full"));
}

TEST_F(NodeLoopTest, LimitsByTheLongPeriodAndTakesBothBackOnV1) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Period), "1000000");
  EXPECT_EQ(tree_->read(kV1Quota), "2600000");
  EXPECT_EQ(feature("cpuSuppress").state, FeatureState::State::kActive);
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "-1");
  EXPECT_EQ(tree_->read(kV1Period), "100000");
  EXPECT_THAT(reasons(), testing::ElementsAre(Reason::kThresholdFormula, Reason::kThresholdFormula, Reason::kDisabled,
                                              Reason::kDisabled));
}

TEST_F(NodeLoopTest, EachWriteIsInTheAuditRingBeforeAnyReport) {
  host(kernel::test::v1_files());
  auto ring = guard::AuditRing::open(state_->str());
  ASSERT_TRUE(ring.ok()) << ring.error().message();
  audit_ = std::make_unique<guard::AuditRing>(std::move(*ring));
  start();
  policy(true);
  ASSERT_TRUE(rounds().ok());
  const auto audit = guard::read_audit(state_->str());
  ASSERT_TRUE(audit.ok()) << audit.error().message();
  const auto events = loop_->take_events();
  ASSERT_EQ(audit->records.size(), events.size());
  ASSERT_EQ(events.size(), 2u) << "period and quota";
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(audit->records[i].number, events[i].number);
    EXPECT_EQ(audit->records[i].event, static_cast<const model::Event&>(events[i]));
  }
  const auto quota = std::find_if(audit->records.begin(), audit->records.end(), [](const auto& record) {
    return record.event.subject == "kubepods/besteffort/cpu.cfs_quota_us";
  });
  ASSERT_NE(quota, audit->records.end());
  EXPECT_EQ(quota->event.controller, model::Controller::kCpuSuppress);
  EXPECT_EQ(quota->event.reason, Reason::kThresholdFormula);
  EXPECT_EQ(quota->event.old_value, "-1");
  EXPECT_EQ(quota->event.new_value, "2600000");
}

TEST_F(NodeLoopTest, WhatEarlierWorkersLeftUntoldIsToldFirstAndWhatIsGoneIsCounted) {
  host(kernel::test::v1_files());
  const model::Event before{{1000}, model::Controller::kCpuQos, Reason::kQosClass, "kubepods/cpu.shares", "2", "4"};
  loop_->tell({.records = {{7, before}}, .lost = 3});
  const auto events = loop_->take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(static_cast<const model::Event&>(events[0]), before);
  EXPECT_EQ(events[0].number, 7u);
  EXPECT_EQ(events[1].reason, Reason::kEventsLost);
  EXPECT_EQ(events[1].new_value, "3 or more");
}

TEST_F(NodeLoopTest, HostApplicationsOfThePolicyAreReadAndTold) {
  host(kernel::test::v1_files());
  EXPECT_TRUE(loop_->pod_round().applications.empty());
  EXPECT_EQ(feature("hostApplications").feature, "") << "the policy names none";
  tree_->write("sys/fs/cgroup/cpuacct/web/nginx/cpuacct.usage", "4000000000\n");
  model::NodePolicy policy;
  policy.host_applications = {
      {"nginx", model::Tier::kProd, model::QosClass::kLs, model::CgroupBase::kCgroupRoot, "web/nginx"},
      {"yarn", model::Tier::kBatch, model::QosClass::kBe, model::CgroupBase::kKubepodsBesteffort, "yarn"}};
  loop_->set_policy(policy);
  const auto sample = loop_->pod_round();
  ASSERT_EQ(sample.applications.size(), 2u);
  EXPECT_EQ(sample.applications[0].state, model::ApplicationState::kMeasured);
  EXPECT_EQ(sample.applications[1].state, model::ApplicationState::kNotFound);
  EXPECT_EQ(sample.applications[1].group, "kubepods/besteffort/yarn");
  EXPECT_EQ(feature("hostApplications").why, "1 of 2 measured; yarn not-found: kubepods/besteffort/yarn");
  EXPECT_EQ(loop_->pod_round().applications[0].cpu, MilliCpu(0)) << "its counter stood still";
  loop_->set_policy(model::NodePolicy{});
  EXPECT_TRUE(loop_->pod_round().applications.empty());
  EXPECT_EQ(feature("hostApplications").feature, "");
}

TEST_F(NodeLoopTest, ContainersAreReadWhileCpuBurstAsksForThem) {
  host(kernel::test::v1_files());
  tree_->write("sys/fs/cgroup/cpuacct/kubepods/burstable/poda/c1/cpuacct.usage", "1000000\n");
  tree_->write("sys/fs/cgroup/cpu/kubepods/burstable/poda/c1/cpu.stat",
               "nr_periods 7\nnr_throttled 3\nthrottled_time 1\n");
  auto pod = kernel::test::pod_of("a");
  pod.containers = {{.name = "web", .id = "c1", .requests = {}, .limits = {}}};
  pod.containers[0].limits.cpu = MilliCpu(500);
  loop_->set_pods({pod});
  policy(true);
  const auto containers = [&] { return loop_->pod_round().pods.at(0).containers.size(); };
  EXPECT_EQ(containers(), 0u);
  model::NodePolicy bursts;
  bursts.burst.policy = model::BurstPolicy::kAuto;
  loop_->set_policy(bursts);
  EXPECT_EQ(containers(), 1u);
  loop_->set_policy(model::NodePolicy{});
  EXPECT_EQ(containers(), 0u);
  pod.cpu_burst = model::CpuBurstOverride{};
  pod.cpu_burst->policy = model::BurstPolicy::kCfsQuotaBurstOnly;
  loop_->set_pods({pod});
  EXPECT_EQ(containers(), 1u) << "by its annotation";
}

TEST_F(NodeLoopTest, TellsTheKindOfItsCpuAndItsZones) {
  zones_in_each_round_ = true;
  host(kernel::test::v1_files() + two_zones());
  EXPECT_EQ(loop_->status().cpu.model, "AMD EPYC 7K83");
  EXPECT_EQ(loop_->status().zones, 2);
  EXPECT_THAT(loop_->pod_round().zones, testing::IsEmpty()) << "the first reading";
  const auto zones = loop_->pod_round().zones;
  ASSERT_THAT(zones, testing::SizeIs(2));
  EXPECT_EQ(zones[1].id, 1);
  EXPECT_EQ(zones[1].memory_used, model::Bytes(600 * 1024));
  EXPECT_TRUE(zones[1].be_memory);
}

TEST_F(NodeLoopTest, ZonesDoNotTellBestEffortsPartWhileAServiceRunsBelowItsRoot) {
  zones_in_each_round_ = true;
  host(kernel::test::v1_files() + two_zones());
  tree_->write("sys/fs/cgroup/cpuacct/kubepods/besteffort/web/cpuacct.usage", "4000000000\n");
  loop_->pod_round();
  model::NodePolicy policy;
  policy.host_applications = {
      {"web", model::Tier::kProd, model::QosClass::kLs, model::CgroupBase::kKubepodsBesteffort, "web"}};
  loop_->set_policy(policy);
  const auto zones = loop_->pod_round().zones;
  ASSERT_THAT(zones, testing::SizeIs(2));
  EXPECT_TRUE(zones[1].memory_used);
  EXPECT_EQ(zones[1].be_memory, std::nullopt);
}

TEST_F(NodeLoopTest, BatchKeepsOffBoundCpusAndTheFeatureSaysWhatIsKnownOfKubelet) {
  host(with_cpusets());
  loop_->set_pods({bound_pod()});
  policy(false);
  loop_->pod_round();
  EXPECT_EQ(feature("cpuset").state, FeatureState::State::kActive);
  EXPECT_THAT(feature("cpuset").why, testing::EndsWith("; kubelet's CPU manager: none, for there is no " +
                                                       tree_->path("var/lib/kubelet/cpu_manager_state")));
  EXPECT_EQ(tree_->read(kBeCpus), "1-3");
}

TEST_F(NodeLoopTest, KeepsOffTheCpusThatAreAnnotatedForSystemPods) {
  annotations_ = {{std::string(model::kSystemQosAnnotation), R"({"cpuset": "3"})"}};
  host(with_cpusets());
  loop_->set_pods({bound_pod()});
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kBeCpus), "1-2") << "0 is an LSE pod's";
  EXPECT_THAT(feature("cpuset").why, testing::HasSubstr("reserved 3"));
  EXPECT_EQ(tree_->read(kV1Quota), "2600000") << "what SYSTEM pods use is measured";
}

const std::string kOnline = "sys/devices/system/cpu/online";

TEST_F(NodeLoopTest, CapacityPoolsAndZonesFollowACpuThatGoesOfflineAndComesBack) {
  zones_in_each_round_ = true;
  host(with_cpusets());
  loop_->set_pods({bound_pod()});
  policy(false);
  loop_->pod_round();
  ASSERT_EQ(tree_->read(kBeCpus), "1-3");
  ASSERT_EQ(loop_->status().cpu_capacity, MilliCpu(4000));
  loop_->take_events();

  tree_->write(kOnline, "0-2\n");
  loop_->pod_round();
  EXPECT_EQ(tree_->read(kBeCpus), "1-2");
  EXPECT_EQ(loop_->status().cpu_capacity, MilliCpu(3000));
  EXPECT_EQ(loop_->status().cpu_allocatable, MilliCpu(3000));
  EXPECT_THAT(feature("cpuset").why, testing::HasSubstr("BE pool 1-2"));
  EXPECT_THAT(told(), testing::Contains("online CPUs: 4 CPUs -> 3 CPUs: 0-2"));
  auto zones = loop_->pod_round().zones;
  ASSERT_THAT(zones, testing::SizeIs(2));
  EXPECT_EQ(zones[0].cpu_capacity, MilliCpu(3000));
  EXPECT_THAT(told(), testing::IsEmpty()) << "told once";

  tree_->write(kOnline, "0-3\n");
  loop_->pod_round();
  EXPECT_EQ(tree_->read(kBeCpus), "1-3");
  EXPECT_EQ(loop_->status().cpu_capacity, MilliCpu(4000));
  EXPECT_THAT(told(), testing::Contains("online CPUs: 3 CPUs -> 4 CPUs: 0-3"));
  zones = loop_->pod_round().zones;
  ASSERT_THAT(zones, testing::SizeIs(2));
  EXPECT_EQ(zones[0].cpu_capacity, MilliCpu(4000));
}

TEST_F(NodeLoopTest, TheLimitIsAPartOfTheCpusThatAreOnlineNow) {
  host(kernel::test::v1_files());
  tree_->write(kOnline, "0-1\n");
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "1300000") << "65 % of two CPUs";
}

TEST_F(NodeLoopTest, OnlineCpusThatCannotBeReadStayAsTheyWere) {
  host(kernel::test::v1_files());
  tree_->write(kOnline, "all\n");
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "2600000");
  EXPECT_EQ(loop_->status().cpu_capacity, MilliCpu(4000));
}

TEST_F(NodeLoopTest, NoCpusetIsTouchedWhileWhatKubeletGaveAwayCannotBeReached) {
  kubelet_must_be_there_ = true;
  host(with_cpusets());
  loop_->set_pods({bound_pod()});
  policy(false);
  loop_->pod_round();
  EXPECT_EQ(feature("cpuset").state, FeatureState::State::kUnsupported);
  const auto why = "it is not known which CPUs kubelet gave away: " + tree_->path("var/lib/kubelet") + ": No such file";
  EXPECT_THAT(feature("cpuset").why, testing::StartsWith(why));
  EXPECT_THAT(model::KnobSet{loop_->status().knobs}.why_not(model::Knob::kCpuset), testing::StartsWith(why));
  EXPECT_EQ(tree_->read(kBeCpus), "0-3\n");

  const std::string state = "var/lib/kubelet/cpu_manager_state";
  tree_->write(state, R"({"policyName": "static", "defaultCpuSet": "0,2-3", "entries": {"uid": {"main": "1"}}})");
  loop_->pod_round();
  EXPECT_EQ(feature("cpuset").state, FeatureState::State::kActive) << feature("cpuset").why;
  EXPECT_THAT(feature("cpuset").why,
              testing::AllOf(testing::HasSubstr("BE pool 2-3"), testing::HasSubstr("gave away 1"),
                             testing::EndsWith("static, by " + tree_->path(state))));
}

TEST_F(NodeLoopTest, EachWriteIsToldWithWhatWasThereAndWhatIsThereNow) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_THAT(told(), testing::ElementsAre("kubepods/besteffort/cpu.cfs_period_us: 100000 -> 1000000",
                                           "kubepods/besteffort/cpu.cfs_quota_us: -1 -> 2600000"));
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_THAT(told(), testing::ElementsAre("kubepods/besteffort/cpu.cfs_quota_us: 2600000 -> -1",
                                           "kubepods/besteffort/cpu.cfs_period_us: 1000000 -> 100000"));
}

TEST_F(NodeLoopTest, WithItsPeriodBackTheSafeQuotaIsReckonedByThat) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  const auto safe_quota = [&] {
    for (const auto& record : journal_->records()) {
      if (record.file.path.ends_with("/cpu.cfs_quota_us")) return record.safe_value;
    }
    return std::string();
  };
  ASSERT_EQ(tree_->read(kV1Period), "1000000");
  EXPECT_EQ(safe_quota(), "40000") << "1 % of 4 CPUs";
  policy(false);
  ASSERT_TRUE(rounds().ok());
  ASSERT_EQ(tree_->read(kV1Period), "100000");
  EXPECT_EQ(safe_quota(), "4000");
}

TEST_F(NodeLoopTest, InDryRunItTellsWhatItWouldDoAndTakesItsLimitBack) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  ASSERT_EQ(tree_->read(kV1Quota), "2600000");
  model::NodePolicy dry;
  dry.threshold.enable = true;
  dry.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  dry.dry_run.cpu_suppress = true;
  loop_->set_policy(dry);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "-1");
  EXPECT_EQ(feature("cpuSuppress").state, FeatureState::State::kInactive);
  EXPECT_THAT(feature("cpuSuppress").why, testing::HasSubstr("dry run, nothing is written: BE limited to 2600"));
}

TEST_F(NodeLoopTest, AServiceBelowTheBestEffortRootIsToldOfWhereItIsThrottledWithBatch) {
  host(kernel::test::v1_files());
  auto pod = kernel::test::pod_of("s", model::KubeQos::kBestEffort);
  pod.name_space = "shop";
  pod.name = "cache";
  pod.qos = model::QosClass::kLs;
  loop_->set_pods({pod});
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(feature("cpuSuppress").state, FeatureState::State::kActive);
  EXPECT_THAT(feature("cpuSuppress").why, testing::HasSubstr("throttles that, too: shop/cache (LS)"));
  EXPECT_THAT(feature("cpuSuppress.cfsQuota").why, testing::Not(testing::HasSubstr("shop/cache")));
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_THAT(feature("cpuSuppress").why, testing::Not(testing::HasSubstr("shop/cache")));
}

TEST_F(NodeLoopTest, InDryRunTheLimitThatItWouldWriteIsAnEvent) {
  host(kernel::test::v1_files());
  loop_->set_pods({});
  model::NodePolicy dry;
  dry.threshold.enable = true;
  dry.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  dry.dry_run.cpu_suppress = true;
  loop_->set_policy(dry);
  ASSERT_TRUE(rounds().ok());
  loop_->pod_round();
  EXPECT_THAT(told(),
              testing::ElementsAre(testing::StartsWith("kubepods/besteffort/cpu.cfs_quota_us: -1 -> 260000 (")));
  EXPECT_EQ(tree_->read(kV1Quota), "-1\n");
}

TEST_F(NodeLoopTest, LimitsByTheLongPeriodAndTakesItBackOnV2) {
  host(kernel::test::v2_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV2Quota), "2600000 1000000");
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV2Quota), "max 100000");
}

TEST_F(NodeLoopTest, GivesAQuotaThatWasThereBeforeItsOwnBack) {
  host(kernel::test::v1_files());
  tree_->write(kV1Quota, "350000\n");
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "260000") << "its period stays as long as it has a quota";
  EXPECT_EQ(tree_->read(kV1Period), "100000\n");
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "350000");
}

TEST_F(NodeLoopTest, AnEarlierWorkersLimitIsItsToTakeBack) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  start();
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "-1");
  EXPECT_EQ(tree_->read(kV1Period), "100000");
}

TEST_F(NodeLoopTest, AFencedLoopWritesNothingAndSaysSo) {
  host(kernel::test::v1_files());
  policy(true);
  auto other = guard::Lease::take(state_->str());
  ASSERT_TRUE(other.ok());
  const auto round = rounds();
  ASSERT_FALSE(round.ok());
  EXPECT_EQ(round.error().code(), model::ErrorCode::kFenced);
  EXPECT_EQ(tree_->read(kV1Quota), "-1\n");
}

TEST_F(NodeLoopTest, AValueOfSomebodyElseIsOvercomeAndTold) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  tree_->write(kV1Quota, "3900000\n");
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "2600000");
  const auto all = reasons();
  EXPECT_EQ(std::count(all.begin(), all.end(), Reason::kDrift), 1) << "when it was found, and not again with the write";
}

TEST_F(NodeLoopTest, TheOriginalThatSomebodyElsePutBackIsDriftToo) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  loop_->take_events();
  tree_->write(kV1Quota, "-1\n");
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "2600000");
  EXPECT_THAT(told(), testing::ElementsAre("kubepods/besteffort/cpu.cfs_quota_us: -1 -> 2600000",
                                           "kubepods/besteffort/cpu.cfs_quota_us: -1 -> 2600000"))
      << "found, and written";
}

TEST_F(NodeLoopTest, ALimitThatWasLetGoOfIsNotDefended) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  tree_->write(kV1Quota, "-1\n");
  loop_->pod_round();
  policy(false);
  ASSERT_TRUE(rounds().ok());
  tree_->write(kV1Quota, "400000\n");
  ASSERT_TRUE(rounds().ok());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_THAT(feature("cpuSuppress").why, testing::Not(testing::HasSubstr("drift")));
}

TEST_F(NodeLoopTest, WhoGivesBatchLessIsToldAndNotHurried) {
  host(kernel::test::v1_files());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  tree_->write(kV1Quota, "700000\n");
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "700000\n");
  const auto all = reasons();
  EXPECT_EQ(std::count(all.begin(), all.end(), Reason::kDrift), 1);
  EXPECT_THAT(feature("cpuSuppress").why, testing::HasSubstr("BE stays at 700 millicores: drift"));
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "-1");
}

TEST_F(NodeLoopTest, AKernelWithoutQuotasIsReportedAndNotCalledActive) {
  host(kernel::test::v1_files());
  tree_->remove(kV1Quota);
  policy(true);
  ASSERT_TRUE(rounds().ok());
  for (const auto* name : {"cpuSuppress", "cpuSuppress.cfsQuota"}) {
    EXPECT_EQ(feature(name).state, FeatureState::State::kUnsupported) << name;
    EXPECT_THAT(feature(name).why, testing::HasSubstr("cpu.cfs_quota_us"));
  }
}

TEST_F(NodeLoopTest, UnderCoreSchedThreadsGetCookiesAndAReleaseTakesThem) {
  host(kernel::test::v1_files());
  kernel::test::CookieHost threads(*tree_, cookies_);
  const int tid = threads.start("kubepods/burstable/poda/c1");
  model::NodePolicy policy;
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  policy.qos.ls.enable = true;
  loop_->set_policy(policy);
  loop_->set_pods({kernel::test::pod_of("a")});
  loop_->pod_round();
  EXPECT_NE(cookies_.of(tid), 0u);
  EXPECT_EQ(feature("cpuQOS.lsClass").state, FeatureState::State::kActive) << feature("cpuQOS.lsClass").why;
  EXPECT_THAT(reasons(), testing::Contains(Reason::kQosClass));
  model::HandsOff release;
  release.release = true;
  release.who = "ann";
  release.reason = "debugging";
  ASSERT_TRUE(loop_->set_hands_off(decide::holds_of({release}, {}, {})).ok());
  EXPECT_EQ(cookies_.of(tid), 0u);
  loop_->pod_round();
  EXPECT_EQ(cookies_.of(tid), 0u) << "as long as it is released";
  ASSERT_TRUE(loop_->set_hands_off({}).ok());
  loop_->pod_round();
  EXPECT_NE(cookies_.of(tid), 0u);
}

TEST_F(NodeLoopTest, GroupIdentityThatTheKernelHasSwitchedOffIsNotCalledActive) {
  const std::string enabled = "proc/sys/kernel/sched_group_identity_enabled";
  host(kernel::test::v1_files() +
       FixtureTree::Files{{"sys/fs/cgroup/cpu/kubepods/besteffort/cpu.bvt_warp_ns", "0\n"}, {enabled, "0\n"}});
  model::NodePolicy policy;
  policy.qos.be.enable = true;
  loop_->set_policy(policy);
  loop_->set_pods({});
  loop_->pod_round();
  EXPECT_EQ(feature("cpuQOS.beClass").state, FeatureState::State::kUnsupported);
  EXPECT_THAT(feature("cpuQOS.beClass").why, testing::HasSubstr("bvt-warp: " + tree_->path(enabled) + " is 0"));
  EXPECT_EQ(tree_->read("sys/fs/cgroup/cpu/kubepods/besteffort/cpu.bvt_warp_ns"), "0\n");
  const auto knobs = loop_->status().knobs;
  EXPECT_EQ(knobs.at(0).why, "at most that of each group above") << "what the kernel demands is told, too";
}

TEST_F(NodeLoopTest, AKernelWithoutCoreSchedulingSaysSo) {
  cookies_.built_in = false;
  host(kernel::test::v1_files());
  model::NodePolicy policy;
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  policy.qos.ls.enable = true;
  loop_->set_policy(policy);
  loop_->set_pods({kernel::test::pod_of("a")});
  loop_->pod_round();
  EXPECT_EQ(feature("cpuQOS.lsClass").state, FeatureState::State::kUnsupported);
  EXPECT_THAT(feature("cpuQOS.lsClass").why, testing::HasSubstr("core-sched: this kernel has no core scheduling"));
}

TEST_F(NodeLoopTest, FeaturesAreOfTheLastRoundUntilTheNextOneEvenIfThePolicyChangesBetween) {
  host(kernel::test::v1_files());
  EXPECT_EQ(feature("cpuSuppress"), FeatureState{}) << "nothing was decided yet";
  policy(true);
  EXPECT_EQ(feature("cpuSuppress"), FeatureState{});
  ASSERT_TRUE(rounds().ok());
  const auto decided = feature("cpuSuppress");
  const auto by_quota = feature("cpuSuppress.cfsQuota");
  EXPECT_EQ(decided.state, FeatureState::State::kActive);
  EXPECT_EQ(by_quota.why, "2600 millicores at 65 %");
  policy(false);
  policy(false);
  EXPECT_EQ(feature("cpuSuppress"), decided);
  EXPECT_EQ(feature("cpuSuppress.cfsQuota"), by_quota);
  ASSERT_TRUE(loop_->fast_round().ok());
  EXPECT_EQ(feature("cpuSuppress").state, FeatureState::State::kInactive);
  EXPECT_THAT(feature("cpuSuppress").why, testing::HasSubstr("disabled"));
  EXPECT_EQ(feature("cpuSuppress.cfsQuota"), FeatureState{});
}

TEST_F(NodeLoopTest, EachMechanismSaysWhatItWaitsForAsLongAsThereIsNoRound) {
  host(kernel::test::v1_files());
  const auto of_rounds = [&] {
    std::vector<std::string> names;
    for (const auto& each : loop_->status().features) {
      if (!each.feature.starts_with("cpuSuppress")) names.push_back(each.feature);
    }
    return names;
  };
  loop_->pod_round();
  const auto waiting = of_rounds();
  for (const auto& name : waiting) {
    EXPECT_EQ(feature(name).state, FeatureState::State::kInactive) << name;
    EXPECT_EQ(feature(name).why, "no policy yet, no list of pods yet") << name;
  }
  loop_->set_pods({});
  loop_->pod_round();
  EXPECT_EQ(feature("batchLimits").why, "no policy yet");
  loop_->set_policy(model::NodePolicy{});
  EXPECT_EQ(feature("cpuset").why, "no pod round yet");
  loop_->pod_round();
  EXPECT_THAT(of_rounds(), testing::UnorderedElementsAreArray(waiting)) << "no mechanism is left out";
  EXPECT_EQ(feature("cpuBurst").why, "disabled");
}

TEST_F(NodeLoopTest, APolicyWithoutAListOfPodsWaitsForThat) {
  host(kernel::test::v1_files());
  loop_->set_policy(model::NodePolicy{});
  loop_->pod_round();
  EXPECT_EQ(feature("cpuEvict.nodeUsage").state, FeatureState::State::kInactive);
  EXPECT_EQ(feature("cpuEvict.nodeUsage").why, "no list of pods yet");
}

TEST_F(NodeLoopTest, OneWhoChangesAWeightIsSeenInTheNextPodRound) {
  host(kernel::test::v1_files());
  loop_->set_pods({kernel::test::pod_of("a")});
  loop_->pod_round();
  EXPECT_TRUE(loop_->status().protection.verified) << loop_->status().protection.why;
  tree_->write("sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", "1024\n");
  loop_->pod_round();
  EXPECT_FALSE(loop_->status().protection.verified);
  EXPECT_THAT(loop_->status().protection.why, testing::HasSubstr("1024"));
  tree_->write("sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", "2\n");
  loop_->pod_round();
  EXPECT_TRUE(loop_->status().protection.verified) << loop_->status().protection.why;
}

TEST_F(NodeLoopTest, ABatchPodBesideLsIsNamedAsUnprotected) {
  host(kernel::test::v1_files());
  auto pod = kernel::test::pod_of("b");
  pod.name_space = "jobs";
  pod.name = "train";
  pod.qos = model::QosClass::kBe;
  loop_->set_pods({pod});
  loop_->pod_round();
  EXPECT_FALSE(loop_->status().protection.verified);
  EXPECT_THAT(loop_->status().protection.why, testing::HasSubstr("jobs/train"));
  pod.phase = model::PodPhase::kSucceeded;
  loop_->set_pods({pod});
  loop_->pod_round();
  EXPECT_TRUE(loop_->status().protection.verified) << loop_->status().protection.why;
}

}  // namespace
}  // namespace tideline::node::node_loop_test