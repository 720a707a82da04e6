// What host applications are to a sample: their own use, no part of the system's, and services or best-effort.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/sense/judge_applications.h"
#include "node-actor/sense/sample.h"
#include "node-actor/sense/window.h"

namespace tideline::sense::application_sample_test {
namespace {

using model::ApplicationState;
using model::Bytes;
using model::Duration;
using model::MilliCpu;
using model::QosClass;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr model::MonoTime kStart{1'000'000'000};

model::ApplicationCounters application(const std::string& name, std::optional<Duration> cpu,
                                       QosClass qos = QosClass::kLs, bool below_besteffort = false) {
  model::ApplicationCounters one;
  one.name = name;
  one.where = "web/" + name;
  one.qos = qos;
  one.below_besteffort = below_besteffort;
  one.group.inode = 7;
  one.group.cpu = cpu;
  one.group.memory = Bytes(100);
  return one;
}

/// A host that used 8 s of CPU, the besteffort root 2, without pods.
model::HostCounters host(Duration at, std::vector<model::ApplicationCounters> applications) {
  model::HostCounters counters;
  counters.at = kStart + at;
  counters.node_cpu = 8 * at;
  counters.best_effort.inode = 1;
  counters.best_effort.cpu = 2 * at;
  counters.applications = std::move(applications);
  return counters;
}

model::NodeSample sampled(std::vector<model::ApplicationCounters> before, std::vector<model::ApplicationCounters> now) {
  return node_sample(host(seconds(0), std::move(before)), host(seconds(1), std::move(now)));
}

TEST(ApplicationSample, IsNoPartOfTheSystemsUse) {
  const auto without = sampled({}, {});
  EXPECT_EQ(without.system_cpu, MilliCpu(6'000));
  EXPECT_EQ(without.app_cpu, MilliCpu(0)) << "none, and that is known";
  const auto sample = sampled({application("nginx", seconds(1))}, {application("nginx", milliseconds(2'500))});
  ASSERT_EQ(sample.applications.size(), 1u);
  EXPECT_EQ(sample.applications[0].cpu, MilliCpu(1'500));
  EXPECT_EQ(sample.applications[0].memory, Bytes(100));
  EXPECT_EQ(sample.applications[0].state, ApplicationState::kMeasured);
  EXPECT_EQ(sample.applications[0].group, "web/nginx");
  EXPECT_EQ(sample.system_cpu, MilliCpu(4'500));
  EXPECT_EQ(sample.app_cpu, MilliCpu(1'500));
  EXPECT_EQ(sample.app_cpu_in_be, MilliCpu(0));
}

struct Placed {
  QosClass qos;
  bool below_besteffort;
  std::int64_t system;
  std::int64_t services;
  std::int64_t services_in_be;
};

TEST(ApplicationSample, CountsAsBestEffortOnlyWithItsQosAndInItsPlace) {
  for (const auto& [qos, below, system, services, in_be] :
       {Placed{QosClass::kLs, false, 5'000, 1'000, 0}, Placed{QosClass::kBe, false, 5'000, 1'000, 0},
        Placed{QosClass::kBe, true, 6'000, 0, 0}, Placed{QosClass::kSystem, true, 6'000, 1'000, 1'000}}) {
    SCOPED_TRACE(testing::Message() << name_of(qos) << " below besteffort " << below);
    const auto sample = sampled({application("a", seconds(0), qos, below)}, {application("a", seconds(1), qos, below)});
    EXPECT_EQ(sample.system_cpu, MilliCpu(system)) << "what is below the besteffort root is in that root's use";
    EXPECT_EQ(sample.app_cpu, MilliCpu(services));
    EXPECT_EQ(sample.app_cpu_in_be, MilliCpu(in_be));
  }
}

TEST(ApplicationSample, OneThatIsNotThereUsesNothing) {
  auto gone = application("a", std::nullopt);
  gone.group = {};
  const auto sample = sampled({application("a", seconds(1))}, {gone});
  EXPECT_EQ(sample.applications[0].state, ApplicationState::kNotFound);
  EXPECT_EQ(sample.applications[0].cpu, std::nullopt) << "not found is not 0";
  EXPECT_EQ(sample.app_cpu, MilliCpu(0));
  EXPECT_EQ(sample.system_cpu, MilliCpu(6'000));
}

TEST(ApplicationSample, OneThatCannotBeReadIsUnknownAndStaysTheSystems) {
  auto broken = application("a", std::nullopt);
  broken.failed = true;
  auto sample =
      sampled({application("a", seconds(1)), application("b", seconds(1))}, {broken, application("b", seconds(2))});
  EXPECT_EQ(sample.applications[0].state, ApplicationState::kUnreadable);
  EXPECT_EQ(sample.applications[0].cpu, std::nullopt);
  EXPECT_EQ(sample.applications[1].cpu, MilliCpu(1'000));
  EXPECT_EQ(sample.app_cpu, std::nullopt);
  EXPECT_EQ(sample.system_cpu, MilliCpu(5'000)) << "that of b is told apart";
  broken.group = {};
  EXPECT_EQ(sampled({}, {broken}).applications[0].state, ApplicationState::kUnreadable)
      << "whether it is there is not known";
  broken.below_besteffort = true;
  EXPECT_EQ(sampled({}, {broken}).app_cpu_in_be, std::nullopt);
}

TEST(ApplicationSample, TheFirstReadingAndAGroupMadeAgainGiveNoRate) {
  EXPECT_EQ(first_sample(host(seconds(1), {application("a", seconds(1))})).app_cpu, std::nullopt);
  EXPECT_EQ(first_sample(host(seconds(1), {})).app_cpu, MilliCpu(0));
  auto again = application("a", seconds(2));
  again.group.inode = 8;
  const auto sample = sampled({application("a", seconds(1))}, {again});
  EXPECT_EQ(sample.applications[0].cpu, std::nullopt);
  EXPECT_EQ(sample.applications[0].state, ApplicationState::kMeasured);
  EXPECT_EQ(sample.app_cpu, std::nullopt);
}

TEST(ApplicationSample, OneThatHoldsPodsIsNotCountedTwice) {
  auto holder = application("a", std::nullopt);
  holder.group = {};
  holder.holds_pods = true;
  const auto sample = sampled({}, {holder});
  EXPECT_EQ(sample.applications[0].state, ApplicationState::kHoldsPods);
  EXPECT_EQ(sample.app_cpu, MilliCpu(0));
}

TEST(ApplicationSample, TheSystemsUseIsNotKnownWhileAServiceIsHiddenInBestEffort) {
  using model::Tier;
  const auto in_be = [](Tier tier, std::optional<Duration> cpu) {
    auto one = application("a", cpu, QosClass::kLs, true);
    one.tier = tier;
    return one;
  };
  for (const auto tier : {Tier::kProd, Tier::kMid, Tier::kBatch, Tier::kFree}) {
    SCOPED_TRACE(model::priority_class_of(tier));
    const std::optional<MilliCpu> expected =
        tier == Tier::kProd || tier == Tier::kMid ? std::nullopt : std::optional(MilliCpu(6'000));
    EXPECT_EQ(sampled({in_be(tier, seconds(1))}, {in_be(tier, seconds(2))}).system_cpu, MilliCpu(6'000));
    EXPECT_EQ(sampled({}, {in_be(tier, seconds(2))}).system_cpu, expected) << "no earlier reading";
    auto broken = in_be(tier, std::nullopt);
    broken.failed = true;
    EXPECT_EQ(sampled({in_be(tier, seconds(1))}, {broken}).system_cpu, expected) << "unreadable";
    broken.group = {};
    EXPECT_EQ(sampled({in_be(tier, seconds(1))}, {broken}).system_cpu, expected) << "whether it is there is not known";
    auto holder = broken;
    holder.failed = false;
    holder.holds_pods = true;
    EXPECT_EQ(sampled({}, {holder}).system_cpu, expected) << "holds pods";
    holder.below_besteffort = false;
    EXPECT_EQ(sampled({}, {holder}).system_cpu, MilliCpu(6'000)) << "elsewhere its use is in the system's";
    auto absent = broken;
    absent.failed = false;
    EXPECT_EQ(sampled({in_be(tier, seconds(1))}, {absent}).system_cpu, MilliCpu(6'000)) << "it uses nothing";
  }
}

TEST(ReportWindow, FoldsApplicationsAndListsThoseOfTheNewestSample) {
  ReportWindow window;
  const auto add = [&](std::vector<model::ApplicationUse> uses) {
    model::NodeSample sample;
    sample.applications = std::move(uses);
    window.add(std::move(sample));
  };
  const auto use = [](const std::string& name, ApplicationState state, std::optional<MilliCpu> cpu) {
    return model::ApplicationUse{name, model::Tier::kProd, QosClass::kLs, "web/" + name, state, cpu, Bytes(5)};
  };
  add({use("old", ApplicationState::kMeasured, MilliCpu(9))});
  add({use("a", ApplicationState::kMeasured, MilliCpu(100)), use("b", ApplicationState::kNotFound, std::nullopt)});
  add({use("a", ApplicationState::kMeasured, std::nullopt), use("b", ApplicationState::kNotFound, std::nullopt)});
  add({use("a", ApplicationState::kNotFound, MilliCpu(300)), use("b", ApplicationState::kNotFound, std::nullopt)});
  EXPECT_TRUE(window.samples().back().applications.empty());
  const auto all = window.applications();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[0].state, ApplicationState::kNotFound) << "as it is at the end";
  EXPECT_EQ(all[0].cpu_milli, (model::Spread{100, 200, 300}));
  EXPECT_EQ(all[1].cpu_milli, std::nullopt);
  window.clear();
  EXPECT_TRUE(window.applications().empty());
}

TEST(JudgeApplications, NamesThoseThatAreNotMeasuredAndWhereTheyWereLookedFor) {
  EXPECT_EQ(judge_applications({}), std::nullopt);
  const auto use = [](const std::string& name, ApplicationState state) {
    return model::ApplicationUse{name, model::Tier::kProd, QosClass::kLs, "web/" + name, state, {}, {}};
  };
  const auto some = judge_applications({use("a", ApplicationState::kMeasured), use("b", ApplicationState::kNotFound),
                                        use("c", ApplicationState::kHoldsPods)});
  EXPECT_EQ(some, (model::FeatureState{"hostApplications", model::FeatureState::State::kActive,
                                       "1 of 3 measured; b not-found: web/b; c holds-pods: web/c"}));
  EXPECT_EQ(judge_applications({use("b", ApplicationState::kNotFound)})->state, model::FeatureState::State::kInactive);
  std::vector<model::ApplicationUse> many;
  for (int i = 0; i < 64; ++i)
    many.push_back(use(std::string(200, 'x') + std::to_string(i), ApplicationState::kNotFound));
  const auto cut = judge_applications(many)->why;
  EXPECT_LE(cut.size(), model::ReportLimits::kMaxTextBytes);
  EXPECT_THAT(cut, HasSubstr("more are not"));
}

}  // namespace
}  // namespace tideline::sense::application_sample_test
