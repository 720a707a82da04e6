#include "coordinator/planner_program/recorded_services.h"

#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::planner_program {
namespace {

using testing::HasSubstr;

constexpr const char* kPods =
    R"({"type":"pods","pods":[{"uid":"web","qos":"LS"},{"uid":"job","qos":"BE"},{"uid":"own","qos":"SYSTEM"}]})";

void add(RecordedServices& services, const std::string& text) {
  const auto added = services.line(text);
  ASSERT_TRUE(added) << added.error().message();
}

/// A round of pods at that second of the monotonic clock; batch uses something else each time.
void add_round(RecordedServices& services, std::int64_t second, int cpu, std::int64_t window_ms = 1'000) {
  add(services,
      fmt::format(R"({{"type":"sample","sample":{{"at_ns":{},"window_ns":{},)"
                  R"("pods":[{{"uid":"web","cpu":{}}},{{"uid":"job","cpu":{}}},{{"uid":"own","cpu":{}}}]}}}})",
                  second * 1'000'000'000 + 3'000'000, window_ms * 1'000'000, cpu, 100 + second % 7 * 300,
                  50 + second % 3 * 900));
  add(services, R"({"type":"cpu"})");
}

TEST(RecordedServices, AreReadSecondBySecondWithoutBatch) {
  RecordedServices services(60);
  add(services, kPods);
  for (std::int64_t second = 1; second < 1'200; ++second)
    add_round(services, second, 1'000);
  const auto found = services.finish();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(services.rounds(), 1'199u);
  EXPECT_EQ(found->sigma, 0) << "what moves is batch, and the system";
  EXPECT_GE(found->service_seconds, 1'100u);
  EXPECT_FALSE(services.knows_shared());
}

TEST(RecordedServices, RoundsOfAnotherLengthSayNothingOfSeconds) {
  RecordedServices services(60);
  add(services, kPods);
  for (std::int64_t second = 0; second < 1'200; second += 5)
    add_round(services, second, 1'000, 5'000);
  EXPECT_EQ(services.rounds(), 0u);
  EXPECT_EQ(services.other_rounds(), 240u);
  EXPECT_FALSE(services.finish());
}

TEST(RecordedServices, LinesThatAreNoneAreCountedAndPassedOver) {
  RecordedServices services(60);
  add(services, "nonsense");
  add(services, "{}");
  EXPECT_EQ(services.bad_lines(), 2u);
  EXPECT_FALSE(services.first_bad().empty());
  const auto none = services.finish();
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("0 seconds of services"));
}

}  // namespace
}  // namespace tideline::planner_program
