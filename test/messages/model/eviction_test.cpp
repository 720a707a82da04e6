#include "messages/model/eviction.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace tideline::model::eviction_test {
namespace {

using Answer = EvictionVerdict::Answer;

TEST(EvictionNames, EachAnswerAndEachReasonOfEvictionsHasItsOwn) {
  std::set<std::string_view> answers;
  for (int value = 0; value <= static_cast<int>(Answer::kEvicted); ++value) {
    const auto name = name_of(static_cast<Answer>(value));
    EXPECT_NE(name, "unknown") << value;
    EXPECT_TRUE(answers.insert(name).second) << name;
  }
  EXPECT_EQ(name_of(Answer::kUnderWay), "under-way");
  EXPECT_EQ(name_of(Answer::kEvicted), "evicted");
  std::set<std::string_view> reasons;
  for (int value = static_cast<int>(Reason::kEvictionGranted); value <= static_cast<int>(Reason::kNoKubernetes);
       ++value) {
    const auto name = name_of(static_cast<Reason>(value));
    EXPECT_NE(name, "unknown") << value;
    EXPECT_TRUE(reasons.insert(name).second) << name;
  }
  for (const auto* name : {"api-eviction", "api-evicted", "disruption-budget", "api-refused", "api-silent",
                           "not-evictable", "no-kubernetes"})
    EXPECT_TRUE(reasons.contains(name)) << name;
}

}  // namespace
}  // namespace tideline::model::eviction_test
