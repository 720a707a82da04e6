#include "coordinator/planner_program/store_export.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/utc_text.h"
#include "storage/columns/archive.h"
#include "storage/files/files.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/export.h"
#include "storage/series/question.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::int64_t kUsualStoreStep = 300;
constexpr std::int64_t kMsOfSecond = 1'000;
/// Of a store that has no table yet: reports are kept for less.
constexpr std::int64_t kLongestReports = 366LL * 86'400;
constexpr const char* kCurrentFile = "CURRENT";  // every store of RocksDB has it
constexpr const char* kHistoryDirectory = "history";

/// A directory of its own, removed with what is in it.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> make() {
    std::error_code problem;
    const auto where = std::filesystem::temp_directory_path(problem);
    if (problem) return model::invalid(fmt::format("TMPDIR: {}", problem.message()));
    std::string path = (where / "tideline-planner-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      return model::Error(model::ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno)));
    }
    return ScratchDirectory(std::move(path));
  }
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// What there is of the range, so that nobody looks through years without anything.
series::ExportAsk ask_of(const rocks::RocksStore& store, const series::SeriesState& state, series::Tier tier,
                         const planner::DatasetRange& range) {
  std::int64_t newest_ms = 0;
  for (const auto& node : store.nodes())
    newest_ms = std::max(newest_ms, store.last_received(node).value_or(model::WallTime{}).ms);
  std::optional<std::int64_t> oldest_ms;
  for (const auto& of : state.tiers) {
    if (of.oldest) oldest_ms = std::min(oldest_ms.value_or(of.oldest->ms), of.oldest->ms);
    if (of.newest) newest_ms = std::max(newest_ms, of.newest->ms);
  }
  const std::int64_t first_s = oldest_ms ? *oldest_ms / kMsOfSecond : newest_ms / kMsOfSecond - kLongestReports;
  const std::int64_t last_s = std::max(first_s, newest_ms / kMsOfSecond + series::block_s(tier));
  const auto within = [&](std::int64_t time_s) {
    return model::WallTime{std::clamp(time_s, first_s, last_s) * kMsOfSecond};
  };
  return {.nodes = {}, .tier = tier, .from = within(range.from_s), .to = within(range.until_s), .pods = true};
}

}  // namespace

Result<std::string> store_in(const std::string& directory) {
  std::error_code none;
  for (const auto& place : {std::filesystem::path(directory), std::filesystem::path(directory) / kHistoryDirectory}) {
    if (std::filesystem::exists(place / kCurrentFile, none)) return place.string();
  }
  return model::invalid(fmt::format("{}: is a directory, and neither it nor {}/{} is a store of history", directory,
                                    directory, kHistoryDirectory));
}

Result<OpenArchive> export_of_store(const std::string& directory, planner::DatasetRange& range, Session& session) {
  const auto place = store_in(directory);
  if (!place) return place.error();
  if (range.step_s == 0) range.step_s = kUsualStoreStep;
  const auto tier = series::tier_for(range.step_s, series::Aggregate::kMean, {});
  if (!tier) {
    return model::invalid(fmt::format("--step: {} s is no multiple of the 10 s that history is kept by", range.step_s));
  }
  const auto store = rocks::RocksStore::open_read_only(*place);
  if (!store) return store.error();
  const auto state = (*store)->series_state();
  if (!state) return state.error().in(*place);

  const auto ask = ask_of(**store, *state, *tier, range);
  if (ask.from >= ask.to) {
    return model::invalid(fmt::format("{}: has no history in the range: what it has by {} begins or ends at {}", *place,
                                      series::name_of(*tier), planner::utc_text(ask.from.ms / kMsOfSecond)));
  }
  const auto scratch = ScratchDirectory::make();
  if (!scratch) return scratch.error();
  const auto path = scratch->path() + "/export.tla";
  auto file = files::AtomicFile::create(path);
  if (!file) return file.error();
  const auto nodes = static_cast<double>(std::max<std::size_t>((*store)->series_nodes().size(), 1));
  const auto progress = [&](std::size_t done) {
    session.meter.show("export", static_cast<double>(done) / nodes);
    return !session.stop.load();
  };
  const auto exported = series::write_archive(
      **store, ask, [&file](std::string_view bytes) { return file->write(bytes); }, progress);
  if (auto on = session.go_on(); !on) return on.error();
  if (!exported) return exported.error().in(*place);
  if (auto whole = file->commit(); !whole) return whole.error();
  return open_archive(path);
}

}  // namespace tideline::planner_program
