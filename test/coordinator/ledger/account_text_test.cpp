#include "coordinator/ledger/account_text.h"

#include <cstddef>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/reclaim/amounts.h"

namespace tideline::ledger {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::Reclaimed;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Each of which differs from the account in one thing alone.
std::vector<Reclaimed> variants(const Reclaimed& account) {
  std::vector<Reclaimed> all;
  const auto with = [&](const auto& change) {
    Reclaimed other = account;
    change(other);
    all.push_back(other);
  };
  const auto of_terms = [&with](auto terms) {
    using Terms = std::remove_reference_t<decltype(std::declval<Reclaimed&>().*terms)>;
    using Unit = decltype(Terms::capacity);
    for (const auto amount : reclaim::kAmounts<Unit>)
      with([&](Reclaimed& other) { (other.*terms).*amount = Unit(77); });
    with([&](Reclaimed& other) { (other.*terms).rule = model::ReclaimRule::kDeficit; });
    with([&](Reclaimed& other) { (other.*terms).mid_rule = model::ReclaimRule::kStatic; });
    with([&](Reclaimed& other) { (other.*terms).used = Unit(0); });
    with([&](Reclaimed& other) { (other.*terms).shortfall = model::Shortfall<Unit>{Unit(1), Unit(0)}; });
    with([&](Reclaimed& other) { (other.*terms).shortfall = model::Shortfall<Unit>{Unit(0), Unit(1)}; });
  };
  of_terms(&Reclaimed::cpu);
  of_terms(&Reclaimed::memory);
  with([](Reclaimed& other) { other.node = model::NodeName("n2"); });
  with([](Reclaimed& other) { other.policy = model::PolicyVersion(4); });
  with([](Reclaimed& other) { other.data_age = model::Duration(1); });
  with([](Reclaimed& other) { other.zones.clear(); });
  const auto of_zone = [&with](auto terms) {
    using Terms = std::remove_reference_t<decltype(std::declval<model::ZoneAccount&>().*terms)>;
    using Unit = decltype(Terms::capacity);
    with([&](Reclaimed& other) { (other.zones[0].*terms).capacity = Unit(9); });
    with([&](Reclaimed& other) { (other.zones[0].*terms).margin = Unit(9); });
    with([&](Reclaimed& other) { (other.zones[0].*terms).charged = Unit(0); });
    with([&](Reclaimed& other) { (other.zones[0].*terms).be_used = Unit(0); });
    with([&](Reclaimed& other) { (other.zones[0].*terms).offered = Unit(9); });
  };
  of_zone(&model::ZoneAccount::cpu);
  of_zone(&model::ZoneAccount::memory);
  with([](Reclaimed& other) { other.zones[0].id = 3; });
  return all;
}

Reclaimed some_account() {
  Reclaimed account;
  account.node = model::NodeName("n1");
  account.zones.resize(1);
  return account;
}

TEST(AccountText, HasEveryTermOfAnAccount) {
  const Reclaimed account = some_account();
  std::set<std::string> texts{text_of(account_json(account))};
  const auto others = variants(account);
  ASSERT_THAT(others, SizeIs(2 * (reclaim::kAmounts<MilliCpu>.size() + 5) + 4 + 2 * 5 + 1));
  for (std::size_t i = 0; i < others.size(); ++i) {
    ASSERT_NE(others[i], account) << i;
    EXPECT_TRUE(texts.insert(text_of(account_json(others[i]))).second) << "variant " << i << " looks like another";
    EXPECT_THAT(differences(account_json(account), account_json(others[i]), 5), SizeIs(1)) << i;
  }
  EXPECT_EQ(text_of(account_json(account)), text_of(account_json(some_account())));
}

TEST(Differences, AreNamedByTheirPlace) {
  const Reclaimed account = some_account();
  Reclaimed other = account;
  other.cpu.published = MilliCpu(5);
  other.memory.used = Bytes(7);
  other.zones[0].memory.offered = Bytes(9);
  other.zones[0].id = 1;
  const auto recorded = account_json(account);
  const auto computed = account_json(other);
  EXPECT_THAT(differences(recorded, computed, 10),
              ElementsAre("cpu.published: recorded 0, computed 5", "memory.used: recorded null, computed 7",
                          "zones.0.id: recorded 0, computed 1", "zones.0.memory.offered: recorded 0, computed 9"));
  EXPECT_THAT(differences(recorded, computed, 2), SizeIs(2));
  EXPECT_THAT(differences(recorded, recorded, 2), IsEmpty());
}

TEST(Differences, OfOtherShapesAreNamed) {
  const auto json = [](const char* text) { return nlohmann::json::parse(text); };
  EXPECT_THAT(differences(json(R"({"a":1,"b":{"c":[1,2]}})"), json(R"({"b":{"c":[1]},"d":0})"), 10),
              ElementsAre("a: recorded 1, computed nothing", "b.c: recorded [1,2], computed [1]",
                          "d: recorded nothing, computed 0"));
}

}  // namespace
}  // namespace tideline::ledger
