#include "storage/rocks/store_verify.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "storage/rocks/damage.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/log_check.h"
#include "storage/rocks/row_check.h"
#include "storage/rocks/row_walk.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kMaxFindings = 64;

struct WalkPlace {
  std::size_t family = 0;  // in families()
  std::string key;
};

std::optional<WalkPlace> parse_place(std::string_view text) {
  if (text.empty()) return WalkPlace{};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto all = families();
  const auto family =
      std::find_if(all.begin(), all.end(), [&](const Family& one) { return one.name == text.substr(0, colon); });
  auto key = bytes_of_hex(text.substr(colon + 1));
  if (family == all.end() || !key) return std::nullopt;
  return WalkPlace{static_cast<std::size_t>(family - all.begin()), *std::move(key)};
}

std::string place_text(std::size_t family, std::string_view key) {
  return fmt::format("{}:{}", families()[family].name, hex_of(key));
}

class VerifyWalk {
 public:
  VerifyWalk(Database& database, std::uint64_t bytes)
      : database_(database),
        check_(database, [this](const std::string& what) { found(place_of(family_, key_), what); }),
        most_(bytes) {}

  model::Result<series::VerifySlice> run(WalkPlace place) {
    if (place.family == 0 && place.key.empty()) {
      for (const series::Finding& finding : damaged_files(database_.directory()))
        found(finding.where, finding.what);
    }
    for (; place.family < families().size(); ++place.family, place.key.clear()) {
      if (auto walked = walk_family(place); !walked) return walked.error();
      if (!slice_.next.empty()) return slice_;
    }
    return slice_;
  }

 private:
  model::Result<void> walk_family(const WalkPlace& place) {
    const Family& family = families()[place.family];
    const bool counts_tables = family.name == kSeriesFamily;
    counted_.reset();
    is_counted_whole_ = place.key.empty();
    lacks_rows_ = false;
    const DamageWalk rows(database_, database_.*family.handle, check_.snapshot());
    const auto one = [&](std::string_view key, std::string_view value) {
      if (slice_.rows > 0 && slice_.bytes >= most_) {
        slice_.next = place_text(place.family, key);
        return false;
      }
      ++slice_.rows;
      slice_.bytes += key.size() + value.size();
      family_ = family.name;
      key_.assign(key);
      check_.check(family.name, key, value);
      if (counts_tables) count_table(key);
      return true;
    };
    const auto damage = [&](const UnreadableRows& unreadable) {
      found(place_of_gap(family.name, unreadable.after, unreadable.before.value_or(""), unreadable.why),
            unreadable.why);
      is_counted_whole_ = false;
      lacks_rows_ = true;
      return true;
    };
    if (auto walked = rows.walk(place.key, keys_end(), one, damage); !walked) return walked;
    if (counts_tables && slice_.next.empty()) end_count();
    return {};
  }

  void count_table(std::string_view key) {
    const auto block = block_head(key);
    if (!block) return;
    if (counted_ != block) {
      const bool is_first = !counted_.has_value();
      end_count();
      if (!is_first) is_counted_whole_ = !lacks_rows_;
      lacks_rows_ = false;
      counted_ = block;
      count_ = 0;
    }
    ++count_;
  }
  /// Of a block that was walked from its begin to its end.
  void end_count() {
    if (!counted_ || !is_counted_whole_) return;
    const std::string key = block_key(*counted_);
    rocksdb::ReadOptions options;
    options.snapshot = check_.snapshot();
    std::string value;
    const auto got = database_.db().Get(options, database_.block, key, &value);
    const auto said = got.ok() ? stored_block(value) : std::nullopt;
    if (said && said->tables == count_) return;
    // Retention gives whole files back, whatever a snapshot still has.
    std::string now;
    if (got.ok() && database_.db().Get({}, database_.block, key, &now).IsNotFound()) return;
    const std::string other = said ? std::to_string(said->tables) : "what does not parse";
    found(place_of(kBlockFamily, key), got.ok() ? fmt::format("it has {} tables, and not {}", count_, other)
                                                : "how many tables it has: " + got.ToString());
  }

  void found(const std::string& where, const std::string& what) {
    if (slice_.findings.size() >= kMaxFindings) {
      ++slice_.more_findings;
      return;
    }
    slice_.findings.push_back({.where = where, .what = what});
  }

  Database& database_;
  series::VerifySlice slice_;
  std::string_view family_;  // of the row at hand
  std::string key_;
  RowCheck check_;
  std::uint64_t most_;
  std::optional<BlockKey> counted_;
  bool is_counted_whole_ = false;
  bool lacks_rows_ = false;  // since the last row some could not be read
  std::uint64_t count_ = 0;
};

}  // namespace

std::vector<series::Finding> damaged_files(const std::string& directory) {
  std::vector<series::Finding> findings;
  if (const auto damaged = find_damaged_manifest(directory)) {
    findings.push_back(
        {.where = fmt::format("manifest, file {}/{} offset {}", directory, damaged->file, damaged->offset),
         .what = "damaged, and what it says from there on of the files cannot be read"});
  }
  if (const auto damaged = find_damaged_log(directory)) {
    findings.push_back({.where = fmt::format("log, file {}/{} offset {}", directory, damaged->file, damaged->offset),
                        .what = fmt::format("damaged, and what was written from there on, up to {}, cannot be read",
                                            damaged->last_file)});
  }
  return findings;
}

model::Result<series::VerifySlice> verify_slice(Database& database, const std::string& from, std::uint64_t bytes) {
  auto place = parse_place(from);
  if (!place) return model::invalid("a walk over history cannot begin at \"" + from.substr(0, 64) + "\"");
  return VerifyWalk(database, bytes).run(*std::move(place));
}

}  // namespace tideline::rocks
