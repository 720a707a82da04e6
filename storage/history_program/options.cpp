#include "storage/history_program/options.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <sstream>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "messages/model/quantity.h"
#include "messages/model/rfc3339.h"
#include "storage/history_program/text.h"

namespace tideline::history_program {
namespace {

using model::Result;

constexpr std::size_t kMostLineBytes = 2'000;
constexpr std::size_t kMostWordBytes = 80;
constexpr std::uint64_t kMostBackups = 1'000'000;

/// As they stand on the command line; "" = not given.
struct HistoryWords {
  std::string id;
  std::string verify;
  std::string keep;
  std::string since;
  std::string until = "now";
  std::string tier = "1m";
  bool no_pods = false;
  bool no_quantiles = false;
  bool no_events = false;
};

model::Error unfit_word(std::string_view option, std::string_view word, std::string_view want) {
  return model::invalid(fmt::format("{} {}: want {}", option, model::printable(word, kMostWordBytes), want));
}

template <class To>
Result<void> take_number(std::string_view option, const std::string& word, std::uint64_t most, std::optional<To>& to) {
  if (word.empty()) return {};
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  const auto [stop, problem] = std::from_chars(word.data(), end, number);
  if (problem != std::errc() || stop != end || number < 1 || number > most) {
    return unfit_word(option, word, fmt::format("a whole number from 1 to {}", most));
  }
  to = static_cast<To>(number);
  return {};
}

Result<model::WallTime> time_word(std::string_view option, const std::string& word, model::WallTime now) {
  constexpr std::size_t kDayBytes = 10;
  if (word == "now") return now;
  if (const auto at = model::parse_rfc3339(word)) return *at;
  if (word.size() == kDayBytes) {
    if (const auto day = model::parse_rfc3339(word + "T00:00:00Z")) return *day;
  }
  if (const auto ago = model::parse_duration(word)) return model::WallTime{now.ms - model::to_ms(*ago)};
  return unfit_word(option, word, "how long ago as 30d, RFC 3339 like 2026-03-01T12:00:00Z, or a day like 2026-03-01");
}

Result<void> take_range(const HistoryWords& words, model::WallTime now, Options& options) {
  const auto from = time_word("--since", words.since, now);
  if (!from) return from.error();
  const auto until = time_word("--until", words.until, now);
  if (!until) return until.error();
  if (*from >= *until) {
    return model::invalid(
        fmt::format("--since {} is not before --until {}", time_text(from->ms / 1000), time_text(until->ms / 1000)));
  }
  options.from = *from;
  options.until = *until;
  return {};
}

Result<void> check_words(const HistoryWords& words, model::WallTime now, Options& options) {
  constexpr std::uint64_t kMostId = std::numeric_limits<std::uint32_t>::max();
  if (auto good = take_number("--id", words.id, kMostId, options.id); !good) return good;
  if (auto good = take_number("--verify", words.verify, kMostId, options.verify); !good) return good;
  if (auto good = take_number("--keep", words.keep, kMostBackups, options.keep); !good) return good;
  if (options.command != Command::kExport) return {};
  if (auto good = take_range(words, now, options); !good) return good;
  const auto tier = series::tier_from(std::string_view(words.tier));
  if (!tier) return unfit_word("--tier", words.tier, "10s, 1m or 15m");
  options.tier = *tier;
  options.pods = !words.no_pods;
  options.quantiles = !words.no_quantiles;
  options.events = !words.no_events;
  return {};
}

/// CLI11 repeats what was typed in its messages.
std::string shown_lines(const std::string& text) {
  std::string shown;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    shown.append(model::printable(line, kMostLineBytes)).push_back('\n');
  return shown;
}

Leave misused(std::string_view message) {
  return {.exit_code = kUsage, .err = fmt::format("tideline-history: {}\n", model::printable(message, kMostLineBytes))};
}

class HistoryParser {
 public:
  HistoryParser() : app_("Care for the store of a coordinator's history.", "tideline-history") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "tideline-history " TIDELINE_VERSION);
    app_.footer(
        "DIR is the store's directory, or the coordinator's --data-dir, whose \"history\" is the store.\n"
        "state, verify and export only read, also beside a coordinator that has the store open: what it has written\n"
        "by then. Run as the user that owns the store, so that the coordinator can open what this makes.\n"
        "Exit codes: 0 done, 1 verify found damage, an input is wrong, a file cannot be read or written, or a signal\n"
        "came, 2 wrong usage. \"tideline-history COMMAND --help\" shows examples.");
    auto* state = add("state", "Tiers, how far reports are folded, and who has the store open", Command::kState,
                      {"tideline-history state /var/lib/tideline-coordinator"});
    add_store(*state);
    auto* verify = add("verify", "Read all of it, checksums and rows, and name what is damaged", Command::kVerify,
                       {"tideline-history verify /var/lib/tideline-coordinator",
                        "tideline-history verify /srv/restored/history --json"});
    add_store(*verify);
    add_backup_commands();
    add_salvage_command();
    add_archive_commands();
    add("version", "Version of this program", Command::kVersion, {"tideline-history version"});
  }

  std::variant<Options, Leave> parse(int argc, const char* const* argv, model::WallTime now) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (const std::string word = argc > 1 ? argv[1] : ""; error.get_exit_code() != 0 && is_unknown(word)) {
        return misused(fmt::format("\"{}\" is no command (\"tideline-history --help\" lists them)", word));
      }
      std::ostringstream out;
      std::ostringstream err;
      if (app_.exit(error, out, err) == 0) return Leave{.exit_code = kDone, .out = out.str()};
      return Leave{.exit_code = kUsage, .out = out.str(), .err = "tideline-history: " + shown_lines(err.str())};
    }
    if (auto good = check_words(words_, now, options_); !good) return misused(good.error().message());
    return std::move(options_);
  }

 private:
  bool is_unknown(const std::string& word) const {
    const auto is_named = [&](const CLI::App* sub) { return sub->get_name() == word; };
    return !word.empty() && word.front() != '-' && app_.get_subcommands(is_named).empty();
  }

  CLI::App* add(const char* name, const char* what, Command command, std::initializer_list<const char*> examples) {
    auto* sub = app_.add_subcommand(name, what);
    std::string footer = "Examples:\n";
    for (const char* example : examples)
      footer += fmt::format("  {}\n", example);
    sub->footer(footer);
    sub->callback([this, command] { options_.command = command; });
    if (command != Command::kVersion) sub->add_flag("--json", options_.json, "print JSON for programs");
    return sub;
  }

  void add_store(CLI::App& sub) {
    sub.add_option("DIR", options_.directory, "the store, or the coordinator's data directory")->required();
  }
  void add_backups(CLI::App& sub) {
    sub.add_option("BACKUPS", options_.directory, "the directory of backups")->required();
  }

  void add_backup_commands() {
    auto* backup = add("backup", "Copy the store to a directory of backups: what is new since the last one",
                       Command::kBackup, {"tideline-history backup /var/lib/tideline-coordinator --to /srv/backups"});
    add_store(*backup);
    backup->add_option("--to", options_.to, "the directory of backups; made where it is not there")->required();
    auto* backups = add("backups", "List the backups of a directory; check one; drop old ones", Command::kBackups,
                        {"tideline-history backups /srv/backups", "tideline-history backups /srv/backups --verify 7",
                         "tideline-history backups /srv/backups --keep 14"});
    add_backups(*backups);
    backups->add_option("--verify", words_.verify, "read all files of this backup; each one's size and checksum count");
    backups->add_option("--keep", words_.keep, "so many of the newest, and drop all others");
    auto* restore = add("restore", "Make a store of a backup", Command::kRestore,
                        {"tideline-history restore /srv/backups --to /var/lib/tideline-coordinator",
                         "tideline-history restore /srv/backups --id 7 --to /tmp/look"});
    add_backups(*restore);
    restore->add_option("--id", words_.id, "which; without: the newest");
    restore
        ->add_option("--to", options_.to,
                     "a data directory, in which \"history\" is made, or by that name the store itself; no store may "
                     "be there")
        ->required();
  }

  void add_salvage_command() {
    auto* salvage =
        add("salvage", "Make a store of what can be read of a damaged one, and name what is lost", Command::kSalvage,
            {"tideline-history salvage --from /var/lib/tideline-coordinator --to /srv/salvaged",
             "tideline-history salvage --from /srv/damaged --to /srv/salvaged --json"});
    salvage
        ->add_option("--from", options_.directory,
                     "the damaged store, or the coordinator's data directory; it stays as it is, and no coordinator "
                     "may have it open")
        ->required();
    salvage
        ->add_option("--to", options_.to,
                     "a data directory, in which \"history\" is made, or by that name the store itself; no store may "
                     "be there")
        ->required();
  }

  void add_archive_commands() {
    auto* exported =
        add("export", "Write a range of one tier, and its events, to an archive, which the planner reads, too",
            Command::kExport,
            {"tideline-history export /var/lib/tideline-coordinator --since 30d -o month.tla",
             "tideline-history export /srv/data --since 2026-03-01 --until 2026-03-08 --node web-1 "
             "--tier 10s -o week.tla"});
    add_store(*exported);
    exported->add_option("-o,--output", options_.file, "the archive to write")->required();
    exported->add_option("--since", words_.since, "begin: how long ago as 30d, RFC 3339, or a day")->required();
    exported->add_option("--until", words_.until, "end, not included; the same forms, or now")
        ->default_str(words_.until);
    exported->add_option("--node", options_.nodes, "this node, as often as needed; without: all")
        ->allow_extra_args(false);
    exported->add_option("--tier", words_.tier, "10s, 1m or 15m")->default_str(words_.tier);
    exported->add_flag("--no-pods", words_.no_pods, "nodes and workloads alone");
    exported->add_flag("--no-quantiles", words_.no_quantiles, "least, mean and most alone");
    exported->add_flag("--no-events", words_.no_events,
                       "series alone; with --no-quantiles as well older builds read the archive");
    exported->add_flag("--force", options_.overwrite, "write over an archive that is there");
    auto* imported = add("import", "Put what an export has into a store; what the store has already stays as it is",
                         Command::kImport, {"tideline-history import month.tla --into /var/lib/tideline-coordinator"});
    imported->add_option("FILE", options_.file, "what \"export\" wrote")->required();
    imported
        ->add_option("--into", options_.directory,
                     "the store, or a data directory, in which \"history\" is made where none is; no coordinator may "
                     "have it open")
        ->required();
  }

  Options options_;
  HistoryWords words_;
  CLI::App app_;
};

}  // namespace

std::variant<Options, Leave> parse_options(int argc, const char* const* argv, model::WallTime now) {
  return HistoryParser().parse(argc, argv, now);
}

}  // namespace tideline::history_program
