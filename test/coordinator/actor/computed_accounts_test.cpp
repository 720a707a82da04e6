#include "coordinator/actor/computed_accounts.h"

#include <chrono>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::coordinator::computed_accounts_test {
namespace {

using std::chrono::seconds;

model::Reclaimed account_of(const char* node, std::optional<model::Duration> data_age) {
  model::Reclaimed account;
  account.node = model::NodeName(node);
  account.data_age = data_age;
  return account;
}

TEST(ComputedAccounts, OneThatRestsOnNoReportIsToldOnlyWhereItDidBefore) {
  const std::vector<LedgerBook::Change> changes{
      {std::nullopt, account_of("new", seconds(3))},
      {std::nullopt, account_of("connected", std::nullopt)},
      {account_of("lost", seconds(3)), account_of("lost", std::nullopt)},
      {account_of("silent", std::nullopt), account_of("silent", std::nullopt)},
  };
  const auto computed = computed_accounts(changes);
  ASSERT_EQ(computed.size(), 2u);
  EXPECT_EQ(computed[0].account.node, model::NodeName("new"));
  EXPECT_EQ(computed[1].account.node, model::NodeName("lost")) << "what is published of it is to be withdrawn";
  EXPECT_TRUE(computed_accounts({}).empty());
}

TEST(ComputedAccounts, EachComesWithWhatItsPolicySaysOfPublishing) {
  LedgerBook::Change change{std::nullopt, account_of("n", seconds(3))};
  change.policy.resource_diff_threshold = 0.25;
  change.policy.update_time_threshold_seconds = 90;
  const auto computed = computed_accounts({change});
  ASSERT_EQ(computed.size(), 1u);
  EXPECT_EQ(computed[0].diff_threshold, 0.25);
  EXPECT_EQ(computed[0].update_threshold, model::Duration(seconds(90)));
}

}  // namespace
}  // namespace tideline::coordinator::computed_accounts_test
