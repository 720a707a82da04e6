#include "coordinator/actor/survey_desk.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "coordinator/fleet/fleet_view.h"

namespace tideline::coordinator::survey_desk_test {
namespace {

using model::NodeName;
using testing::ElementsAre;
using testing::Le;

/// A fleet of names, surveyed.
class Surveys : public testing::Test {
 protected:
  void come(const std::string& name) { ASSERT_TRUE(fleet_.connected(NodeName(name), {}).ok()); }
  void go(const std::string& name) {
    ASSERT_TRUE(fleet_.disconnected(NodeName(name), {}).ok());
    ASSERT_TRUE(fleet_.forget(NodeName(name)));
  }
  /// Puts the names that were met into found_[what], and `what` at the end of answered_.
  SurveyDesk::Survey survey(const std::string& what) {
    return {[this, what](const NodeName& after, std::size_t most) -> std::optional<NodeName> {
              const auto names = fleet_.names(after, most);
              slices_.push_back(names.size());
              auto& found = found_[what];
              for (const auto& name : names)
                found.push_back(name.str());
              return names.size() < most ? std::nullopt : std::optional(names.back());
            },
            [this, what] { answered_.push_back(what); }};
  }
  void come(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      come("n" + std::to_string(i));
  }

  fleet::FleetView fleet_;
  SurveyDesk desk_;
  std::map<std::string, std::vector<std::string>> found_;
  std::vector<std::string> answered_;
  std::vector<std::size_t> slices_;
};

TEST_F(Surveys, AFleetOfOneSliceIsAnsweredAtOnce) {
  desk_.begin(survey("nobody"));
  come(SurveyDesk::kSlice - 1);
  desk_.begin(survey("all"));
  EXPECT_EQ(desk_.open(), 0u);
  EXPECT_THAT(answered_, ElementsAre("nobody", "all"));
  EXPECT_EQ(found_["all"].size(), SurveyDesk::kSlice - 1);
  desk_.go_on();
  EXPECT_EQ(answered_.size(), 2u);
}

TEST_F(Surveys, TheOneThatHasWaitedLongestGoesOn) {
  come(3 * SurveyDesk::kSlice);
  desk_.begin(survey("first"));
  desk_.begin(survey("second"));
  EXPECT_EQ(desk_.open(), 2u);
  desk_.go_on();
  EXPECT_EQ(found_["first"].size(), 2 * SurveyDesk::kSlice);
  EXPECT_EQ(found_["second"].size(), SurveyDesk::kSlice);
  int rounds = 1;
  for (; desk_.open() > 0; ++rounds)
    desk_.go_on();
  EXPECT_EQ(rounds, 6) << "a whole slice may have been the last, or not";
  EXPECT_THAT(answered_, ElementsAre("first", "second"));
  EXPECT_THAT(slices_, testing::Each(Le(SurveyDesk::kSlice)));
}

TEST_F(Surveys, OnlySomeHoldPartsOfTheirAnswersAtATimeAndAllAreAnswered) {
  come(3 * SurveyDesk::kSlice);
  constexpr std::size_t kAsked = 3 * SurveyDesk::kMostOpen;
  std::vector<std::string> asked;
  for (std::size_t i = 0; i < kAsked; ++i) {
    asked.push_back("s" + std::to_string(100 + i));
    desk_.begin(survey(asked.back()));
  }
  EXPECT_EQ(found_.size(), SurveyDesk::kMostOpen);
  while (desk_.open() > 0) {
    desk_.go_on();
    EXPECT_LE(found_.size() - answered_.size(), SurveyDesk::kMostOpen);
  }
  EXPECT_EQ(answered_, asked) << "in their order";
  for (const auto& [what, names] : found_)
    EXPECT_EQ(names.size(), 3 * SurveyDesk::kSlice) << what;
}

TEST_F(Surveys, OnesThatWaitedAreAnsweredAlsoWhereTheFleetIsSmallByThen) {
  come(SurveyDesk::kSlice);
  for (std::size_t i = 0; i < SurveyDesk::kMostOpen + 2; ++i)
    desk_.begin(survey("s" + std::to_string(i)));
  EXPECT_THAT(answered_, testing::IsEmpty());
  go("n0");
  desk_.go_on();
  EXPECT_THAT(answered_, ElementsAre("s0", "s8", "s9"));
  while (desk_.open() > 0)
    desk_.go_on();
  EXPECT_EQ(answered_.size(), SurveyDesk::kMostOpen + 2);
}

TEST_F(Surveys, WhoIsThereAllTheTimeIsMetOnceWhoeverComesAndGoes) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    fleet_ = fleet::FleetView();
    found_.clear();
    come(5 * SurveyDesk::kSlice);
    std::set<std::string> stay;
    for (const auto& name : fleet_.names({}, SIZE_MAX))
      stay.insert(name.str());
    desk_.begin(survey("all"));
    for (int step = 0; desk_.open() > 0; ++step) {
      come("m" + std::to_string(step));
      come("z" + std::to_string(step));
      auto some = stay.begin();
      std::advance(some, static_cast<std::ptrdiff_t>(random() % stay.size()));
      go(*some);
      stay.erase(some);
      desk_.go_on();
    }
    auto met = found_["all"];
    EXPECT_TRUE(std::is_sorted(met.begin(), met.end()));
    EXPECT_EQ(std::adjacent_find(met.begin(), met.end()), met.end()) << "nobody twice";
    EXPECT_TRUE(std::includes(met.begin(), met.end(), stay.begin(), stay.end()));
  }
}

}  // namespace
}  // namespace tideline::coordinator::survey_desk_test
