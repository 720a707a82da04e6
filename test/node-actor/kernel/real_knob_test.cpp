#include <chrono>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/capabilities.h"
#include "node-actor/kernel/host_facts.h"
#include "node-actor/kernel/knob.h"
#include "node-actor/kernel/limit_file.h"
#include "node-actor/kernel/pod_reader.h"
#include "node-actor/kernel/quota.h"
#include "node-actor/sense/sample.h"
#include "test/node-actor/kernel/real_cgroup.h"
#include "test/support/process.h"

namespace tideline::kernel::test::real_knob_test {
namespace {

using model::Controller;
using model::CpuSet;
using model::ErrorCode;
using model::Knob;
using model::KnobValue;
using model::KubeQos;
using model::Limit;
using model::MilliCpu;
using model::Number;
using model::Reason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

KnobValue cpu(std::int64_t milli) {
  return Limit{MilliCpu(milli)};
}

class RealKnob : public RealCgroup {
 protected:
  void SetUp() override {
    RealCgroup::SetUp();
    if (::testing::Test::IsSkipped() || ::testing::Test::HasFatalFailure()) return;
    pods_[0].containers = {{.name = "web", .id = "c1", .requests = {}, .limits = {}}};
    pods_[0].containers[0].limits.cpu = MilliCpu(200);
    container_ = *group_path(*tree_, model::group_of(pods_[0], pods_[0].containers[0]));
    knobs_ = probe_knobs(*tree_);
    writer_ = std::make_unique<Writer>(*tree_, gate_);
  }
  /// "" when it was taken, else the error.
  std::string put(const std::string& group, Knob knob, const KnobValue& value) {
    const auto write = knob_write(*tree_, group, knob, value, Controller::kCpuBurst, Reason::kBurstToLimit);
    if (!write) return write.error().message();
    const auto written = writer_->perform(*write);
    return written ? "" : written.error().message();
  }
  std::string put(Knob knob, const KnobValue& value) { return put(container_, knob, value); }
  /// Writes the value, and the kernel holds it.
  void expect_taken(Knob knob, const KnobValue& value) {
    ASSERT_EQ(put(knob, value), "");
    const auto read = read_knob(*tree_, container_, knob);
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_TRUE(same(*tree_, knob, value, *read)) << read->file << " holds " << read->raw;
  }
  std::string container_;
  model::KnobSet knobs_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(RealKnob, ProbeSaysWhatIsThere) {
  for (const auto knob : {Knob::kCpuQuota, Knob::kCpuWeight, Knob::kCpuset})
    EXPECT_TRUE(knobs_.has(knob)) << knobs_.why_not(knob);
  for (const auto& support : knobs_.knobs) {
    const bool there =
        !support.file.empty() && std::ifstream(scratch_->path("kubepods/besteffort", support.file)).good();
    EXPECT_EQ(support.supported, there) << support.file << ": " << support.why;
    EXPECT_EQ(support.supported, support.why.empty()) << support.why;
  }
}

TEST_F(RealKnob, QuotasAreTakenAndReadBack) {
  for (const auto& value : {cpu(1500), cpu(333), cpu(1), KnobValue(Limit{}), cpu(20)})
    expect_taken(Knob::kCpuQuota, value);
  // In a period of another length, too.
  if (scratch_->v1()) {
    scratch_->write("kubepods/burstable/podls/c1", "cpu.cfs_period_us", "33333");
  } else {
    scratch_->write("kubepods/burstable/podls/c1", "cpu.max", "max 33333");
  }
  for (const auto& value : {cpu(1500), cpu(333), KnobValue(Limit{})}) {
    expect_taken(Knob::kCpuQuota, value);
    EXPECT_EQ(read_knob(*tree_, container_, Knob::kCpuQuota)->period_us, 33'333);
  }
}

TEST_F(RealKnob, WeightsAreTakenAndReadBack) {
  for (const std::int64_t shares : {1, 2, 20, 102, 1024, 262'144, 999'999})
    expect_taken(Knob::kCpuWeight, Number{shares});
}

TEST_F(RealKnob, CpusetsAreTakenAndReadBack) {
  const auto host = read_knob(*tree_, tree_->kubepods(), Knob::kCpuset);
  ASSERT_TRUE(host.ok() && host->effective) << "cpuset of kubepods";
  for (const int one : host->effective->cpus()) {
    expect_taken(Knob::kCpuset, CpuSet{one});
    const auto now = read_knob(*tree_, container_, Knob::kCpuset);
    EXPECT_EQ(now->value, KnobValue(CpuSet{one}));
    EXPECT_EQ(now->effective, CpuSet{one});
  }
  expect_taken(Knob::kCpuset, *host->effective);
}

TEST_F(RealKnob, AnEmptyOriginalOfACpusetComesBack) {
  // A group of v2, or of v1 that nobody filled yet.
  scratch_->make("kubepods/burstable/podls/c2");
  const auto group = container_.substr(0, container_.rfind('/')) + "/c2";
  const auto path = tree_->path(group, "cpuset.cpus").value();
  ASSERT_EQ(put(group, Knob::kCpuset, CpuSet{0}), "");
  // Where 0 is the only CPU the group had it from its parent, and nothing was written.
  if (gate_.last.path != path) GTEST_SKIP() << "needs two CPUs";
  ASSERT_TRUE(write_identified(gate_.last, "").ok());
  EXPECT_EQ(read_file(path).value(), "");
}

TEST_F(RealKnob, BurstIsBoundByTheQuotaInBothDirections) {
  if (!knobs_.has(Knob::kCpuBurst)) GTEST_SKIP() << knobs_.why_not(Knob::kCpuBurst);
  const auto order = kernel_order(*tree_, read_host_facts({})->kernel_release);
  EXPECT_EQ(put(Knob::kCpuQuota, cpu(500)), "");
  expect_taken(Knob::kCpuBurst, cpu(500));
  const auto above = put(Knob::kCpuBurst, cpu(501));
  const auto below = put(Knob::kCpuQuota, cpu(499));
  EXPECT_EQ(above.empty(), !order.burst_within_quota) << above;
  EXPECT_EQ(below.empty(), !order.burst_within_quota) << below;
  if (!order.burst_within_quota) return;
  EXPECT_THAT(above, HasSubstr("write '50100' to "));
  EXPECT_THAT(above, HasSubstr(std::string(file_of(tree_->version(), Knob::kCpuBurst))));

  // Without a quota any burst is taken, and then bars a smaller quota.
  EXPECT_EQ(put(Knob::kCpuQuota, Limit{}), "");
  EXPECT_EQ(put(Knob::kCpuBurst, cpu(900)), "");
  EXPECT_NE(put(Knob::kCpuQuota, cpu(800)), "");
  expect_taken(Knob::kCpuBurst, cpu(0));
  expect_taken(Knob::kCpuQuota, cpu(800));
}

TEST_F(RealKnob, IdleTakesTheWeightAlong) {
  if (!knobs_.has(Knob::kCpuIdle)) GTEST_SKIP() << knobs_.why_not(Knob::kCpuIdle);
  ASSERT_TRUE(kernel_order(*tree_, "").idle_takes_weight);
  const bool v1 = scratch_->v1();
  expect_taken(Knob::kCpuWeight, Number{512});
  expect_taken(Knob::kCpuIdle, Number{1});
  // What guard's idle_weight.h foretells.
  EXPECT_EQ(read_knob(*tree_, container_, Knob::kCpuWeight)->raw, v1 ? "3" : "0");
  EXPECT_THAT(put(Knob::kCpuWeight, Number{512}), HasSubstr("Invalid argument"));
  expect_taken(Knob::kCpuIdle, Number{0});
  EXPECT_EQ(read_knob(*tree_, container_, Knob::kCpuWeight)->raw, v1 ? "1024" : "100");
  expect_taken(Knob::kCpuWeight, Number{512});
}

TEST_F(RealKnob, V1BindsChildrenToTheirParentsAndV2DoesNot) {
  const auto order = kernel_order(*tree_, "");
  const auto pod = tree_->pod_group(pods_[0]);
  ASSERT_EQ(put(pod, Knob::kCpuQuota, cpu(500)), "");
  EXPECT_EQ(put(Knob::kCpuQuota, cpu(600)).empty(), !order.quota_within_parent);
  EXPECT_EQ(put(Knob::kCpuQuota, cpu(400)), "");

  const auto host = read_knob(*tree_, tree_->kubepods(), Knob::kCpuset)->effective.value();
  if (host.size() < 2) GTEST_SKIP() << "the rest needs two CPUs";
  const CpuSet first{host.cpus()[0]};
  const CpuSet second{host.cpus()[1]};
  ASSERT_EQ(put(Knob::kCpuset, second), "");
  EXPECT_EQ(put(pod, Knob::kCpuset, first).empty(), !order.cpuset_within_parent) << "the child's CPU is left out";
  ASSERT_EQ(put(Knob::kCpuset, first), "");
  ASSERT_EQ(put(pod, Knob::kCpuset, first), "");
  const auto wider = knob_write(*tree_, container_, Knob::kCpuset, second, Controller::kCpuset, Reason::kSharePool);
  const auto refused = writer_->perform(*wider);
  EXPECT_EQ(refused.ok(), !order.cpuset_within_parent);
  if (refused.ok()) return;
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument) << "no matter of permissions";
  EXPECT_THAT(refused.error().message(), HasSubstr("write '" + second.text() + "' to " + gate_.last.path));
}

TEST_F(RealKnob, CpusThatAreNotThereAreRefusedWithFileAndValue) {
  const auto refused = put(Knob::kCpuset, CpuSet{CpuSet::kMaxCpu});
  EXPECT_THAT(refused, HasSubstr("write '8191' to "));
  EXPECT_THAT(refused, HasSubstr(container_ + "/cpuset.cpus"));
}

TEST_F(RealKnob, SeesAContainerThrottled) {
  ASSERT_EQ(put(Knob::kCpuQuota, cpu(200)), "");
  PodReader reader(*tree_);
  scratch_->spin("kubepods/burstable/podls/c1");
  auto before = reader.read(pods_);
  ASSERT_EQ(before.counters.pods[0].containers.size(), 1U);
  const auto sampled = tideline::test::eventually(std::chrono::seconds(20), [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    auto now = reader.read(pods_);
    EXPECT_THAT(now.errors, IsEmpty());
    const auto sample = sense::node_sample(before.counters, now.counters);
    before = std::move(now);
    const auto& use = sample.pods[0].containers.at(0);
    return use.throttled_ratio.value_or(0) > 0.5 && use.cpu && use.cpu->value() > 100 && use.cpu->value() < 400;
  });
  EXPECT_TRUE(sampled) << "a spinner with a fifth of a CPU is throttled in most periods";
}

TEST_F(RealKnob, CountsTheCpusOfTheBestEffortRoot) {
  PodReader reader(*tree_);
  const auto host = read_knob(*tree_, tree_->kubepods(), Knob::kCpuset)->effective.value();
  EXPECT_EQ(reader.read({}).counters.be_cpus, host.size());
  for (const auto* group : {"kubepods/besteffort/podbe/c1", "kubepods/besteffort/podbe", "kubepods/besteffort"})
    scratch_->write(group, "cpuset.cpus", std::to_string(host.cpus()[0]));
  EXPECT_EQ(reader.read({}).counters.be_cpus, 1);
}

TEST_F(RealKnob, ALimitOfAGroupMadeAgainIsReadAnew) {
  LimitFile file(*tree_, container_, Knob::kCpuQuota);
  expect_taken(Knob::kCpuQuota, cpu(300));
  EXPECT_EQ(file.read()->value, cpu(300));
  expect_taken(Knob::kCpuQuota, cpu(400));
  EXPECT_EQ(file.read()->value, cpu(400));
  scratch_->remove("kubepods/burstable/podls/c1");
  EXPECT_EQ(file.read().error().code(), ErrorCode::kNotFound);
  scratch_->make("kubepods/burstable/podls/c1");
  EXPECT_EQ(file.read()->value, KnobValue(Limit{}));
  scratch_->remove("kubepods/burstable/podls/c1");
  scratch_->make("kubepods/burstable/podls/c1");
  expect_taken(Knob::kCpuQuota, cpu(500));
  EXPECT_EQ(file.read()->value, cpu(500)) << "between two readings, too";
}

TEST_F(RealKnob, AGroupThatIsRemovedIsNotFound) {
  scratch_->remove("kubepods/burstable/podls/c1");
  const auto path = group_path(*tree_, model::group_of(pods_[0], pods_[0].containers[0]));
  EXPECT_EQ(path.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(read_knob(*tree_, container_, Knob::kCpuQuota).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(knob_write(*tree_, container_, Knob::kCpuBurst, cpu(1), {}, {}).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::kernel::test::real_knob_test
