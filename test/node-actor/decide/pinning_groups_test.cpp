// Several services on a host of 104 CPUs, in the three groups of test/bench/pinning.py: A all LS, B bound LSR, C bound
// LSE; each beside batch. What a host of two CPUs cannot show is shown here as decisions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/cpuset_hosts.h"

namespace tideline::decide::test::pinning_groups_test {
namespace {

using model::KubeQos;

const auto kByCpuset = policy_of(SuppressPolicy::kCpuset);
const auto kByQuota = policy_of(SuppressPolicy::kCfsQuota);

/// Two services bound to 26 CPUs each, one on each socket, two that are not, and batch.
struct Group {
  Topology host = host_of(kHost104);
  std::vector<model::Pod> pods;
  CpusetDecision decision;

  explicit Group(QosClass qos, const std::optional<model::NodePolicy>& policy = kByQuota) {
    const bool bound = qos != QosClass::kLs;
    const auto with = [&](const char* cpu_list) { return bound ? cpus(cpu_list) : CpuSet{}; };
    pods = {pod_of("web", qos, with("0-25"), KubeQos::kGuaranteed),
            pod_of("search", qos, with("52-77"), KubeQos::kGuaranteed), pod_of("cart", QosClass::kLs),
            pod_of("mail", QosClass::kLs), pod_of("job", QosClass::kBe)};
    auto input = worked_cpusets();
    // The formula of the worked host, for one of 104 CPUs.
    input.terms.capacity = MilliCpu(104'000);
    input.terms.threshold = MilliCpu(67'600);
    input.terms.formula = input.terms.steady_formula = MilliCpu(40'000);
    decision = cpuset_control({}, host, pods, input, policy).decision;
  }
  std::string set_of(int pod) const { return set_of_container(decision, pods.at(static_cast<std::size_t>(pod))); }
};

enum { kWeb, kSearch, kCart, kMail, kJob };

TEST(PinningGroups, AllLsShareTheWholeHostWithBatch) {
  const Group a(QosClass::kLs);
  for (const int pod : {kWeb, kSearch, kCart, kMail, kJob})
    EXPECT_EQ(a.set_of(pod), "-");
  EXPECT_EQ(set_for(a.decision, kBeRoot), "-");
}

TEST(PinningGroups, LsrServicesHaveTheirCpusBeforeOtherServicesAndLendThemToBatch) {
  const Group b(QosClass::kLsr);
  EXPECT_EQ(b.set_of(kWeb), "0-25");
  EXPECT_EQ(b.set_of(kSearch), "52-77");
  for (const int pod : {kCart, kMail})
    EXPECT_EQ(b.set_of(pod), "26-51,78-103");
  EXPECT_EQ(set_for(b.decision, kBeRoot), "-") << "batch may run everywhere";
  EXPECT_EQ(b.decision.pools.lent().size(), 52);
}

TEST(PinningGroups, LseServicesHaveTheirCpusToThemselves) {
  const Group c(QosClass::kLse);
  EXPECT_EQ(c.set_of(kWeb), "0-25");
  EXPECT_EQ(c.set_of(kSearch), "52-77");
  for (const int pod : {kCart, kMail, kJob})
    EXPECT_EQ(c.set_of(pod), "26-51,78-103");
  EXPECT_EQ(set_for(c.decision, kBeRoot), "26-51,78-103");
  EXPECT_TRUE(c.decision.pools.lent().empty());
}

TEST(PinningGroups, NoBoundServiceIsThrottledOnItsOwnCpus) {
  for (const auto qos : {QosClass::kLsr, QosClass::kLse}) {
    const Group group(qos);
    for (const int pod : {kWeb, kSearch}) {
      const auto& bound = group.pods.at(static_cast<std::size_t>(pod));
      for (const auto& level : {group_of(bound), group_of(bound, bound.containers[0])}) {
        const auto quota = want_for(group.decision, level, Knob::kCpuQuota);
        ASSERT_TRUE(quota) << model::text_of(level);
        EXPECT_EQ(quota->value, model::KnobValue(model::Limit{}));
      }
    }
  }
}

TEST(PinningGroups, UnderSuppressByCpusetBatchHasFortyCpusPackedOnWhatItMayUse) {
  const auto batch_of = [](const Group& group) { return group.decision.be.value().cpus; };
  const Group a(QosClass::kLs, kByCpuset);
  EXPECT_EQ(batch_of(a).size(), 40);
  EXPECT_EQ(spread(a.host, batch_of(a), &Topology::Cpu::l3), 1);

  const Group b(QosClass::kLsr, kByCpuset);
  EXPECT_EQ(batch_of(b).size(), 40);
  EXPECT_EQ((batch_of(b) & cpus("0-25,52-77")).size(), 20) << "of lent CPUs as many as of the others";

  const Group c(QosClass::kLse, kByCpuset);
  EXPECT_EQ(batch_of(c).size(), 40);
  EXPECT_TRUE((batch_of(c) & cpus("0-25,52-77")).empty());
}

}  // namespace
}  // namespace tideline::decide::test::pinning_groups_test
