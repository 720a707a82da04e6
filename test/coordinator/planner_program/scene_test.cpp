#include "coordinator/planner_program/scene.h"

#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::planner_program {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> notes_before(const Options& options, std::size_t recorded_hosts) {
  planner::Dataset data;
  data.steps = 1;
  data.all_hosts = recorded_hosts;
  return heading_of("Capacity", "none", options, data, nullptr, {}).notes_before;
}

TEST(Heading, SaysThatHostsOfTheCommandLineHaveNoPartInRecordedOnes) {
  Options options;
  options.files = {"november.tla"};
  EXPECT_THAT(notes_before(options, 3), IsEmpty()) << "nothing was said of hosts";
  options.pack.hosts = 30;
  EXPECT_THAT(notes_before(options, 3), ElementsAre(HasSubstr("with --placement packed they have")));
  EXPECT_THAT(notes_before(options, 0), IsEmpty()) << "a trace has no hosts of its own";
  options.placement = Placement::kPacked;
  EXPECT_THAT(notes_before(options, 3), IsEmpty());
  options.placement = Placement::kRecorded;
  options.pack.hosts = 0;
  options.pack.host.cpu_millicores = 96'000;
  EXPECT_THAT(notes_before(options, 3), ElementsAre(HasSubstr("--host-cpu")));
}

}  // namespace
}  // namespace tideline::planner_program
