#include "node-actor/decide/cpu_pick.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/asymmetric_host.h"
#include "test/node-actor/decide/cpu_hosts.h"

namespace tideline::decide::test::cpu_pick_test {
namespace {

CpuSet pick(const Topology& host, int count, const CpuSet& previous = {}, const CpuSet& bound = {}) {
  return pick_cpus(
      host, {.allowed = all_of(host) - bound, .previous = previous, .bound = bound, .beside = {}, .count = count});
}

TEST(CpuPick, TakesWholeCoresOfOneNode) {
  const auto host = host_of(kWorkedTopology);
  EXPECT_EQ(pick(host, 8).text(), "0-7");
  EXPECT_EQ(pick(host, 9).text(), "0-8");
  EXPECT_EQ(pick(host, 16).text(), "0-15");
  EXPECT_EQ(pick(host, 0).text(), "");
}

TEST(CpuPick, TakesAllThereIsWhenMoreIsAskedFor) {
  const auto host = host_of(kTinyHost);
  EXPECT_EQ(pick(host, 99).text(), "0-1");
  EXPECT_EQ(pick(host, -1).text(), "");
  EXPECT_EQ(pick_cpus(host, {.allowed = {7, 9}, .previous = {}, .bound = {}, .beside = {}, .count = 2}).text(), "");
  EXPECT_EQ(pick_cpus({}, {.allowed = {0}, .previous = {0}, .bound = {}, .beside = {}, .count = 1}).text(), "");
}

TEST(CpuPick, ALargeHostIsFilledCacheDomainByCacheDomain) {
  const auto host = host_of(kLargeHost);
  ASSERT_EQ(host.cpus.size(), 384U);
  for (const int domains : {1, 2, 5, 12}) {
    const auto chosen = pick(host, 16 * domains);
    EXPECT_EQ(spread(host, chosen, &Topology::Cpu::l3), domains);
    EXPECT_EQ(spread(host, chosen, &Topology::Cpu::numa), 1);
  }
}

TEST(CpuPick, KeepsAwayFromTheCacheDomainOfBoundCpus) {
  const auto host = host_of(kLargeHost);
  const auto bound = cpus("0-3");
  const auto chosen = pick(host, 170, {}, bound);
  EXPECT_EQ(chosen & cpus("0-15"), CpuSet{}) << "the other eleven domains of the node have room for 176";
  EXPECT_EQ(spread(host, chosen, &Topology::Cpu::numa), 1);
}

TEST(CpuPick, SiblingsOfBoundCpusAreTheLastResort) {
  const auto host = host_of(kWorkedTopology);
  const auto bound = cpus("0,2,4,6");
  EXPECT_EQ(siblings_of(host, bound).text(), "1,3,5,7");
  EXPECT_EQ(pick(host, 24, {}, bound) & cpus("1,3,5,7"), CpuSet{});
  EXPECT_EQ((pick(host, 25, {}, bound) & cpus("1,3,5,7")).size(), 1);
  const auto forced = cpus("1,3");
  EXPECT_EQ(pick(host, 2, forced, bound) & forced, CpuSet{}) << "previous or not";
}

TEST(CpuPick, KeepsThePreviousChoiceWhereverItLies) {
  const auto host = host_of(kWorkedTopology);
  const auto previous = cpus("18-21,30");
  EXPECT_EQ(pick(host, 5, previous), previous);
  EXPECT_EQ(pick(host, 6, previous).text(), "18-21,30-31") << "a core begun is completed first";
  EXPECT_EQ(pick(host, 8, previous).text(), "16-21,30-31") << "then its node grows";
  EXPECT_EQ(pick(host, 4, previous).text(), "18-21") << "a part of a core goes first";
  EXPECT_EQ(pick(host, 2, previous).text(), "18-19");
}

TEST(CpuPick, ShrinkingClearsTheDomainWithLeastOfTheWork) {
  const auto host = host_of(kLargeHost);
  const auto previous = cpus("0-9,16-19,200-203");
  EXPECT_EQ(pick(host, 14, previous).text(), "0-9,16-19") << "the other node first";
  EXPECT_EQ(pick(host, 10, previous).text(), "0-9");
}

TEST(CpuPick, ReplacesOnlyWhatIsNoLongerAllowed) {
  const auto host = host_of(kWorkedTopology);
  const auto next = pick(host, 8, cpus("0-7"), cpus("2-3"));
  EXPECT_TRUE(next.contains(cpus("0-1,4-7"))) << next.text();
  EXPECT_EQ(next.size(), 8);
}

TEST(CpuPick, GoesNearTheWorkThatIsThereAlready) {
  const auto host = host_of(kLargeHost);
  const auto chosen = pick_cpus(
      host, {.allowed = cpus("0-31,208-223"), .previous = {}, .bound = {}, .beside = cpus("224-227"), .count = 4});
  EXPECT_EQ(spread(host, chosen | cpus("224-227"), &Topology::Cpu::numa), 1) << chosen.text();
}

TEST(CpuPick, WholeCoresComeBeforePartsOfCores) {
  const auto host = host_of(kWorkedTopology);
  const auto of = [&](int count) {
    return pick_cpus(host, {.allowed = cpus("1,3-15"), .previous = {}, .bound = {}, .beside = {}, .count = count});
  };
  EXPECT_EQ(of(2).text(), "4-5") << "0 and 2 are reserved";
  EXPECT_EQ(of(1).text(), "1") << "one thread alone does not break up a core";
}

TEST(CpuPick, ACoreWithOneThreadOnlineIsWhole) {
  const auto host = without(host_of(kWorkedTopology), cpus("3,16-31"));
  EXPECT_EQ(pick(host, 3).text(), "0-2");
  EXPECT_EQ(pick(host, 1).text(), "2");
  EXPECT_EQ(pick(host, 99), all_of(host));
}

TEST(CpuPick, WithoutSmtEveryCpuIsACore) {
  const auto host = host_of(kNoSmtHost);
  EXPECT_EQ(pick(host, 4).text(), "0-3");
  EXPECT_EQ(pick(host, 4, {}, {0}).text(), "4-7");
}

TEST(CpuPickOnUnequalSockets, FillsTheRoomiestCacheDomainAndThenItsSocket) {
  const auto host = asymmetric_host();
  ASSERT_EQ(host.cpus.size(), 22U);
  ASSERT_EQ(host.packages, 2);
  ASSERT_EQ(host.l3_domains, 3);
  ASSERT_EQ(host.cores, 12);
  EXPECT_EQ(pick(host, 8).text(), "8-15") << "the other two have an offline CPU each";
  EXPECT_EQ(pick(host, 9).text(), "4,8-15") << "a core with one thread online is whole";
  EXPECT_EQ(pick(host, 10).text(), "0-1,8-15");
  EXPECT_EQ(pick(host, 15).text(), "0-4,6-15") << "the smaller socket stays whole";
  EXPECT_EQ(pick(host, 16).text(), "0-4,6-15,23");
  EXPECT_EQ(pick(host, 99), all_of(host));
}

TEST(CpuPickOnUnequalSockets, ShrinkingLeavesTheSmallerSocketFirst) {
  const auto host = asymmetric_host();
  EXPECT_EQ(pick(host, 15, cpus("0-4,6-15,23")).text(), "0-4,6-15");
  EXPECT_EQ(pick(host, 8, cpus("8-18")).text(), "8-15");
}

TEST(CpuPickOnUnequalSockets, ABoundCpuWhoseSiblingIsOfflineKeepsNobodyOffAnother) {
  const auto host = asymmetric_host();
  EXPECT_EQ(siblings_of(host, cpus("4,23")), CpuSet{});
  EXPECT_EQ(pick(host, 20, {}, cpus("4,23")), all_of(host) - cpus("4,23"));
  EXPECT_EQ(pick(host, 7, {}, {8}).text(), "0-4,6-7") << "the domain without bound CPUs";
  EXPECT_FALSE(pick(host, 20, {}, {8}).contains(9)) << "the sibling that is online comes last";
  EXPECT_TRUE(pick(host, 21, {}, {8}).contains(9));
}

TEST(CpuPickOnUnequalSockets, CpusThatAreOfflineAreNeverTaken) {
  const auto host = asymmetric_host();
  const auto chosen =
      pick_cpus(host, {.allowed = cpus("4-5,22-23"), .previous = cpus("5,22"), .bound = {}, .beside = {}, .count = 4});
  EXPECT_EQ(chosen.text(), "4,23");
}

}  // namespace
}  // namespace tideline::decide::test::cpu_pick_test
