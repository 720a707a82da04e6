#include "storage/rocks/rocks_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include <fcntl.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include "messages/codec/report_bytes.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/retention.h"
#include "storage/rocks/row_walk.h"
#include "storage/rocks/store_impl.h"
#include "storage/store/checks.h"

namespace tideline::rocks {
namespace {

std::string_view bytes_view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A report on its way: what is to be known of it in memory once it is written.
struct Arrival {
  model::NodeName node;
  std::int64_t at_ms = 0;
  bool is_late = false;
  bool has_events = false;
};

/// What is remembered of a node's numbers with those of an append.
struct ChangedIndex {
  store::NodeIndex index;
  bool has_stored = false;
  // Of one that had no report, and of which tables may be left:
  bool rested = false;
  std::optional<FoldRow> fold;
};

/// What there is of the node before an append.
model::Result<ChangedIndex> index_before(const StoreState& state, const model::NodeName& node) {
  ChangedIndex before;
  if (const auto known = state.indexes.find(node); known != state.indexes.end()) {
    before.index = known->second;
    return before;
  }
  auto index = state.resting_index(node);
  if (!index) return index.error();
  auto fold = state.fold_row(node);
  if (!fold) return fold.error();
  before.rested = index->has_value();
  if (*index) before.index = **std::move(index);
  before.fold = *fold;
  return before;
}

/// Reports of the node from before are late.
std::int64_t closed_until_of(const StoreState& state, const model::NodeName& node, const ChangedIndex& change) {
  const std::int64_t before = change.fold ? change.fold->folded_until_ms : 0;
  return std::max(before, state.desk.closed_until_ms(node));
}

/// The report and its events, and that it is late where its hour is folded.
Arrival put_report(const StoreState& state, rocksdb::WriteBatch& batch, const store::ReportView& incoming,
                   std::string_view bytes, std::int64_t closed_until_ms) {
  const model::Report& report = incoming.report;
  const auto corrected = [&](model::WallTime sender) {
    return store::corrected_wall(sender, incoming.clock_offset, incoming.received);
  };
  const model::WallTime at = corrected(report.wall);
  const std::string key = report_key(report, at);
  const Arrival arrival{report.node, at.ms, at.ms < closed_until_ms, !report.events.empty()};
  batch.Put(state.database->report, key, report_value(incoming, bytes));
  if (arrival.is_late) batch.Put(state.database->late, key, rocksdb::Slice());
  std::uint32_t index = 0;
  for (const model::Event& event : report.events)
    batch.Put(state.database->event, report_event_key(report, index++, corrected(event.at)), event_value(event));
  return arrival;
}

}  // namespace

RocksStore::RocksStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStore::~RocksStore() = default;

model::Result<std::unique_ptr<RocksStore>> RocksStore::Impl::store_of(std::unique_ptr<Database> database,
                                                                      bool keep_unfolded) {
  auto impl = std::make_unique<Impl>();
  StoreState& state = impl->state;
  state.database = std::move(database);
  state.keep_unfolded = keep_unfolded;
  state.pods.emplace(*state.database);
  if (auto loaded = state.load(); !loaded) return loaded.error().in("history " + state.database->directory());
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(impl)));
}

model::Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& directory, RocksOptions options) {
  auto database = Database::open(directory, options);
  if (!database) return database.error();
  return Impl::store_of(std::move(database).value(), options.series);
}

model::Result<std::unique_ptr<RocksStore>> RocksStore::open_read_only(const std::string& directory, ReadOnly how) {
  auto database = Database::open_read_only(directory, how);
  if (!database) return database.error();
  return Impl::store_of(std::move(database).value(), false);
}

bool RocksStore::is_held(const std::string& directory) {
  const int fd = ::open((directory + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  // As RocksDB locks it: the whole file.
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool is_known = ::fcntl(fd, F_GETLK, &lock) == 0;
  ::close(fd);
  return is_known && lock.l_type != F_UNLCK;
}

model::Result<std::vector<store::AppendOutcome>> RocksStore::append_views(std::span<const store::ReportView> reports) {
  using store::AppendOutcome;
  if (auto checked = store::check_append_size(reports.size(), store::kMaxAppendReports, "reports"); !checked) {
    return checked.error();
  }
  StoreState& state = impl_->state;
  if (auto writable = state.database->check_writable("appending reports"); !writable) return writable.error();
  const std::lock_guard writing(state.writer);
  std::vector<AppendOutcome> outcomes;
  outcomes.reserve(reports.size());
  rocksdb::WriteBatch batch;
  std::map<model::NodeName, ChangedIndex, KeyOrder> changed;
  std::vector<Arrival> arrivals;
  std::size_t new_nodes = 0;
  state.pods->begin();
  for (const store::ReportView& incoming : reports) {
    const model::NodeName& node = incoming.report.node;
    auto entry = changed.find(node);
    const bool is_new = entry == changed.end() && !state.indexes.contains(node);
    const bool is_full =
        state.indexes.size() + new_nodes >= store::kMaxNodes || state.event_nodes.size() >= kMostEventNodes;
    if (!store::storable(incoming.report) || (is_new && is_full)) {
      outcomes.push_back(AppendOutcome::kRefused);
      continue;
    }
    std::vector<std::byte> made;
    if (incoming.bytes.empty()) {
      auto bytes = codec::to_bytes(incoming.report);
      if (!bytes) {
        outcomes.push_back(AppendOutcome::kRefused);
        continue;
      }
      made = *std::move(bytes);
    }
    if (incoming.pods_left_out != 0 && made.empty() && !state.pods->put(batch, incoming)) {
      outcomes.push_back(AppendOutcome::kRefused);
      continue;
    }
    if (entry == changed.end()) {
      auto before = index_before(state, node);
      if (!before && before.error().code() != model::ErrorCode::kMalformed) return before.error();
      if (!before) {
        // What its tables are made of might count twice. A walk over the store names the row, and others go on.
        outcomes.push_back(AppendOutcome::kRefused);
        continue;
      }
      entry = changed.emplace(node, std::move(before).value()).first;
      new_nodes += is_new ? 1 : 0;
    }
    outcomes.push_back(entry->second.index.admit(incoming));
    if (outcomes.back() == AppendOutcome::kStored) {
      entry->second.has_stored = true;
      const auto bytes = made.empty() ? incoming.bytes : std::span<const std::byte>(made);
      arrivals.push_back(
          put_report(state, batch, incoming, bytes_view(bytes), closed_until_of(state, node, entry->second)));
    }
  }
  if (batch.Count() == 0) return outcomes;
  // A duplicate changes nothing, and does not bring back a node of which only tables are left.
  std::erase_if(changed, [](const auto& entry) { return !entry.second.has_stored; });
  for (const auto& [node, change] : changed) {
    batch.Put(state.database->dedup, node.str(), index_value(change.index));
    if (change.rested) batch.Delete(state.database->forgotten, node.str());
  }
  if (auto written = state.database->write(batch, "appending reports"); !written) return written.error();
  state.pods->written();

  const std::unique_lock lock(state.index_mutex);
  for (auto& [node, change] : changed) {
    state.indexes.insert_or_assign(node, std::move(change.index));
    if (change.fold && state.desk.find(node) == nullptr) {
      FoldState& fold = state.desk.of(node);
      fold.folded_until_ms = change.fold->folded_until_ms;
      fold.newest_s = change.fold->newest_s;
    }
  }
  for (const Arrival& arrival : arrivals) {
    state.desk.of(arrival.node).arrived(arrival.at_ms, arrival.is_late);
    // They may stay longer than the node's reports.
    if (arrival.has_events) state.event_nodes.insert(arrival.node);
  }
  return outcomes;
}

model::Result<void> RocksStore::append_events(std::span<const store::CoordinatorEvent> events) {
  if (auto checked = store::check_events(events); !checked) return checked;
  if (events.empty()) return {};
  StoreState& state = impl_->state;
  const std::lock_guard writing(state.writer);
  rocksdb::WriteBatch batch;
  std::uint64_t counter = state.event_counter;
  for (const auto& [node, event] : events)
    batch.Put(state.database->event, coordinator_event_key(node, counter++, event.at), event_value(event));
  batch.Put(state.database->meta, std::string(kEventCounterKey), encode_u64(counter));
  if (auto written = state.database->write(batch, "appending events"); !written) return written;
  state.event_counter = counter;
  const std::unique_lock lock(state.index_mutex);
  for (const auto& [node, event] : events)
    state.event_nodes.insert(node);
  return {};
}

model::Result<void> RocksStore::append_accounts(std::span<const model::AccountAt> accounts) {
  if (auto checked = store::check_accounts(accounts); !checked) return checked;
  if (accounts.empty()) return {};
  StoreState& state = impl_->state;
  const std::lock_guard writing(state.writer);
  rocksdb::WriteBatch batch;
  for (const auto& [at, account] : accounts)
    batch.Put(state.database->account, time_key(account.node, at), account_value(account));
  return state.database->write(batch, "appending accounts");
}

model::Result<store::DroppedSlice> RocksStore::drop_slice(const store::DropBefore& before, const model::NodeName& from,
                                                          std::size_t most) {
  if (auto writable = impl_->state.database->check_writable("dropping history"); !writable) return writable.error();
  return rocks::drop_slice(impl_->state, before, from, most);
}

model::Result<void> RocksStore::put_setting(std::string_view key, std::string_view value) {
  if (auto checked = store::check_setting(key, value); !checked) return checked;
  StoreState& state = impl_->state;
  const std::lock_guard writing(state.writer);
  rocksdb::WriteBatch batch;
  batch.Put(state.database->meta, setting_key(key), rocksdb::Slice(value.data(), value.size()));
  return state.database->write(batch, "writing a setting");
}

model::Result<std::optional<std::string>> RocksStore::setting(std::string_view key) const {
  return impl_->state.database->get_meta(setting_key(key));
}

std::vector<model::NodeName> RocksStore::nodes() const {
  const StoreState& state = impl_->state;
  const std::shared_lock lock(state.index_mutex);
  std::set<model::NodeName> names = state.event_nodes;
  names.erase(model::NodeName());
  for (const auto& [name, index] : state.indexes)
    names.insert(name);
  return {names.begin(), names.end()};
}

namespace {

std::optional<store::NodeIndex> active_index(const StoreState& state, const model::NodeName& node) {
  const std::shared_lock lock(state.index_mutex);
  const auto known = state.indexes.find(node);
  return known == state.indexes.end() ? std::nullopt : std::optional(known->second);
}

/// What is remembered of the node's numbers; nullopt: nothing, or the disk does not give it now.
std::optional<store::NodeIndex> known_index(const StoreState& state, const model::NodeName& node) {
  if (auto active = active_index(state, node)) return active;
  auto resting = state.resting_index(node);
  return resting ? std::move(resting).value() : std::nullopt;
}

}  // namespace

std::optional<model::WallTime> RocksStore::last_received(const model::NodeName& node) const {
  const auto index = known_index(impl_->state, node);
  return index ? std::optional(index->last_received) : std::nullopt;
}

model::Seq RocksStore::acked_through(const model::NodeName& node, model::Incarnation incarnation) const {
  const auto index = known_index(impl_->state, node);
  const store::RangeSet* seqs = index ? index->seqs(incarnation) : nullptr;
  return model::Seq(seqs ? seqs->prefix_end() : 0);
}

bool RocksStore::has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const {
  const auto index = known_index(impl_->state, node);
  const store::RangeSet* seqs = index ? index->seqs(incarnation) : nullptr;
  return seqs && seqs->contains(seq.value());
}

model::Duration RocksStore::longest_window(const model::NodeName& node) const {
  const StoreState& state = impl_->state;
  const std::shared_lock lock(state.index_mutex);
  const auto found = state.indexes.find(node);
  return found == state.indexes.end() ? model::Duration{0} : found->second.longest_window;
}

namespace {

/// Key and value of the node's last row before the key `end`; nullopt = there is none.
model::Result<std::optional<std::pair<std::string, std::string>>> last_row(
    Database& database, rocksdb::ColumnFamilyHandle* family, const model::NodeName& node, const std::string& end,
    const rocksdb::Snapshot* snapshot = nullptr) {
  using Found = std::optional<std::pair<std::string, std::string>>;
  BoundedRows rows(database, family, node_prefix(node), end, snapshot);
  rows->SeekToLast();
  if (rows->Valid()) return Found(std::in_place, rows->key().ToString(), rows->value().ToString());
  if (!rows->status().ok()) return database.error(rows->status(), "reading node " + node.str());
  return Found();
}

}  // namespace

model::Result<void> RocksStore::walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                             const ReportVisitor& visit) const {
  if (auto readable = impl_->state.database->check_readable("reading reports"); !readable) return readable;
  Database& database = *impl_->state.database;
  PodsReader pods(database);
  const auto one = [&](std::string_view key, std::string_view value) -> model::Result<bool> {
    auto stored = whole_report(key, value, pods);
    if (!stored) return stored.error();
    return visit(std::move(stored).value());
  };
  return walk(database, database.report, node, from, to, one, pods.snapshot());
}

namespace {

/// The rows of a walk, at most `limit`; `read` makes one of key and value.
template <class Row, class Read>
model::Result<store::Page<Row>> page_of(Database& database, rocksdb::ColumnFamilyHandle* family,
                                        const model::NodeName& node, model::WallTime from, model::WallTime to,
                                        std::size_t limit, const Read& read) {
  store::Page<Row> page;
  const auto add = [&](std::string_view key, std::string_view value) -> model::Result<bool> {
    page.truncated = page.rows.size() == limit;
    if (page.truncated) return false;
    auto stored = read(key, value);
    if (!stored) return stored.error();
    page.rows.push_back(std::move(stored).value());
    return true;
  };
  if (auto walked = walk(database, family, node, from, to, add); !walked) return walked.error();
  return page;
}

}  // namespace

model::Result<store::Page<store::StoredEvent>> RocksStore::events(const model::NodeName& node, model::WallTime from,
                                                                  model::WallTime to, std::size_t limit) const {
  if (auto readable = impl_->state.database->check_readable("reading events"); !readable) return readable.error();
  Database& database = *impl_->state.database;
  return page_of<store::StoredEvent>(database, database.event, node, from, to,
                                     store::page_limit(limit, store::kMaxEventRows), stored_event);
}

model::Result<store::Page<model::AccountAt>> RocksStore::accounts(const model::NodeName& node, model::WallTime from,
                                                                  model::WallTime to, std::size_t limit) const {
  if (auto readable = impl_->state.database->check_readable("reading accounts"); !readable) return readable.error();
  Database& database = *impl_->state.database;
  return page_of<model::AccountAt>(database, database.account, node, from, to,
                                   store::page_limit(limit, store::kMaxAccountRows), stored_account);
}

model::Result<std::optional<model::AccountAt>> RocksStore::last_account(const model::NodeName& node,
                                                                        model::WallTime at) const {
  if (auto readable = impl_->state.database->check_readable("reading accounts"); !readable) return readable.error();
  using Found = std::optional<model::AccountAt>;
  if (node.str().size() > store::kMaxNodeNameBytes || at.ms < 0) return Found();
  Database& database = *impl_->state.database;
  const auto last =
      last_row(database, database.account, node, at.ms == INT64_MAX ? node_end(node) : time_key(node, {at.ms + 1}));
  if (!last) return last.error();
  if (!*last) return Found();
  auto stored = stored_account((*last)->first, (*last)->second);
  if (!stored) return stored.error();
  return Found(std::move(stored).value());
}

model::Result<std::optional<store::StoredReport>> RocksStore::last_report(const model::NodeName& node) const {
  if (auto readable = impl_->state.database->check_readable("reading reports"); !readable) return readable.error();
  if (node.str().size() > store::kMaxNodeNameBytes) return std::optional<store::StoredReport>();
  Database& database = *impl_->state.database;
  PodsReader pods(database);
  const auto last = last_row(database, database.report, node, node_end(node), pods.snapshot());
  if (!last) return last.error();
  if (!*last) return std::optional<store::StoredReport>();
  auto stored = whole_report((*last)->first, (*last)->second, pods);
  if (!stored) return stored.error();
  return std::optional(std::move(stored).value());
}

store::StoreSize RocksStore::size() const {
  store::StoreSize size;
  Database& database = *impl_->state.database;
  for (const Family& family : families()) {
    rocksdb::ColumnFamilyHandle* handle = database.*family.handle;
    std::uint64_t bytes = 0;
    if (database.db().GetIntProperty(handle, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes))
      size.disk_bytes += bytes;
    if (database.db().GetIntProperty(handle, rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes)) {
      size.memory_bytes += bytes;
    }
  }
  return size;
}

}  // namespace tideline::rocks
