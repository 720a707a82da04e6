#include "coordinator/planner/capacity.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/host_use.h"

namespace tideline::planner::capacity_test {
namespace {

using model::ErrorCode;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kCapacityBegin = 1'372'636'800;  // 2013-07-01
constexpr std::size_t kStepsADay = 24;

struct Fleet {
  std::size_t workloads = 40;
  std::size_t days = 2;
  float cpu_request = 8'000;
  float memory_request_mib = 8 * 1024;
  float memory_used_mib = 1'024;
  std::function<float(std::size_t workload, std::size_t step)> cpu_used = [](std::size_t, std::size_t) {
    return 2'000.0F;
  };
};

/// Steps of an hour. With 64 cores a host, 8 workloads fill one by what they request.
Dataset dataset_of(const Fleet& fleet) {
  Dataset data;
  data.begin_s = kCapacityBegin;
  data.step_s = 3'600;
  data.steps = fleet.days * kStepsADay;
  for (std::size_t number = 0; number < fleet.workloads; ++number) {
    Workload workload;
    workload.name = "vm-" + std::to_string(number);
    for (std::size_t step = 0; step < data.steps; ++step)
      workload.cpu_used.push_back(fleet.cpu_used(number, step));
    workload.cpu_request.assign(data.steps, fleet.cpu_request);
    workload.memory_request_mib.assign(data.steps, fleet.memory_request_mib);
    workload.memory_used_mib.assign(data.steps, fleet.memory_used_mib);
    data.workloads.push_back(std::move(workload));
  }
  return data;
}

/// 64 cores and 256 GiB, of which 57.6 cores and 230.4 GiB are safe.
CapacityOptions bare_hosts() {
  CapacityOptions options;
  options.pack.host = {
      .cpu_millicores = 64'000, .memory_mib = 256 * 1024.0, .system_cpu_millicores = 0, .system_memory_mib = 0};
  options.accepted_risk = 0;
  return options;
}

Capacity capacity_of(const Dataset& data, const CapacityOptions& options) {
  auto answer = capacity(data, options);
  if (!answer) {
    ADD_FAILURE() << answer.error().message();
    return {};
  }
  return *std::move(answer);
}

Capacity capacity_of(const Fleet& fleet, const CapacityOptions& options) {
  return capacity_of(dataset_of(fleet), options);
}

void expect_same(const Capacity& a, const Capacity& b) {
  EXPECT_EQ(a.hosts_now, b.hosts_now);
  EXPECT_EQ(a.hosts_needed, b.hosts_needed);
  EXPECT_EQ(a.hosts_to_give_back.low, b.hosts_to_give_back.low);
  EXPECT_EQ(a.hosts_to_give_back.mid, b.hosts_to_give_back.mid);
  EXPECT_EQ(a.hosts_to_give_back.high, b.hosts_to_give_back.high);
  EXPECT_EQ(a.risk_at_needed, b.risk_at_needed);
  EXPECT_EQ(a.risk_now, b.risk_now);
  EXPECT_EQ(a.is_found, b.is_found);
  EXPECT_EQ(a.hosts_to_add.low, b.hosts_to_add.low);
  EXPECT_EQ(a.hosts_to_add.mid, b.hosts_to_add.mid);
  EXPECT_EQ(a.hosts_to_add.high, b.hosts_to_add.high);
  EXPECT_EQ(a.batch_pods.low, b.batch_pods.low);
  EXPECT_EQ(a.batch_pods.mid, b.batch_pods.mid);
  EXPECT_EQ(a.batch_pods.high, b.batch_pods.high);
  EXPECT_EQ(a.batch_pods_without_fragmentation, b.batch_pods_without_fragmentation);
  EXPECT_EQ(a.notes, b.notes);
}

TEST(Capacity, HostsCanGoWhereRequestsAreNotUsed) {
  const Capacity answer = capacity_of(Fleet{}, bare_hosts());
  EXPECT_EQ(answer.hosts_now, 5u) << "8 a host";
  EXPECT_EQ(answer.hosts_needed, 3u) << "28 a host use 56 of 57.6 cores: 2, and a spare one";
  EXPECT_EQ(answer.hosts_to_give_back.mid, 2);
  EXPECT_EQ(answer.hosts_to_give_back.low, 2) << "days are alike";
  EXPECT_EQ(answer.hosts_to_give_back.high, 2);
  EXPECT_EQ(answer.risk_at_needed, 0);
}

TEST(Capacity, BatchTakesWholePodsOfWhatIsSafe) {
  const Capacity answer = capacity_of(Fleet{}, bare_hosts());
  EXPECT_EQ(answer.batch_pods.mid, 5 * 41) << "57.6 - 16 cores on each of 5 hosts";
  EXPECT_EQ(answer.batch_pods_without_fragmentation, 208);
}

TEST(Capacity, MemoryBoundsBatchAsWell) {
  CapacityOptions options = bare_hosts();
  options.batch_memory_mib = 50 * 1024.0;
  EXPECT_EQ(capacity_of(Fleet{}, options).batch_pods.mid, 5 * 4) << "230.4 - 8 GiB on each";
  EXPECT_EQ(capacity_of(Fleet{}, options).batch_pods_without_fragmentation, 22);
  options.batch_memory_mib = 0;
  EXPECT_EQ(capacity_of(Fleet{}, options).batch_pods.mid, 5 * 41);
}

TEST(Capacity, TheSystemTakesItsShareOfWhatIsSafe) {
  CapacityOptions options = bare_hosts();
  options.pack.host.system_cpu_millicores = 10'000;
  const Capacity answer = capacity_of(Fleet{}, options);
  EXPECT_EQ(answer.batch_pods.mid, 5 * 31);
  EXPECT_EQ(answer.hosts_needed, 3u) << "23 a host";
}

TEST(Capacity, SpareHostsAreKept) {
  CapacityOptions options = bare_hosts();
  options.spare_hosts = 0;
  EXPECT_EQ(capacity_of(Fleet{}, options).hosts_needed, 2u);
  EXPECT_EQ(capacity_of(Fleet{}, options).hosts_to_give_back.mid, 3);
  options.spare_hosts = 4;
  EXPECT_EQ(capacity_of(Fleet{}, options).hosts_needed, 6u);
  EXPECT_EQ(capacity_of(Fleet{}, options).hosts_to_give_back.mid, 0) << "never below 0";
}

TEST(Capacity, HostsThatThereAreNeedNotBeThoseThatPackingTakes) {
  CapacityOptions options = bare_hosts();
  options.pack.hosts = 12;
  const Capacity answer = capacity_of(Fleet{}, options);
  EXPECT_EQ(answer.hosts_now, 12u);
  EXPECT_EQ(answer.hosts_needed, 3u);
  EXPECT_EQ(answer.hosts_to_give_back.mid, 9);
  EXPECT_EQ(answer.batch_pods.mid, 5 * 41 + 7 * 57) << "seven are empty";
}

TEST(Capacity, GrowthIsOfUseAndNotOfTheHostsThereAre) {
  CapacityOptions options = bare_hosts();
  options.growth_percent = 100;
  const Capacity answer = capacity_of(Fleet{}, options);
  EXPECT_EQ(answer.hosts_now, 5u);
  EXPECT_EQ(answer.hosts_needed, 4u) << "14 a host use 56 of 57.6 cores";
  EXPECT_EQ(answer.hosts_to_give_back.mid, 1);
  EXPECT_EQ(answer.batch_pods.mid, 5 * 25);
  EXPECT_THAT(answer.notes, Contains(HasSubstr("times 2.00")));
}

TEST(Capacity, AcceptedRiskIsAShareOfHostSteps) {
  Fleet fleet;
  fleet.cpu_used = [](std::size_t, std::size_t step) { return step % kStepsADay == 0 ? 8'000.0F : 1'000.0F; };
  CapacityOptions options = bare_hosts();
  options.accepted_risk = 0.05;
  const Capacity answer = capacity_of(fleet, options);
  EXPECT_EQ(answer.hosts_needed, 2u) << "an hour of 24 is given up, and in the others all fit on one";
  EXPECT_DOUBLE_EQ(answer.risk_at_needed, 1.0 / 24);
  EXPECT_EQ(answer.batch_pods.mid, 5 * 49);
}

/// For an hour a day all use what they request.
Fleet rush_hours() {
  Fleet fleet;
  fleet.cpu_used = [](std::size_t, std::size_t step) { return step % kStepsADay == 0 ? 8'000.0F : 1'000.0F; };
  return fleet;
}

TEST(Capacity, WhereWholeRequestsAreTooMuchItSaysHowManyHostsMustCome) {
  const Capacity answer = capacity_of(rush_hours(), bare_hosts());
  EXPECT_EQ(answer.hosts_now, 5u) << "8 a host";
  EXPECT_DOUBLE_EQ(answer.risk_now, 1.0 / 24) << "64 cores are used, and 57.6 are safe";
  EXPECT_TRUE(answer.is_found);
  EXPECT_EQ(answer.hosts_needed, 7u) << "7 a host, and a spare one";
  EXPECT_EQ(answer.hosts_to_add.mid, 2);
  EXPECT_EQ(answer.hosts_to_add.low, 2) << "days are alike";
  EXPECT_EQ(answer.hosts_to_add.high, 2);
  EXPECT_EQ(answer.hosts_to_give_back.mid, 0);
  EXPECT_EQ(answer.risk_at_needed, 0);
  EXPECT_THAT(answer.notes, Contains(HasSubstr("6 hosts hold all with requests counted 1.1")));
}

TEST(Capacity, WhereTheyAreTooMuchHostsCanStillGoThatAreMoreThanItTakes) {
  CapacityOptions options = bare_hosts();
  options.pack.hosts = 9;
  const Capacity answer = capacity_of(rush_hours(), options);
  EXPECT_EQ(answer.hosts_needed, 7u);
  EXPECT_EQ(answer.hosts_to_give_back.mid, 2);
  EXPECT_EQ(answer.hosts_to_add.mid, 0);
  EXPECT_EQ(answer.batch_pods.mid, 4 * 57) << "on the empty ones, as the others are packed now";
}

TEST(Capacity, AWorkloadThatIsTooMuchForASafeHostIsHelpedByNone) {
  Fleet fleet;
  fleet.workloads = 3;
  fleet.cpu_request = 60'000;
  fleet.cpu_used = [](std::size_t, std::size_t) { return 60'000.0F; };
  const Capacity answer = capacity_of(fleet, bare_hosts());
  EXPECT_FALSE(answer.is_found);
  EXPECT_EQ(answer.risk_now, 1);
  EXPECT_EQ(answer.risk_at_needed, 1);
  EXPECT_EQ(answer.hosts_needed, 4u) << "one each, and a spare one: no number is enough";
  EXPECT_THAT(answer.notes, Contains(HasSubstr("more hosts of this kind do not help")));
}

TEST(Capacity, SparserPackingsLeaveNobodyOut) {
  Fleet fleet = rush_hours();
  fleet.workloads = 8;
  Dataset data = dataset_of(fleet);
  data.workloads[3].cpu_request.assign(data.steps, 40'000);
  for (std::size_t step = 0; step < data.steps; step += kStepsADay)
    data.workloads[3].cpu_used[step] = 40'000;
  const Capacity answer = capacity_of(data, bare_hosts());
  EXPECT_GT(answer.risk_now, 0) << "40 and three times 8 cores are on one host";
  EXPECT_TRUE(answer.is_found);
  EXPECT_EQ(answer.hosts_needed, 3u) << "two of them and the large one, and the others";
  EXPECT_THAT(answer.notes, Not(Contains(HasSubstr("larger than a host"))));
}

TEST(Capacity, PackingsThatWereJudgedAreNotJudgedAgain) {
  std::map<std::string, std::string> pieces;
  int asked = 0;
  CapacityOptions options = bare_hosts();
  options.kept.find = [&](const std::string& name) -> std::optional<std::string> {
    ++asked;
    const auto found = pieces.find(name);
    return found == pieces.end() ? std::nullopt : std::optional(found->second);
  };
  options.kept.keep = [&](const std::string& name, const std::string& text) {
    EXPECT_TRUE(pieces.emplace(name, text).second) << name << " is computed once";
    return model::Result<void>();
  };
  const Dataset data = dataset_of(rush_hours());
  const Capacity first = capacity_of(data, options);
  EXPECT_GT(pieces.size(), 3u);
  EXPECT_EQ(static_cast<std::size_t>(asked), pieces.size());
  expect_same(capacity_of(data, options), first);
  expect_same(capacity_of(data, bare_hosts()), first);
  // What is no packing is computed again; what is one is believed.
  pieces["packing+0"] = "nonsense";
  options.kept.keep = [](const std::string&, const std::string&) { return model::Result<void>(); };
  expect_same(capacity_of(data, options), first);
  options.kept.keep = [](const std::string&, const std::string&) {
    return model::Result<void>(model::Error(ErrorCode::kUnavailable, "disk full"));
  };
  pieces.erase("packing+0");
  const auto full = capacity(data, options);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message(), "disk full");
}

TEST(Capacity, MemoryUseIsJudgedToo) {
  Fleet fleet;
  fleet.cpu_used = [](std::size_t, std::size_t) { return 1'000.0F; };
  fleet.memory_request_mib = 16 * 1024;
  fleet.memory_used_mib = 2 * 1024;
  EXPECT_EQ(capacity_of(fleet, bare_hosts()).hosts_needed, 2u);
  fleet.memory_used_mib = 12 * 1024;
  EXPECT_EQ(capacity_of(fleet, bare_hosts()).hosts_needed, 4u) << "19 a host";
}

TEST(Capacity, MemoryOfUnknownUseIsPackedWhole) {
  Fleet fleet;
  fleet.cpu_used = [](std::size_t, std::size_t) { return 1'000.0F; };
  fleet.memory_request_mib = 16 * 1024;
  fleet.memory_used_mib = kAbsent;
  const Capacity answer = capacity_of(fleet, bare_hosts());
  EXPECT_EQ(answer.hosts_needed, 4u) << "16 a host";
  EXPECT_THAT(answer.notes, Contains(HasSubstr("not known")));
  EXPECT_EQ(answer.batch_pods.mid, 5 * 49) << "57.6 - 8 cores, 230.4 - 128 GiB";
}

TEST(Capacity, WhoseMemoryUseIsUnknownCountsWithTheRequest) {
  Fleet fleet;
  fleet.memory_request_mib = 16 * 1024;
  Dataset data = dataset_of(fleet);
  data.workloads[0].memory_used_mib.assign(data.steps, 14.0F * 1024);
  for (std::size_t i = 1; i < data.workloads.size(); ++i)
    data.workloads[i].memory_used_mib.assign(data.steps, kAbsent);
  const Capacity answer = capacity_of(data, bare_hosts());
  EXPECT_EQ(answer.hosts_needed, 4u) << "14 a host";
  EXPECT_THAT(answer.notes, Contains(HasSubstr("97.50 %")));
}

TEST(Capacity, WhoIsLargerThanAHostIsNamed) {
  Dataset data = dataset_of(Fleet{});
  data.workloads[7].cpu_request.assign(data.steps, 65'000);
  CapacityOptions options = bare_hosts();
  const Capacity answer = capacity_of(data, options);
  EXPECT_THAT(answer.notes, Contains(HasSubstr("1 workloads have no place")));
  EXPECT_THAT(answer.notes, Not(Contains(HasSubstr("are not among them")))) << "divided, its request fits";
}

TEST(Capacity, AbsentWorkloadsUseNothing) {
  Fleet fleet;
  fleet.cpu_used = [](std::size_t workload, std::size_t) { return workload < 28 ? 2'000.0F : kAbsent; };
  CapacityOptions options = bare_hosts();
  options.spare_hosts = 0;
  EXPECT_EQ(capacity_of(fleet, options).hosts_needed, 1u);
}

/// Each day 0.1 cores more than the one before it, around 2 cores.
Fleet rising_days() {
  Fleet fleet;
  fleet.workloads = 400;
  fleet.days = 21;
  fleet.cpu_used = [](std::size_t, std::size_t step) {
    return 1'000.0F + 100.0F * static_cast<float>(step / kStepsADay);
  };
  return fleet;
}

TEST(Capacity, OfSymmetricDaysTheMiddleLiesWithinTheInterval) {
  CapacityOptions options = bare_hosts();
  options.accepted_risk = 0.5;
  const Capacity answer = capacity_of(rising_days(), options);
  EXPECT_EQ(answer.batch_pods.mid, 50 * 41) << "of the eleventh day";
  EXPECT_LT(answer.batch_pods.low, answer.batch_pods.mid);
  EXPECT_GT(answer.batch_pods.high, answer.batch_pods.mid);
  EXPECT_GE(answer.batch_pods.low, 50 * 33) << "of the twenty-first";
  EXPECT_LE(answer.batch_pods.high, 50 * 49) << "of the first";
  EXPECT_EQ(answer.hosts_needed, 16u) << "28 a host, and a spare one";
  EXPECT_LT(answer.hosts_to_give_back.low, answer.hosts_to_give_back.high);
  EXPECT_LE(answer.hosts_to_give_back.low, answer.hosts_to_give_back.mid);
  EXPECT_GE(answer.hosts_to_give_back.high, answer.hosts_to_give_back.mid);
}

TEST(Capacity, WithoutResamplesTheIntervalIsItsMiddle) {
  CapacityOptions options = bare_hosts();
  options.accepted_risk = 0.5;
  options.resamples = 0;
  const Capacity answer = capacity_of(rising_days(), options);
  EXPECT_EQ(answer.batch_pods.low, answer.batch_pods.mid);
  EXPECT_EQ(answer.batch_pods.high, answer.batch_pods.mid);
  EXPECT_EQ(answer.hosts_to_give_back.low, answer.hosts_to_give_back.mid);
  EXPECT_EQ(answer.hosts_to_give_back.high, answer.hosts_to_give_back.mid);
}

TEST(Capacity, OneDayTellsNoInterval) {
  Fleet fleet;
  fleet.days = 1;
  EXPECT_THAT(capacity_of(fleet, bare_hosts()).notes, Contains(HasSubstr("one day")));
}

Fleet random_fleet(std::mt19937_64& random) {
  Fleet fleet;
  fleet.workloads = 10 + random() % 60;
  fleet.days = 1 + random() % 4;
  const std::uint64_t salt = random();
  const auto most = 1'000 + random() % 7'000;
  fleet.cpu_used = [salt, most](std::size_t workload, std::size_t step) {
    std::mt19937_64 own(salt + workload * 1'000'003 + step);
    return own() % 20 == 0 ? kAbsent : static_cast<float>(own() % most);
  };
  return fleet;
}

TEST(Capacity, MoreAcceptedRiskNeverTakesMoreHosts) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 10; ++round) {
    const Dataset data = dataset_of(random_fleet(random));
    CapacityOptions options = bare_hosts();
    options.pack.host.system_cpu_millicores = static_cast<double>(random() % 8'000);
    std::size_t needed = std::numeric_limits<std::size_t>::max();
    double pods = 0;
    for (const double risk : {0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 1.0}) {
      options.accepted_risk = risk;
      const Capacity answer = capacity_of(data, options);
      EXPECT_LE(answer.hosts_needed, needed) << "round " << round << ", risk " << risk;
      EXPECT_GE(answer.batch_pods.mid, pods) << "round " << round << ", risk " << risk;
      EXPECT_GE(answer.batch_pods_without_fragmentation, answer.batch_pods.mid) << "round " << round;
      if (answer.hosts_to_give_back.mid > 0) {
        EXPECT_LE(answer.risk_at_needed, risk * (1 + 1e-9)) << "round " << round;
      }
      needed = answer.hosts_needed;
      pods = answer.batch_pods.mid;
    }
  }
}

TEST(Capacity, GrowthNeverFreesAHost) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    Fleet fleet;
    fleet.workloads = 10 + random() % 190;
    const auto used = static_cast<float>(300 + random() % 4'000);
    fleet.cpu_used = [used](std::size_t, std::size_t step) { return step == 5 ? used : used / 2; };
    const Dataset data = dataset_of(fleet);
    CapacityOptions options = bare_hosts();
    options.resamples = 10;
    std::size_t needed = 0;
    double given_back = std::numeric_limits<double>::max();
    double pods = std::numeric_limits<double>::max();
    for (const double growth : {-20.0, 0.0, 7.0, 33.0, 100.0, 500.0}) {
      options.growth_percent = growth;
      const Capacity answer = capacity_of(data, options);
      EXPECT_GE(answer.hosts_needed, needed) << "round " << round << ", growth " << growth << ", used " << used;
      EXPECT_LE(answer.hosts_to_give_back.mid, given_back) << "round " << round << ", growth " << growth;
      EXPECT_LE(answer.batch_pods.mid, pods) << "round " << round << ", growth " << growth;
      needed = answer.hosts_needed;
      given_back = answer.hosts_to_give_back.mid;
      pods = answer.batch_pods.mid;
    }
  }
}

TEST(Capacity, IsTheSameForAnyParallel) {
  std::mt19937_64 random(7);
  Fleet fleet = random_fleet(random);
  fleet.workloads = 700;
  const Dataset data = dataset_of(fleet);
  CapacityOptions options = bare_hosts();
  options.accepted_risk = 0.02;
  const Capacity alone = capacity_of(data, options);
  options.parallel = [](std::size_t count, const std::function<void(std::size_t)>& job) {
    for (std::size_t i = count; i > 0; --i)
      job(i - 1);
  };
  expect_same(alone, capacity_of(data, options));
  options.parallel = [](std::size_t count, const std::function<void(std::size_t)>& job) {
    std::vector<std::thread> all;
    for (std::size_t first = 0; first < 4; ++first) {
      all.emplace_back([first, count, &job] {
        for (std::size_t i = first; i < count; i += 4)
          job(i);
      });
    }
    for (auto& each : all)
      each.join();
  };
  expect_same(alone, capacity_of(data, options));
}

TEST(Capacity, ProgressRisesToTheEndAndCanStopIt) {
  CapacityOptions options = bare_hosts();
  double last = 0;
  options.progress = [&last](double share) {
    EXPECT_GE(share, last);
    last = share;
    return false;
  };
  capacity_of(Fleet{}, options);
  EXPECT_EQ(last, 1);
  options.progress = [](double share) { return share > 0.3; };
  const auto stopped = capacity(dataset_of(Fleet{}), options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), ErrorCode::kUnavailable);
}

TEST(Capacity, NamesWhatIsOutOfRange) {
  const auto refusal = [](const std::function<void(CapacityOptions&)>& change) {
    CapacityOptions options = bare_hosts();
    change(options);
    const auto answer = capacity(dataset_of(Fleet{}), options);
    if (answer) return std::string("accepted");
    EXPECT_EQ(answer.error().code(), ErrorCode::kInvalidArgument);
    return answer.error().message();
  };
  EXPECT_THAT(refusal([](auto& options) { options.accepted_risk = 1.1; }), HasSubstr("accepted risk is 1.1"));
  EXPECT_THAT(refusal([](auto& options) { options.accepted_risk = std::nan(""); }), HasSubstr("accepted risk"));
  EXPECT_THAT(refusal([](auto& options) { options.safe_percent = 0; }), HasSubstr("safe percent is 0"));
  EXPECT_THAT(refusal([](auto& options) { options.safe_percent = 101; }), HasSubstr("safe percent is 101"));
  EXPECT_THAT(refusal([](auto& options) { options.growth_percent = -100; }), HasSubstr("growth percent is -100"));
  EXPECT_THAT(refusal([](auto& options) { options.batch_cpu_millicores = 0; }), HasSubstr("batch pod"));
  EXPECT_THAT(refusal([](auto& options) { options.batch_memory_mib = -1; }), HasSubstr("batch pod"));
  EXPECT_THAT(refusal([](auto& options) { options.resamples = 1'000'000; }), HasSubstr("resamples"));
  EXPECT_THAT(refusal([](auto& options) { options.spare_hosts = ~std::size_t{0}; }), HasSubstr("spare hosts"));
  EXPECT_NE(refusal([](auto& options) { options.pack.host.cpu_millicores = 0; }), "accepted");
}

TEST(Capacity, RefusesDataThatIsNone) {
  EXPECT_FALSE(capacity(Dataset{}, bare_hosts()));
  Dataset data = dataset_of(Fleet{});
  data.workloads[3].memory_used_mib.pop_back();
  const auto answer = capacity(data, bare_hosts());
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message(), HasSubstr("vm-3"));
}

TEST(StepDays, AreThoseOfUtc) {
  Dataset data;
  data.begin_s = -3'600;
  data.step_s = 1'800;
  data.steps = 4;
  EXPECT_THAT(days_of_steps(data).of_step, ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(days_of_steps(data).count, 2u);
  data.step_s = 200'000;
  EXPECT_THAT(days_of_steps(data).of_step, ElementsAre(0, 1, 2, 3)) << "days without a step are none";
}

TEST(DayDraws, DrawAsManyAsThereAreAndTheSameBySeed) {
  DayDraws draws(31, 5);
  DayDraws again(31, 5);
  std::vector<std::uint32_t> came(31);
  for (int i = 0; i < 300; ++i) {
    const auto weights = draws.next();
    EXPECT_EQ(std::accumulate(weights.begin(), weights.end(), 0U), 31u);
    const auto same = again.next();
    EXPECT_TRUE(std::equal(weights.begin(), weights.end(), same.begin()));
    for (std::size_t day = 0; day < 31; ++day)
      came[day] += weights[day];
  }
  for (const auto times : came)
    EXPECT_NEAR(times, 300, 100) << "each as often as the other, within six standard deviations";
}

TEST(RankedSteps, TheLowestLeavesOutNoMoreThanTheShare) {
  const StepDays days{.of_step = {0, 0, 0, 0, 1, 1, 1, 1}, .count = 2};
  const RankedSteps ranked({1, 2, 3, 4, 10, 20, 30, 40}, days);
  const std::vector<std::uint32_t> once = {1, 1};
  EXPECT_EQ(ranked.lowest_but(0, once), 1);
  EXPECT_EQ(ranked.lowest_but(0.124, once), 1);
  EXPECT_EQ(ranked.lowest_but(0.125, once), 2) << "one of eight may fall below";
  EXPECT_EQ(ranked.lowest_but(0.5, once), 10);
  EXPECT_EQ(ranked.lowest_but(1, once), 40);
  const std::vector<std::uint32_t> second_twice = {0, 2};
  EXPECT_EQ(ranked.lowest_but(0, second_twice), 10);
  EXPECT_EQ(ranked.lowest_but(0.25, second_twice), 20);
  EXPECT_EQ(RankedSteps({}, {}).lowest_but(0.1, {}), 0);
}

// Naively, host by host and step by step.
TEST(HostUse, RiskAndRoomAreThoseOfEachHostAndStep) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 5; ++round) {
    const Dataset data = dataset_of(random_fleet(random));
    World world;
    world.shape = bare_hosts().pack.host;
    world.hosts.resize(1 + random() % 100);
    for (std::uint32_t number = 0; number < data.workloads.size(); ++number)
      world.hosts[random() % world.hosts.size()].push_back(number);
    const SafeUse safe{.host = {.cpu_millicores = 16'000,
                                .memory_mib = 8 * 1024.0,
                                .system_cpu_millicores = 500,
                                .system_memory_mib = 512},
                       .safe_share = 0.8,
                       .growth = 1.1,
                       .judge_memory = true};
    const BatchPod pod{.cpu_millicores = 900, .memory_mib = 700};
    const StepDays days = days_of_steps(data);
    std::vector<std::uint64_t> over(days.count);
    std::vector<double> pods(data.steps);
    for (const auto& workloads : world.hosts) {
      for (std::size_t step = 0; step < data.steps; ++step) {
        double cpu = 0;
        double memory = 0;
        for (const auto number : workloads) {
          if (data.workloads[number].cpu_used[step] < 0) continue;
          cpu += static_cast<double>(data.workloads[number].cpu_used[step]);
          memory += static_cast<double>(data.workloads[number].memory_used_mib[step]);
        }
        cpu = 16'000 * 0.8 - cpu * 1.1 - 500;
        memory = 8 * 1024 * 0.8 - memory * 1.1 - 512;
        if (cpu < 0 || memory < 0) ++over[days.of_step[step]];
        pods[step] += std::max(0.0, std::floor(std::min(cpu / 900, memory / 700) + 1e-6));
      }
    }
    const auto by_day = risk_by_day(data, days, world, safe, {});
    ASSERT_EQ(by_day.size(), days.count);
    for (std::size_t day = 0; day < days.count; ++day) {
      EXPECT_EQ(by_day[day].over, over[day]) << "round " << round << ", day " << day;
      EXPECT_EQ(by_day[day].checks, world.hosts.size() * kStepsADay);
    }
    const BatchRoom room = batch_room(data, world, world.hosts.size(), safe, pod, {});
    EXPECT_EQ(room.pods, pods) << "round " << round;
    for (std::size_t step = 0; step < data.steps; ++step)
      EXPECT_GE(room.pods_without_fragmentation[step], room.pods[step]);
  }
}

}  // namespace
}  // namespace tideline::planner::capacity_test
