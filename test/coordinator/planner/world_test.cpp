#include "coordinator/planner/world.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/report.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::world_test {
namespace {

using test::ten_cores;
using test::workload;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A workload of one step that requests so much.
Workload asking(float millicores, float mib) {
  return workload("vm", {100}, millicores, mib);
}

World packed(const Dataset& data, const PackOptions& options) {
  auto world = pack(data, options);
  if (!world) {
    ADD_FAILURE() << world.error().message();
    return {};
  }
  return *std::move(world);
}

PackOptions onto_ten_cores() {
  PackOptions options;
  options.host = ten_cores();
  return options;
}

std::string error_of(const Dataset& data, const PackOptions& options) {
  const auto world = pack(data, options);
  if (world) return "none";
  EXPECT_EQ(world.error().code(), model::ErrorCode::kInvalidArgument);
  return world.error().message();
}

TEST(Pack, PutsTheLargestFirstOntoTheFirstHostWithRoom) {
  const auto data =
      test::data_of({asking(3'000, 1), asking(6'000, 1), asking(4'000, 1), asking(5'000, 1), asking(2'000, 1)});
  const auto world = packed(data, onto_ten_cores());
  // 6 and 4, then 5 and 3 and 2.
  EXPECT_THAT(world.hosts, ElementsAre(ElementsAre(1, 2), ElementsAre(0, 3, 4)));
  EXPECT_THAT(world.not_placed, IsEmpty());
  EXPECT_EQ(world.shape.cpu_millicores, 10'000);
}

TEST(Pack, RequestsCountAtTheirLargest) {
  auto data = test::data_of({workload("a", {100, 100}, 2'000, 1), workload("b", {100, 100}, 2'000, 1)});
  data.workloads[1].cpu_request[1] = 9'000;
  EXPECT_THAT(packed(data, onto_ten_cores()).hosts, ElementsAre(ElementsAre(1), ElementsAre(0)));
}

TEST(Pack, MemoryTakesRoomAsCpuDoes) {
  const auto data = test::data_of({asking(1'000, 60'000), asking(1'000, 60'000), asking(1'000, 40'000)});
  EXPECT_THAT(packed(data, onto_ten_cores()).hosts, testing::SizeIs(2));
}

TEST(Pack, OfEqualCpuTheLargerMemoryGoesFirst) {
  const auto data = test::data_of({asking(5'000, 10), asking(5'000, 30), asking(5'000, 20)});
  EXPECT_THAT(packed(data, onto_ten_cores()).hosts, ElementsAre(ElementsAre(1, 2), ElementsAre(0)));
}

TEST(Pack, FillPercentOvercommits) {
  std::vector<Workload> workloads(4, asking(5'000, 1));
  auto options = onto_ten_cores();
  options.cpu_fill_percent = 200;
  EXPECT_THAT(packed(test::data_of(workloads), options).hosts, testing::SizeIs(1));
  options.cpu_fill_percent = 50;
  EXPECT_THAT(packed(test::data_of(workloads), options).hosts, testing::SizeIs(4));
  options.cpu_fill_percent = 1e15;
  options.memory_fill_percent = 1e15;
  EXPECT_THAT(packed(test::data_of(workloads), options).hosts, testing::SizeIs(1));
}

TEST(Pack, WhatNoHostHoldsIsNotPlaced) {
  const auto data = test::data_of({asking(4'000, 1), asking(11'000, 1), asking(1'000, 200'000), asking(7'000, 1)});
  const auto world = packed(data, onto_ten_cores());
  EXPECT_THAT(world.not_placed, ElementsAre(1, 2));
  EXPECT_THAT(world.hosts, ElementsAre(ElementsAre(3), ElementsAre(0)));
}

TEST(Pack, OnSoManyHostsTheRestIsNotPlaced) {
  auto options = onto_ten_cores();
  options.hosts = 2;
  const auto world = packed(test::data_of({asking(8'000, 1), asking(7'000, 1), asking(6'000, 1)}), options);
  EXPECT_THAT(world.hosts, ElementsAre(ElementsAre(0), ElementsAre(1)));
  EXPECT_THAT(world.not_placed, ElementsAre(2));
  options.hosts = 5;
  EXPECT_THAT(packed(test::data_of({asking(8'000, 1)}), options).hosts, testing::SizeIs(5)) << "empty ones, too";
}

TEST(Pack, AHostTakesNoMoreThanAReportHolds) {
  const std::vector<Workload> workloads(model::ReportLimits::kMaxPods + 1, asking(0, 0));
  const auto world = packed(test::data_of(workloads), onto_ten_cores());
  ASSERT_EQ(world.hosts.size(), 2u);
  EXPECT_EQ(world.hosts[0].size(), model::ReportLimits::kMaxPods);
}

TEST(Pack, TheSeedAloneDecidesAmongEquals) {
  const auto data = test::data_of(std::vector<Workload>(12, asking(5'000, 1)));
  auto options = onto_ten_cores();
  options.seed = 7;
  const auto first = packed(data, options).hosts;
  EXPECT_EQ(packed(data, options).hosts, first);
  int others = 0;
  for (std::uint64_t seed = 8; seed < 18; ++seed) {
    options.seed = seed;
    others += packed(data, options).hosts != first ? 1 : 0;
  }
  EXPECT_GE(others, 9);
}

TEST(Pack, NamesAHostThatIsNone) {
  const auto data = test::data_of({asking(1'000, 1)});
  auto options = onto_ten_cores();
  options.host.cpu_millicores = 0;
  EXPECT_THAT(error_of(data, options), HasSubstr("0 millicores"));
  options = onto_ten_cores();
  options.host.memory_mib = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_of(data, options), HasSubstr("nan MiB"));
  options = onto_ten_cores();
  options.host.system_cpu_millicores = 10'001;
  EXPECT_THAT(error_of(data, options), HasSubstr("10001"));
  options = onto_ten_cores();
  options.host.system_memory_mib = -1;
  EXPECT_THAT(error_of(data, options), HasSubstr("-1"));
}

TEST(Pack, NamesAFillThatIsNone) {
  const auto data = test::data_of({asking(1'000, 1)});
  auto options = onto_ten_cores();
  options.cpu_fill_percent = 0;
  EXPECT_THAT(error_of(data, options), HasSubstr("CPU is filled to 0 %"));
  options = onto_ten_cores();
  options.memory_fill_percent = std::numeric_limits<double>::infinity();
  EXPECT_THAT(error_of(data, options), HasSubstr("memory is filled to inf %"));
}

TEST(Pack, WhereNothingCanBePlacedThatIsAnError) {
  EXPECT_THAT(error_of(Dataset{}, onto_ten_cores()), HasSubstr("no workload"));
  EXPECT_THAT(error_of(test::data_of({asking(11'000, 1)}), onto_ten_cores()), HasSubstr("none of 1 workloads"));
}

std::int64_t requested(const Dataset& data, const std::vector<std::uint32_t>& workloads) {
  std::int64_t sum = 0;
  for (const auto number : workloads)
    sum += static_cast<std::int64_t>(data.workloads[number].cpu_request[0]);
  return sum;
}

TEST(Pack, IsFirstFitDecreasing) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<Workload> workloads;
    for (std::size_t i = 0; i < 60; ++i) {
      workloads.push_back(
          asking(static_cast<float>(100 * (1 + random.below(60))), static_cast<float>(1'024 * random.below(40))));
    }
    const auto data = test::data_of(workloads);
    const auto world = packed(data, onto_ten_cores());
    std::vector<std::size_t> host_of(workloads.size());
    for (std::size_t host = 0; host < world.hosts.size(); ++host) {
      EXPECT_TRUE(std::is_sorted(world.hosts[host].begin(), world.hosts[host].end()));
      EXPECT_LE(requested(data, world.hosts[host]), 10'000);
      for (const auto number : world.hosts[host])
        host_of[number] = host;
    }
    // Nobody would have fitted onto an earlier host beside those there that are larger.
    for (std::uint32_t number = 0; number < workloads.size(); ++number) {
      for (std::size_t host = 0; host < host_of[number]; ++host) {
        float cpu = workloads[number].cpu_request[0];
        float memory = workloads[number].memory_request_mib[0];
        for (const auto other : world.hosts[host]) {
          if (workloads[other].cpu_request[0] < workloads[number].cpu_request[0]) continue;
          cpu += workloads[other].cpu_request[0];
          memory += workloads[other].memory_request_mib[0];
        }
        EXPECT_TRUE(cpu > 10'000 || memory > 102'400) << "round " << round << ", workload " << number;
      }
    }
  }
}

TEST(HostName, HasFourDigits) {
  EXPECT_EQ(host_name(7), "node-0007");
  EXPECT_EQ(host_name(12'345), "node-12345");
}

}  // namespace
}  // namespace tideline::planner::world_test
