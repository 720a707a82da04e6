#include "coordinator/actor/prediction_keeper.h"

#include <map>
#include <string>

#include <gmock/gmock.h>

#include "storage/store/memory_store.h"
#include "test/coordinator/actor/broken_store.h"

namespace tideline::coordinator::prediction_keeper_test {
namespace {

using model::NodeName;
using profile::ProfileBook;

const fleet::Arrival kNow{{1'000'000'000'000'000}, {1'790'000'000'000}};

model::Report report(const std::string& node) {
  model::Report made;
  made.node = NodeName(node);
  return made;
}

/// A whole turn of all slices.
std::map<std::string, std::string> turn(PredictionKeeper& keeper, ProfileBook& book) {
  std::map<std::string, std::string> kept;
  for (std::size_t i = 0; i < ProfileBook::kSlices; ++i) {
    if (auto setting = keeper.next(book, kNow)) kept[setting->key] = setting->value;
  }
  return kept;
}

TEST(PredictionKeeper, WritesEachSliceThatHasNodesOnceATurn) {
  ProfileBook book;
  PredictionKeeper keeper(book);
  EXPECT_TRUE(turn(keeper, book).empty());
  book.take(report("n1"), kNow.mono);
  book.take(report("another"), kNow.mono);
  for (int i = 0; i < 2; ++i) {
    const auto kept = turn(keeper, book);
    EXPECT_EQ(kept.size(), 2u);
    EXPECT_TRUE(kept.contains(prediction_setting(ProfileBook::slice_of(NodeName("n1")))));
  }
}

TEST(PredictionKeeper, TakesAwayWhatIsStoredOfNodesThatAreForgotten) {
  ProfileBook book;
  book.take(report("n1"), kNow.mono);
  PredictionKeeper keeper(book);
  book.forget(NodeName("n1"));
  const auto kept = turn(keeper, book);
  EXPECT_THAT(kept, testing::ElementsAre(
                        testing::Pair(prediction_setting(ProfileBook::slice_of(NodeName("n1"))), std::string())));
  EXPECT_TRUE(turn(keeper, book).empty()) << "once";
}

TEST(PredictionKeeper, WhatWasKeptIsRememberedFromTheStore) {
  store::MemoryStore store;
  ProfileBook book;
  for (const auto* node : {"n1", "n2", "n3"})
    book.take(report(node), kNow.mono);
  PredictionKeeper keeper(book);
  for (const auto& [key, value] : turn(keeper, book))
    ASSERT_TRUE(store.put_setting(key, value).ok());
  auto remembered = remembered_predictions(store, kNow);
  ASSERT_TRUE(remembered.ok());
  EXPECT_EQ(remembered->size(), 3u);
  EXPECT_NE(remembered->node(NodeName("n2")), nullptr);
}

TEST(PredictionKeeper, ASliceThatDoesNotParseCostsItsOwnNodesOnly) {
  store::MemoryStore store;
  ProfileBook book;
  book.take(report("n1"), kNow.mono);
  book.take(report("n2"), kNow.mono);
  PredictionKeeper keeper(book);
  for (const auto& [key, value] : turn(keeper, book))
    ASSERT_TRUE(store.put_setting(key, value).ok());
  const auto slice = ProfileBook::slice_of(NodeName("n1"));
  ASSERT_NE(slice, ProfileBook::slice_of(NodeName("n2")));
  ASSERT_TRUE(store.put_setting(prediction_setting(slice), "rotten").ok());
  const auto remembered = remembered_predictions(store, kNow);
  ASSERT_TRUE(remembered.ok()) << "a start is not stopped by it";
  EXPECT_EQ(remembered->size(), 1u);
}

TEST(PredictionKeeper, AStoreThatCannotBeReadIsAnError) {
  const auto remembered = remembered_predictions(BrokenStore(), kNow);
  ASSERT_FALSE(remembered.ok());
  EXPECT_THAT(remembered.error().message(), testing::HasSubstr("what predictions rest on"));
}

}  // namespace
}  // namespace tideline::coordinator::prediction_keeper_test
