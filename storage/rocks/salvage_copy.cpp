#include "storage/rocks/salvage_copy.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "storage/rocks/damage.h"
#include "storage/rocks/fold_desk.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"
#include "storage/rocks/store_verify.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kMostLosses = 10'000;  // that are named
constexpr std::size_t kSalvageBatchBytes = 4 << 20;
constexpr std::uint64_t kRowsBetweenAsking = 256;

rocksdb::Slice slice_of(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

/// What a key says of whose it is and of when.
struct KeySpan {
  model::NodeName node;
  std::optional<model::WallTime> at;
  std::optional<BlockKey> block;
};

std::optional<KeySpan> span_of(std::string_view family, std::string_view key) {
  KeySpan span;
  if (family == kSeriesFamily || family == kSketchFamily) {
    const auto table = stored_table_key(key);
    span.block = block_head(key);
    if (!table || !span.block) return std::nullopt;
    span.node = table->node;
    span.at = model::WallTime{span.block->block_s * 1000};
    return span;
  }
  if (family == kInfoFamily) {
    const auto info = stored_info_key(key);
    if (info) span.node = info->node;
    return info ? std::optional(span) : std::nullopt;
  }
  if (family == kMetaFamily || family == kBlockFamily) return std::nullopt;
  if (family == kDedupFamily || family == kFoldFamily || family == kForgottenFamily) {
    span.node = model::NodeName(std::string(key));
    return span;
  }
  const auto head = key_head(key);
  if (!head) return std::nullopt;
  span.node = head->node;
  span.at = head->at;
  return span;
}

/// By the numbers of the reports around a stretch of one node's.
std::optional<std::uint64_t> reports_between(std::string_view after, std::string_view before) {
  const auto first = stored_report_key(after);
  const auto last = stored_report_key(before);
  if (!first || !last || first->node != last->node || first->incarnation != last->incarnation ||
      last->seq <= first->seq) {
    return std::nullopt;
  }
  return last->seq.value() - first->seq.value() - 1;
}

}  // namespace

SalvageCopy::SalvageCopy(Database& from, Database& to, const Progress& progress)
    : from_(from), to_(to), progress_(progress), check_(from, [this](const std::string& what) {
        if (why_.empty()) why_ = what;
      }) {
  for (const Family& family : families()) {
    SalvagedKind& kind = result_.kinds.emplace_back();
    kind.name = family.name;
  }
}

model::Result<Salvaged> SalvageCopy::run() {
  if (auto on = go_on(true); !on) return on.error();
  for (const series::Finding& finding : damaged_files(from_.directory())) {
    SalvageLoss loss;
    loss.kind = finding.where.substr(0, finding.where.find(','));
    loss.where = finding.where;
    loss.what = finding.what;
    lose(std::move(loss));
  }
  struct Step {
    std::string_view family;
    Take take;
  };
  // What rows of others are looked up in comes before them.
  const std::array steps{
      Step{kMetaFamily, &SalvageCopy::take_setting},  Step{kDedupFamily, &SalvageCopy::take_row},
      Step{kForgottenFamily, &SalvageCopy::take_row}, Step{kEventFamily, &SalvageCopy::take_event},
      Step{kPodsFamily, &SalvageCopy::take_row},      Step{kReportFamily, &SalvageCopy::take_report},
      Step{kAccountFamily, &SalvageCopy::take_row},   Step{kBlockFamily, &SalvageCopy::take_count},
      Step{kSeriesFamily, &SalvageCopy::take_table},  Step{kSketchFamily, &SalvageCopy::take_sketches},
      Step{kInfoFamily, &SalvageCopy::take_info},     Step{kFoldFamily, &SalvageCopy::take_row},
      Step{kLateFamily, &SalvageCopy::take_mark}};
  for (const Step& step : steps) {
    if (auto copied = copy(step.family, step.take); !copied) return copied.error();
  }
  lose_tables();
  if (auto done = put_counts(); !done) return done.error();
  if (auto done = put_folds(); !done) return done.error();
  if (auto done = put_event_counter(); !done) return done.error();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const Family& family : families())
    handles.push_back(to_.*family.handle);
  const rocksdb::Status flushed = to_.db().Flush(rocksdb::FlushOptions(), handles);
  if (!flushed.ok()) return to_.error(flushed, "writing what was salvaged");
  for (const SalvagedKind& kind : result_.kinds)
    result_.rows += kind.rows;
  return std::move(result_);
}

model::Result<void> SalvageCopy::copy(std::string_view family, Take take) {
  const auto all = families();
  family_ = &*std::find_if(all.begin(), all.end(), [family](const Family& one) { return one.name == family; });
  kind_ = &kind_of(family);
  last_key_.clear();
  if (family == kReportFamily) pods_.emplace(to_);
  if (auto walked = walk_rows({}, keys_end(), take, {}); !walked) return walked;
  end_gaps({});
  if (family == kReportFamily) {
    if (auto ended = end_numbers(); !ended) return ended;
    // Of nodes without reports their events tell.
    while (!seen_in_events_.empty()) {
      const model::NodeName node = seen_in_events_.begin()->first;
      if (auto begun = begin_numbers(node); !begun) return begun;
      if (auto ended = end_numbers(); !ended) return ended;
    }
  }
  return write();
}

model::Result<void> SalvageCopy::walk_rows(const std::string& lower, const std::string& upper, Take take,
                                           const std::set<std::uint64_t>& without) {
  std::optional<model::Error> trouble;
  const DamageWalk rows(from_, from_.*family_->handle, nullptr, without);
  const auto walked = rows.walk(
      lower, upper,
      [&](std::string_view key, std::string_view value) {
        if (without.empty()) end_gaps(key);
        ++read_;
        result_.bytes += key.size() + value.size();
        auto taken = (this->*take)(key, value);
        if (taken) taken = go_on();
        if (!taken) trouble = taken.error();
        last_key_.assign(key);
        return !trouble;
      },
      [&](const UnreadableRows& unreadable) {
        const auto file = file_number_of(unreadable.why);
        // One that cannot be opened at all is met all the same.
        if (file && without.contains(*file)) return false;
        ++kind_->damaged;
        const std::size_t gap = gaps_.size();
        gaps_.push_back({.after = last_key_, .why = unreadable.why, .found = 0});
        auto asked = go_on(true);
        if (asked && file) {
          auto others = doubtful_files(*file);
          others.insert(without.begin(), without.end());
          const std::uint64_t before = read_;
          asked = walk_rows(unreadable.after + '\0', unreadable.before.value_or(upper), take, others);
          gaps_[gap].found = read_ - before;
        }
        if (!asked) trouble = asked.error();
        return !trouble;
      });
  if (trouble) return *trouble;
  return walked;
}

std::set<std::uint64_t> SalvageCopy::doubtful_files(std::uint64_t damaged) const {
  std::set<std::uint64_t> doubtful{damaged};
  const std::string_view name = family_->name;
  // A row of these is written once: whoever has it has it as it is.
  if (name == kReportFamily || name == kPodsFamily || name == kEventFamily || name == kAccountFamily) return doubtful;
  // Of others an older file may have a row as it was before, or one that was deleted since.
  rocksdb::ColumnFamilyMetaData family;
  from_.db().GetColumnFamilyMetaData(from_.*family_->handle, &family);
  std::vector<rocksdb::SstFileMetaData> files;
  for (const rocksdb::LevelMetaData& level : family.levels)
    files.insert(files.end(), level.files.begin(), level.files.end());
  const auto bad =
      std::find_if(files.begin(), files.end(), [damaged](const auto& file) { return file.file_number == damaged; });
  for (const rocksdb::SstFileMetaData& file : files) {
    if (bad == files.end() || file.smallest_seqno <= bad->largest_seqno) doubtful.insert(file.file_number);
  }
  return doubtful;
}

// Rows.

bool SalvageCopy::parses(std::string_view key, std::string_view value) {
  why_.clear();
  check_.check(family_->name, key, value);
  if (!why_.empty()) lose_row(key, why_);
  return why_.empty();
}

model::Result<void> SalvageCopy::take_row(std::string_view key, std::string_view value) {
  return parses(key, value) ? put(key, value) : model::Result<void>();
}

model::Result<void> SalvageCopy::take_setting(std::string_view key, std::string_view value) {
  // The new store has its own, and the counter is put once all events are known.
  if (key == kFormatKey || key == kUpgradeKey) return {};
  if (!parses(key, value)) return {};
  if (key != kEventCounterKey) return put(key, value);
  event_counter_ = decode_u64(value);
  return {};
}

model::Result<void> SalvageCopy::take_event(std::string_view key, std::string_view value) {
  if (!parses(key, value)) return {};
  if (auto kept = put(key, value); !kept) return kept;
  const auto event = stored_event_key(key);
  if (!event) return {};
  if (!event->of_report) {
    event_counter_ = std::max(event_counter_.value_or(0), event->number + 1);
    return {};
  }
  if (event_node_ != event->node) {
    event_node_ = event->node;
    event_node_is_known_ = false;
    for (auto* family : {to_.dedup, to_.forgotten}) {
      const auto there = made_value(family, event->node.str());
      if (!there) return there.error();
      event_node_is_known_ = event_node_is_known_ || there->has_value();
    }
  }
  if (!event_node_is_known_) see(seen_in_events_[event->node], event->incarnation, event->number, event->at);
  return {};
}

model::Result<void> SalvageCopy::take_report(std::string_view key, std::string_view value) {
  const auto stored = whole_report(key, value, *pods_);
  if (!stored) {
    lose_row(key, stored.error().message());
    return {};
  }
  const model::NodeName& node = stored->report.node;
  if (report_node_ != node) {
    if (auto ended = end_numbers(); !ended) return ended;
    if (auto begun = begin_numbers(node); !begun) return begun;
  }
  numbers_->add(*stored);
  return put(key, value);
}

model::Result<void> SalvageCopy::begin_numbers(const model::NodeName& node) {
  const auto value = made_value(to_.dedup, node.str());
  if (!value) return value.error();
  std::optional<store::NodeIndex> known;
  if (*value) {
    auto index = stored_index(**value);
    if (!index) return index.error();
    known = std::move(index).value();
  }
  SeenNumbers seen;
  if (auto in_events = seen_in_events_.extract(node)) seen = std::move(in_events.mapped());
  report_node_ = node;
  numbers_.emplace(std::move(known), std::move(seen));
  return {};
}

model::Result<void> SalvageCopy::end_numbers() {
  if (!numbers_) return {};
  const auto changed = numbers_->changed();
  numbers_.reset();
  if (!changed) return {};
  const auto there = made_value(to_.dedup, report_node_->str());
  if (!there) return there.error();
  SalvagedKind& kind = kind_of(kDedupFamily);
  ++kind.made;
  kind.rows += there->has_value() ? 0 : 1;
  batch_.Put(to_.dedup, report_node_->str(), index_value(*changed));
  return {};
}

model::Result<void> SalvageCopy::take_count(std::string_view key, std::string_view value) {
  if (!parses(key, value)) return {};
  const auto block = block_head(key);
  const auto count = stored_block(value);
  if (block && count) said_.insert_or_assign(*block, *count);
  return {};
}

model::Result<void> SalvageCopy::take_table(std::string_view key, std::string_view value) {
  const auto table_key_of_row = stored_table_key(key);
  if (!table_key_of_row) {
    lose_row(key, "its key does not parse");
    return {};
  }
  const auto table = stored_table(*table_key_of_row, value, {});
  if (!table) {
    lose_row(key, table.error().message());
    return {};
  }
  Newest& newest = newest_[table_key_of_row->node];
  newest.rows_s = std::max(newest.rows_s.value_or(0), table->times.back());
  newest.all_s = std::max(newest.all_s.value_or(0), table->times.back());
  if (const auto block = block_head(key)) {
    BlockCount& count = blocks_[*block];
    ++count.tables;
    count.bytes += value.size();
  }
  return put(key, value);
}

model::Result<void> SalvageCopy::take_sketches(std::string_view key, std::string_view value) {
  const auto chunk = made_value(to_.series, key);
  if (!chunk) return chunk.error();
  const auto table_key_of_row = stored_table_key(key);
  if (!*chunk && table_key_of_row) {
    ++kind_->left_out;
    return {};
  }
  if (!table_key_of_row) {
    lose_row(key, "its key does not parse");
    return {};
  }
  if (const auto table = stored_table(*table_key_of_row, **chunk, value); !table) {
    lose_row(key, table.error().message());
    return {};
  }
  if (const auto block = block_head(key)) blocks_[*block].bytes += value.size();
  return put(key, value);
}

model::Result<void> SalvageCopy::take_info(std::string_view key, std::string_view value) {
  if (!parses(key, value)) return {};
  const auto of = stored_info_key(key);
  const auto info = stored_info(key, value);
  if (of && info) {
    Newest& newest = newest_[of->node];
    newest.all_s = std::max(newest.all_s.value_or(0), info->last_s);
  }
  return put(key, value);
}

model::Result<void> SalvageCopy::take_mark(std::string_view key, std::string_view value) {
  if (!stored_report_key(key) || !value.empty()) {
    lose_row(key, "does not parse");
    return {};
  }
  const auto report = made_value(to_.report, key);
  if (!report) return report.error();
  if (*report) return put(key, value);
  ++kind_->left_out;
  return {};
}

// What is made anew.

model::Result<void> SalvageCopy::put_counts() {
  SalvagedKind& kind = kind_of(kBlockFamily);
  for (const auto& [block, count] : blocks_) {
    const auto said = said_.find(block);
    kind.made += said == said_.end() || said->second != count ? 1 : 0;
    ++kind.rows;
    batch_.Put(to_.block, block_key(block), block_value(count));
  }
  return write();
}

model::Result<void> SalvageCopy::put_folds() {
  SalvagedKind& kind = kind_of(kFoldFamily);
  for (const auto& [node, newest] : newest_) {
    const auto there = made_value(to_.fold, node.str());
    if (!there) return there.error();
    if (there->has_value()) continue;
    FoldRow row;
    row.newest_s = newest.all_s;
    // Each report that is folded has a row at its time: hours are folded whole, so this one is, and none behind it.
    if (newest.rows_s) row.folded_until_ms = series::floor_to(*newest.rows_s * 1000, kFoldHourMs) + kFoldHourMs;
    ++kind.made;
    ++kind.rows;
    batch_.Put(to_.fold, node.str(), fold_value(row));
  }
  return write();
}

model::Result<void> SalvageCopy::put_event_counter() {
  if (!event_counter_) return {};
  ++kind_of(kMetaFamily).rows;
  batch_.Put(to_.meta, slice_of(kEventCounterKey), encode_u64(*event_counter_));
  return write();
}

// What is lost.

SalvageLoss SalvageCopy::loss_between(std::string_view after, std::string_view before) const {
  SalvageLoss loss;
  loss.kind = std::string(family_->name);
  const auto first = span_of(family_->name, after);
  const auto last = span_of(family_->name, before);
  if (first && last && first->node == last->node && first->block == last->block) loss.node = first->node;
  // Keys of tables are by time, the others by node.
  const bool is_one_shelf = first && last && first->block && last->block && first->block->tier == last->block->tier &&
                            first->block->stay == last->block->stay;
  const bool is_one_node = first && last && !first->block && first->node == last->node;
  if ((is_one_shelf || is_one_node) && first->at && last->at) {
    const std::int64_t length_ms = last->block ? series::block_s(last->block->tier) * 1000 : 0;
    loss.from = *first->at;
    loss.until = model::WallTime{last->at->ms + length_ms};
  }
  if (family_->name == kReportFamily) loss.at_most = reports_between(after, before);
  return loss;
}

void SalvageCopy::end_gaps(std::string_view next) {
  bool is_counted = false;
  for (const Gap& gap : gaps_) {
    SalvageLoss loss = loss_between(gap.after, next);
    loss.where = place_of_gap(family_->name, gap.after, next, gap.why);
    loss.what = gap.why;
    // Of several before one row the first has the number of them all.
    if (is_counted) loss.at_most.reset();
    if (loss.at_most) *loss.at_most -= std::min(*loss.at_most, gap.found);
    is_counted = true;
    lose(std::move(loss));
  }
  gaps_.clear();
}

void SalvageCopy::lose_row(std::string_view key, const std::string& what) {
  ++kind_->damaged;
  SalvageLoss loss = loss_between(key, key);
  loss.where = place_of(family_->name, key);
  loss.what = what;
  loss.at_most = 1;
  lose(std::move(loss));
}

void SalvageCopy::lose_tables() {
  for (const auto& [block, said] : said_) {
    const auto found = blocks_.find(block);
    const std::uint64_t tables = found == blocks_.end() ? 0 : found->second.tables;
    if (tables >= said.tables) continue;
    SalvageLoss loss;
    loss.kind = std::string(kSeriesFamily);
    loss.where = fmt::format("{}, {}", kSeriesFamily, name_of(block));
    loss.what = fmt::format("of its {} tables {} are lost in all", said.tables, said.tables - tables);
    loss.from = model::WallTime{block.block_s * 1000};
    loss.until = model::WallTime{(block.block_s + series::block_s(block.tier)) * 1000};
    loss.at_most = said.tables - tables;
    lose(std::move(loss));
  }
}

void SalvageCopy::lose(SalvageLoss loss) {
  if (result_.losses.size() < kMostLosses) {
    result_.losses.push_back(std::move(loss));
  } else {
    ++result_.more_losses;
  }
}

// The new store.

SalvagedKind& SalvageCopy::kind_of(std::string_view family) {
  return *std::find_if(result_.kinds.begin(), result_.kinds.end(),
                       [family](const SalvagedKind& kind) { return kind.name == family; });
}

model::Result<void> SalvageCopy::put(std::string_view key, std::string_view value) {
  ++kind_->rows;
  batch_.Put(to_.*family_->handle, slice_of(key), slice_of(value));
  return batch_.GetDataSize() >= kSalvageBatchBytes ? write() : model::Result<void>();
}

model::Result<void> SalvageCopy::write() {
  if (batch_.Count() == 0) return {};
  auto written = to_.write(batch_, "writing what is salvaged");
  batch_.Clear();
  return written;
}

model::Result<std::optional<std::string>> SalvageCopy::made_value(rocksdb::ColumnFamilyHandle* family,
                                                                  std::string_view key) {
  std::string value;
  const auto got = to_.db().Get({}, family, slice_of(key), &value);
  if (got.IsNotFound()) return std::optional<std::string>();
  if (!got.ok()) return to_.error(got, "reading what is salvaged");
  return std::optional(std::move(value));
}

model::Result<void> SalvageCopy::go_on(bool now) {
  if (!now && read_ < asked_at_ + kRowsBetweenAsking) return {};
  asked_at_ = read_;
  if (!progress_) return {};
  SalvageProgress progress;
  progress.kind = family_ == nullptr ? std::string_view("files") : family_->name;
  progress.rows = read_;
  progress.bytes = result_.bytes;
  progress.losses = result_.losses.size() + result_.more_losses;
  if (progress_(progress)) return {};
  return model::Error(model::ErrorCode::kUnavailable, "salvage: ended before it was done; nothing of it stays");
}

}  // namespace tideline::rocks
