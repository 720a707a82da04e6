#include "coordinator/actor/ledger_change.h"

#include <chrono>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "test/coordinator/actor/ledger_fixture.h"

namespace tideline::coordinator::ledger_change_test {
namespace {

using model::MilliCpu;
using model::ReclaimRule;
using std::chrono::seconds;

using LedgerChange = Ledger;

model::Reclaimed account_by(ReclaimRule rule, std::int64_t published) {
  model::Reclaimed account;
  account.data_age = seconds(3);
  account.cpu.rule = rule;
  account.cpu.published = MilliCpu(published);
  return account;
}

TEST_F(LedgerChange, ANodeIsToldWhatThereIsForBatchAlsoWhereThatIsNothing) {
  for (const auto rule : {ReclaimRule::kUsage, ReclaimRule::kMaxUsageRequest, ReclaimRule::kThresholdCap}) {
    const auto told = batch_account(account_by(rule, 700), now_);
    EXPECT_EQ(told.cpu, MilliCpu(700)) << model::name_of(rule);
    EXPECT_EQ(told.data_from, now_ + -model::Duration(seconds(3)));
  }
  EXPECT_EQ(batch_account(account_by(ReclaimRule::kUsage, 0), now_).cpu, MilliCpu(0));
  EXPECT_EQ(batch_account(account_by(ReclaimRule::kDeficit, 0), now_).cpu, MilliCpu(0));
}

TEST_F(LedgerChange, ANodeIsToldNothingOfAnAccountThatRestsOnNothing) {
  for (const auto rule :
       {ReclaimRule::kDisabled, ReclaimRule::kStale, ReclaimRule::kUnknownUsage, ReclaimRule::kBadAnnotation}) {
    EXPECT_EQ(batch_account(account_by(rule, 0), now_).cpu, std::nullopt) << model::name_of(rule);
  }
  auto never = account_by(ReclaimRule::kUsage, 700);
  never.data_age.reset();
  EXPECT_EQ(batch_account(never, now_).cpu, std::nullopt);
}

TEST_F(LedgerChange, MemoryIsToldBesideCpuAndEachByItsOwnRule) {
  auto account = account_by(ReclaimRule::kUsage, 700);
  account.memory.rule = ReclaimRule::kUsage;
  account.memory.published = model::Bytes(4096);
  EXPECT_EQ(batch_account(account, now_).memory, model::Bytes(4096));
  account.memory.rule = ReclaimRule::kDeficit;
  account.memory.published = model::Bytes(0);
  EXPECT_EQ(batch_account(account, now_).memory, model::Bytes(0)) << "there is none, and that is known";
  account.memory.rule = ReclaimRule::kUnknownUsage;
  const auto cpu_alone = batch_account(account, now_);
  EXPECT_EQ(cpu_alone.memory, std::nullopt);
  EXPECT_EQ(cpu_alone.cpu, MilliCpu(700));
  account.cpu.rule = ReclaimRule::kUnknownUsage;
  account.memory.rule = ReclaimRule::kThresholdCap;
  const auto memory_alone = batch_account(account, now_);
  EXPECT_EQ(memory_alone.cpu, std::nullopt);
  EXPECT_EQ(memory_alone.memory, model::Bytes(0));
  EXPECT_EQ(memory_alone.data_from, now_ + -model::Duration(seconds(3)));
}

TEST_F(LedgerChange, ADeficitOfTheLedgerIsTold) {
  report_now("n", 1, 9'000);
  const auto account = computed();
  ASSERT_EQ(account.cpu.rule, ReclaimRule::kDeficit);
  EXPECT_EQ(batch_account(account, now_).cpu, MilliCpu(0));
  now_ = now_ + std::chrono::minutes(3);
  EXPECT_EQ(batch_account(computed(), now_).cpu, std::nullopt) << "it is stale by now";
}

}  // namespace
}  // namespace tideline::coordinator::ledger_change_test
