#include "storage/rocks/salvage.h"

#include <cstdint>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>

#include "test/storage/history_program/small_store.h"
#include "test/storage/rocks/read_back.h"
#include "test/support/temp_dir.h"

namespace tideline::history_program {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Whether another process could open the store to write.
bool another_can_lock(const std::string& store) {
  const std::string path = store + "/LOCK";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int fd = ::open(path.c_str(), O_RDWR);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    ::_exit(fd >= 0 && ::fcntl(fd, F_SETLK, &lock) == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class SalvageCommand : public testing::Test {
 protected:
  SalvageCommand() { make_small_store(store_); }

  std::filesystem::path damage() {
    const auto file = largest_file(store_, ".sst");
    flip_byte(file, std::filesystem::file_size(file) / 4);
    return file;
  }

  test::TempDir dir_;
  const std::string data_ = dir_.str();
  const std::string store_ = data_ + "/history";
  test::TempDir elsewhere_;
  const std::string salvaged_ = elsewhere_.str() + "/salvaged";
};

TEST_F(SalvageCommand, MakesAStoreThatIsWholeAndSaysWhatItLacks) {
  const auto file = damage();
  ASSERT_EQ(run_with({"verify", data_}).code, kFailed);
  const auto before = rocks::bytes_of_files(store_);
  const auto ran = run_with({"salvage", "--from", data_, "--to", salvaged_});
  ASSERT_EQ(ran.code, kDone) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr(file.filename().string()), HasSubstr("\nKIND "),
                             HasSubstr(salvaged_ + "/history has what can be read of " + store_),
                             HasSubstr("without what is named above")));
  EXPECT_TRUE(rocks::bytes_of_files(store_) == before);
  const auto verified = run_with({"verify", salvaged_});
  EXPECT_EQ(verified.code, kDone) << verified.out;
  EXPECT_EQ(run_with({"state", salvaged_, "--json"}).json()["nodes"], 2);
}

TEST_F(SalvageCommand, TellsProgramsWhatIsLostByKind) {
  damage();
  const auto ran = run_with({"salvage", "--from", store_, "--to", salvaged_ + "/history", "--json"});
  ASSERT_EQ(ran.code, kDone) << ran.err;
  const auto json = ran.json();
  EXPECT_EQ(json["from"], store_);
  EXPECT_EQ(json["store"], salvaged_ + "/history");
  EXPECT_EQ(json["whole"], false);
  EXPECT_GT(json["rows"], 700);
  ASSERT_EQ(json["kinds"].size(), 13u);
  ASSERT_GT(json["lost"].size(), 0u);
  const auto& lost = json["lost"][0];
  std::uint64_t damaged = 0;
  for (const auto& kind : json["kinds"]) {
    if (kind["kind"] == lost["kind"]) damaged = kind["damaged"].get<std::uint64_t>();
  }
  EXPECT_GE(damaged, 1u) << json.dump();
  EXPECT_TRUE(lost.contains("fromWallMs") && lost.contains("untilWallMs") && lost.contains("rowsAtMost"));
  EXPECT_EQ(json["moreLost"], 0);
}

TEST_F(SalvageCommand, OfAStoreThatIsWholeIsAllOfIt) {
  const auto ran = run_with({"salvage", "--from", data_, "--to", salvaged_, "--json"});
  ASSERT_EQ(ran.code, kDone) << ran.err;
  EXPECT_EQ(ran.json()["whole"], true);
  const auto rows = [](const std::string& of) { return run_with({"verify", of, "--json"}).json()["rows"]; };
  EXPECT_EQ(rows(salvaged_), rows(data_));
}

TEST_F(SalvageCommand, KeepsOthersFromWritingToWhatItReads) {
  {
    const Holder holder(store_);
    const auto ran = run_with({"salvage", "--from", data_, "--to", salvaged_});
    EXPECT_EQ(ran.code, kFailed);
    EXPECT_THAT(ran.err, AllOf(HasSubstr(store_), HasSubstr("stop it first")));
    const auto made = rocks::salvage(store_, elsewhere_.str() + "/made");
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code(), model::ErrorCode::kUnavailable);
    EXPECT_THAT(made.error().message(), HasSubstr(store_));
  }
  EXPECT_TRUE(another_can_lock(store_));
  bool could = true;
  const auto made = rocks::salvage(store_, elsewhere_.str() + "/made", [&](const rocks::SalvageProgress&) {
    could = another_can_lock(store_);
    return true;
  });
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_FALSE(could);
  EXPECT_TRUE(another_can_lock(store_));
}

TEST_F(SalvageCommand, LiesOutsideOfWhatItReadsAndTakesNothingsPlace) {
  const auto inside = run_with({"salvage", "--from", data_, "--to", store_ + "/history"});
  EXPECT_EQ(inside.code, kFailed);
  EXPECT_THAT(inside.err, AllOf(HasSubstr("--to"), HasSubstr("want another place")));
  ASSERT_EQ(run_with({"salvage", "--from", data_, "--to", salvaged_}).code, kDone);
  const auto again = run_with({"salvage", "--from", data_, "--to", salvaged_});
  EXPECT_EQ(again.code, kFailed);
  EXPECT_THAT(again.err, HasSubstr(salvaged_ + "/history"));
}

TEST_F(SalvageCommand, OfASignalNothingStays) {
  EXPECT_EQ(run_with({"salvage", "--from", data_, "--to", salvaged_}, true).code, kFailed);
  EXPECT_FALSE(std::filesystem::exists(salvaged_));
}

TEST_F(SalvageCommand, NamesADirectoryWithoutAStore) {
  const auto ran = run_with({"salvage", "--from", elsewhere_.str(), "--to", salvaged_});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("--from"), HasSubstr("no store of history")));
  EXPECT_FALSE(std::filesystem::exists(salvaged_));
}

}  // namespace
}  // namespace tideline::history_program
