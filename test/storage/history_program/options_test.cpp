#include "storage/history_program/options.h"

#include <gmock/gmock.h>

namespace tideline::history_program {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr model::WallTime kNow{1'772'366'400'000};  // 2026-03-01T12:00:00Z

std::variant<Options, Leave> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "tideline-history");
  return parse_options(static_cast<int>(words.size()), words.data(), kNow);
}
Options good(std::vector<const char*> words) {
  auto parsed = parse(std::move(words));
  if (const auto* leave = std::get_if<Leave>(&parsed)) {
    ADD_FAILURE() << leave->err << leave->out;
    return {};
  }
  return std::get<Options>(parsed);
}

TEST(HistoryOptions, ExportIsOfAllNodesOfTheMinuteTierUntilNow) {
  const auto options = good({"export", "/data", "--since", "30d", "-o", "a.tla"});
  EXPECT_EQ(options.command, Command::kExport);
  EXPECT_EQ(options.directory, "/data");
  EXPECT_EQ(options.file, "a.tla");
  EXPECT_EQ(options.from.ms, kNow.ms - 30 * 86'400'000LL);
  EXPECT_EQ(options.until, kNow);
  EXPECT_EQ(options.tier, series::Tier::kMinute);
  EXPECT_THAT(options.nodes, IsEmpty());
  EXPECT_TRUE(options.pods);
  EXPECT_TRUE(options.quantiles);
  EXPECT_TRUE(options.events);
  EXPECT_FALSE(options.overwrite);
}

TEST(HistoryOptions, ExportTakesDaysNodesAndATier) {
  const auto options =
      good({"export", "--node", "a", "/data", "--since", "2026-02-01", "--until", "2026-02-02T06:00:00Z", "--node", "b",
            "--tier", "10s", "--no-pods", "--no-quantiles", "--no-events", "--force", "--output", "a.tla"});
  EXPECT_EQ(options.directory, "/data");
  EXPECT_EQ(options.from.ms, 1'769'904'000'000);
  EXPECT_EQ(options.until.ms, 1'770'012'000'000);
  EXPECT_THAT(options.nodes, ElementsAre("a", "b"));
  EXPECT_EQ(options.tier, series::Tier::kTenSeconds);
  EXPECT_FALSE(options.pods);
  EXPECT_FALSE(options.quantiles);
  EXPECT_FALSE(options.events);
  EXPECT_TRUE(options.overwrite);
}

TEST(HistoryOptions, BackupsTakeNumbers) {
  const auto backups = good({"backups", "/b", "--keep", "14", "--verify", "7", "--json"});
  EXPECT_EQ(backups.directory, "/b");
  EXPECT_EQ(backups.keep, 14u);
  EXPECT_EQ(backups.verify, 7u);
  EXPECT_TRUE(backups.json);
  const auto restore = good({"restore", "/b", "--id", "3", "--to", "/data"});
  EXPECT_EQ(restore.id, 3u);
  EXPECT_EQ(restore.to, "/data");
  EXPECT_FALSE(good({"restore", "/b", "--to", "/data"}).id);
}

TEST(HistoryOptions, SalvageGoesFromOneStoreToAnother) {
  const auto options = good({"salvage", "--from", "/data", "--to", "/srv/salvaged", "--json"});
  EXPECT_EQ(options.command, Command::kSalvage);
  EXPECT_EQ(options.directory, "/data");
  EXPECT_EQ(options.to, "/srv/salvaged");
  EXPECT_TRUE(options.json);
}

TEST(HistoryOptions, ImportHasItsStoreBehindInto) {
  const auto options = good({"import", "a.tla", "--into", "/data"});
  EXPECT_EQ(options.command, Command::kImport);
  EXPECT_EQ(options.file, "a.tla");
  EXPECT_EQ(options.directory, "/data");
}

TEST(HistoryOptions, NameWhatIsWrong) {
  const struct {
    std::vector<const char*> words;
    const char* named;
  } cases[] = {
      {{}, "subcommand"},
      {{"frobnicate"}, "\"frobnicate\" is no command"},
      {{"state"}, "DIR"},
      {{"state", "/a", "/b"}, "/b"},
      {{"verify", "/a", "--frob"}, "--frob"},
      {{"backup", "/a"}, "--to"},
      {{"backups"}, "BACKUPS"},
      {{"backups", "/b", "--keep", "0"}, "--keep 0: want a whole number from 1"},
      {{"backups", "/b", "--keep", "-1"}, "--keep -1"},
      {{"backups", "/b", "--verify", "4294967296"}, "--verify 4294967296: want a whole number from 1 to 4294967295"},
      {{"restore", "/b"}, "--to"},
      {{"restore", "/b", "--to", "/a", "--id", "1x"}, "--id 1x"},
      {{"salvage", "--from", "/a"}, "--to"},
      {{"salvage", "--to", "/a"}, "--from"},
      {{"export", "/a", "--since", "1d"}, "--output"},
      {{"export", "/a", "-o", "f"}, "--since"},
      {{"export", "/a", "-o", "f", "--since", "soon"}, "--since soon: want how long ago"},
      {{"export", "/a", "-o", "f", "--since", "1h", "--until", "2h"}, "is not before --until"},
      {{"export", "/a", "-o", "f", "--since", "1d", "--tier", "5m"}, "--tier 5m: want 10s, 1m or 15m"},
      {{"import", "a.tla"}, "--into"},
      {{"import", "--into", "/a"}, "FILE"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse(c.words);
    ASSERT_TRUE(std::holds_alternative<Leave>(parsed)) << c.named;
    const auto& leave = std::get<Leave>(parsed);
    EXPECT_EQ(leave.exit_code, kUsage) << c.named;
    EXPECT_THAT(leave.err, AllOf(HasSubstr("tideline-history: "), HasSubstr(c.named)));
  }
}

TEST(HistoryOptions, LetNothingThroughThatSteersTheTerminal) {
  for (const auto& words : {std::vector<const char*>{"\x1b[2J"},
                            {"state", "/a", "\x1b[2J"},
                            {"export", "/a", "-o", "f", "--since", "\x1b[2J"}}) {
    const auto parsed = parse(words);
    ASSERT_TRUE(std::holds_alternative<Leave>(parsed));
    EXPECT_THAT(std::get<Leave>(parsed).err, testing::Not(HasSubstr("\x1b")));
  }
}

TEST(HistoryOptions, HelpHasExamplesForEveryCommand) {
  for (const char* command :
       {"state", "verify", "backup", "backups", "restore", "salvage", "export", "import", "version"}) {
    const auto parsed = parse({command, "--help"});
    ASSERT_TRUE(std::holds_alternative<Leave>(parsed)) << command;
    EXPECT_EQ(std::get<Leave>(parsed).exit_code, kDone);
    EXPECT_THAT(std::get<Leave>(parsed).out, HasSubstr("Examples:\n  tideline-history ")) << command;
  }
  EXPECT_THAT(std::get<Leave>(parse({"--help"})).out, HasSubstr("Exit codes"));
  EXPECT_THAT(std::get<Leave>(parse({"--version"})).out, HasSubstr("tideline-history "));
}

}  // namespace
}  // namespace tideline::history_program
