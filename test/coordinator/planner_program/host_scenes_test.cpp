#include "coordinator/planner_program/host_scenes.h"

#include <atomic>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner_program/threads.h"
#include "test/coordinator/planner/history.h"
#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using testing::HasSubstr;

/// An export of three hosts, of which the second has a pod.
class HostNumbers : public testing::Test {
 protected:
  HostNumbers() {
    using planner::test::host_chunk;
    const planner::test::HistoryRows rows{.first = 0, .cpu = {1'000, 2'000}, .memory = {512, 512}};
    options_.files = {dir_.write(
        "fleet.tla",
        planner::test::history_archive_of({host_chunk("node-1", 8, 65'536, rows), host_chunk("node-2", 8, 65'536, rows),
                                           planner::test::pod_chunk("node-2", "uid-1", 1'000, rows),
                                           host_chunk("node-3", 8, 65'536, rows)}))};
  }

  /// Its number, or why there is none.
  std::string number_of(const std::string& text) {
    const auto scenes = HostScenes::open(options_, session_);
    if (!scenes) return scenes.error().message();
    const auto number = scenes->host_number(text);
    return number ? std::to_string(*number) : number.error().message();
  }

  test::TempDir dir_;
  Options options_;
  std::atomic<bool> stop_{false};
  Meter meter_;
  Session session_{stop_, meter_, parallel_on(1)};
};

// "node-0" is no host of these, and not the first of them either.
TEST_F(HostNumbers, OfARecordedFleetAreByTheNameThatItHasOrByTheNumberAlone) {
  EXPECT_EQ(number_of("node-2"), "1");
  EXPECT_EQ(number_of("2"), "2");
  EXPECT_THAT(number_of("node-0"), HasSubstr("--host node-0: want one of node-1 to node-3, or a number below 3"));
  EXPECT_THAT(number_of("node-0002"), HasSubstr("--host node-0002: want one of"));
  EXPECT_THAT(number_of("3"), HasSubstr("--host 3: want one of"));
}

TEST_F(HostNumbers, OfAPackedOneAreByANameThatIsMadeOfThem) {
  options_.placement = Placement::kPacked;
  EXPECT_EQ(number_of("node-0000"), "0");
  EXPECT_EQ(number_of("node-0"), "0");
  EXPECT_EQ(number_of("0"), "0");
  EXPECT_THAT(number_of("node-2"), HasSubstr("want one of node-0000 to node-0000"));
}

}  // namespace
}  // namespace tideline::planner_program
