#include <gmock/gmock.h>

#include "test/storage/history_program/small_store.h"
#include "test/support/temp_dir.h"

namespace tideline::history_program {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class BackupsTest : public testing::Test {
 protected:
  BackupsTest() { make_small_store(store_); }

  Ran back_up() { return run_with({"backup", data_, "--to", backups_, "--json"}); }

  test::TempDir dir_;
  const std::string data_ = dir_.str();
  const std::string store_ = data_ + "/history";
  test::TempDir elsewhere_;
  const std::string backups_ = elsewhere_.str() + "/backups";
  const std::string restored_ = elsewhere_.str() + "/restored";
};

TEST_F(BackupsTest, OfAStoreThatNobodyHasOpenCanBeRestored) {
  const auto first = back_up();
  ASSERT_EQ(first.code, kDone) << first.err;
  EXPECT_EQ(first.json()["id"], 1);
  EXPECT_GT(first.json()["bytes"], 0);
  ASSERT_EQ(back_up().code, kDone);
  const auto list = run_with({"backups", backups_, "--json"});
  ASSERT_EQ(list.code, kDone) << list.err;
  ASSERT_EQ(list.json()["backups"].size(), 2u);
  EXPECT_EQ(list.json()["backups"][1]["id"], 2);

  const auto restored = run_with({"restore", backups_, "--id", "1", "--to", restored_});
  ASSERT_EQ(restored.code, kDone) << restored.err;
  EXPECT_THAT(restored.out, AllOf(HasSubstr(restored_ + "/history is backup 1 of ")));
  const auto state = run_with({"state", restored_, "--json"});
  ASSERT_EQ(state.code, kDone) << state.err;
  EXPECT_EQ(state.json()["nodes"], 2);
  EXPECT_EQ(run_with({"verify", restored_}).code, kDone);
}

TEST_F(BackupsTest, OfAStoreThatIsHeldAreMadeOrLeftToTheCoordinator) {
  const Holder holder(store_);
  const auto ran = back_up();
  if (ran.code == kDone) {
    EXPECT_EQ(run_with({"backups", backups_, "--json"}).json()["backups"].size(), 1u);
    return;
  }
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_THAT(ran.err, AllOf(HasSubstr(store_), HasSubstr("\"tidectl history backup\"")));
}

TEST_F(BackupsTest, AreCheckedAndADamagedFileIsNamed) {
  ASSERT_EQ(back_up().code, kDone);
  const auto good = run_with({"backups", backups_, "--verify", "1"});
  EXPECT_EQ(good.code, kDone) << good.err;
  EXPECT_THAT(good.out, HasSubstr("backup 1 is whole\n"));
  const auto file = largest_file(backups_, ".sst");
  ASSERT_FALSE(file.empty());
  flip_byte(file, std::filesystem::file_size(file) / 2);
  const auto bad = run_with({"backups", backups_, "--verify", "1"});
  EXPECT_EQ(bad.code, kFailed);
  EXPECT_THAT(bad.err, HasSubstr(file.stem().string().substr(0, 6)));
  EXPECT_EQ(run_with({"backups", backups_, "--verify", "9"}).code, kFailed);
}

TEST_F(BackupsTest, AreDroppedButForTheNewest) {
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(back_up().code, kDone);
  const auto kept = run_with({"backups", backups_, "--keep", "1", "--json"});
  ASSERT_EQ(kept.code, kDone) << kept.err;
  EXPECT_EQ(kept.json()["dropped"], 2);
  ASSERT_EQ(kept.json()["backups"].size(), 1u);
  EXPECT_EQ(kept.json()["backups"][0]["id"], 3);
  EXPECT_EQ(run_with({"restore", backups_, "--to", restored_}).code, kDone);
}

TEST_F(BackupsTest, AreNotRestoredOverAStore) {
  ASSERT_EQ(back_up().code, kDone);
  ASSERT_EQ(run_with({"restore", backups_, "--to", restored_ + "/history"}).code, kDone);
  const auto again = run_with({"restore", backups_, "--to", restored_});
  EXPECT_EQ(again.code, kFailed);
  EXPECT_THAT(again.err, HasSubstr(restored_ + "/history"));
  const Holder holder(restored_ + "/history");
  EXPECT_THAT(run_with({"restore", backups_, "--to", restored_}).err, HasSubstr("a process has it open"));
}

TEST_F(BackupsTest, LieOutsideOfTheStore) {
  for (const std::string& place : {store_, store_ + "/backups", data_ + "/x/../history/b"}) {
    const auto ran = run_with({"backup", data_, "--to", place});
    EXPECT_EQ(ran.code, kFailed) << place;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("--to"), HasSubstr("want another place")));
  }
  ASSERT_EQ(back_up().code, kDone);
  const auto ran = run_with({"restore", backups_, "--to", backups_});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_FALSE(std::filesystem::exists(backups_ + "/history"));
}

TEST_F(BackupsTest, OfASignalNothingStays) {
  EXPECT_EQ(run_with({"backup", data_, "--to", backups_}, true).code, kFailed);
  EXPECT_FALSE(std::filesystem::exists(backups_));
  ASSERT_EQ(back_up().code, kDone);
  EXPECT_EQ(run_with({"restore", backups_, "--to", restored_}, true).code, kFailed);
  EXPECT_FALSE(std::filesystem::exists(restored_));
}

TEST_F(BackupsTest, ThatAreNotThereAreNamed) {
  for (const auto& words : {std::vector<std::string>{"backups", backups_},
                            {"restore", backups_, "--to", restored_},
                            {"backups", backups_, "--keep", "3"}}) {
    const auto ran = run_with(words);
    EXPECT_EQ(ran.code, kFailed) << words[0];
    EXPECT_THAT(ran.err, HasSubstr(backups_));
  }
  EXPECT_THAT(names_in(elsewhere_.path()), IsEmpty());
  ASSERT_EQ(back_up().code, kDone);
  const auto ran = run_with({"restore", backups_, "--id", "77", "--to", restored_});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_THAT(ran.err, HasSubstr("77"));
  EXPECT_FALSE(std::filesystem::exists(restored_));
}

}  // namespace
}  // namespace tideline::history_program
