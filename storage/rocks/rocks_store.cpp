#include "storage/rocks/rocks_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

#include <fcntl.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include "messages/codec/report_bytes.h"
#include "storage/rocks/database.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/old_rows.h"
#include "storage/rocks/pods_family.h"
#include "storage/store/checks.h"
#include "storage/store/node_index.h"

namespace tideline::rocks {
namespace {

/// As keys are in order, which begin with the length of the name.
struct KeyOrder {
  bool operator()(const model::NodeName& a, const model::NodeName& b) const {
    return a.str().size() != b.str().size() ? a.str().size() < b.str().size() : a < b;
  }
};
using Indexes = std::map<model::NodeName, store::NodeIndex, KeyOrder>;

std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

std::string_view view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

struct RocksStore::Impl {
  std::unique_ptr<Database> database;
  std::mutex writer;  // held over each write call, so that index and disk change together
  mutable std::shared_mutex index_mutex;
  Indexes indexes;                        // the dedup family in memory
  std::set<model::NodeName> event_nodes;  // names in the event family
  std::uint64_t event_counter = 0;
  std::optional<PodsWriter> pods;

  model::Result<void> load();
  model::Result<void> load_event_nodes();
  void put(rocksdb::WriteBatch& batch, const store::ReportView& incoming, std::string_view bytes) const;
  struct DropWalk;
};

RocksStore::RocksStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStore::~RocksStore() = default;

model::Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& directory, RocksOptions options) {
  auto database = Database::open(directory, options);
  if (!database) return database.error();
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(database).value();
  impl->pods.emplace(*impl->database);
  if (auto loaded = impl->load(); !loaded) return loaded.error().in("history " + directory);
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(impl)));
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

model::Result<void> RocksStore::Impl::load() {
  const auto counter = database->get_meta(kEventCounterKey);
  if (!counter) return counter.error();
  if (counter->has_value()) {
    const auto value = decode_u64(**counter);
    if (!value) return model::Error(model::ErrorCode::kMalformed, "event counter does not parse");
    event_counter = *value;
  }
  const std::unique_ptr<rocksdb::Iterator> it(database->db().NewIterator({}, database->dedup));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const model::NodeName node{it->key().ToString()};
    auto index = stored_index(view(it->value()));
    if (!index) return index.error().in("node " + node.str());
    indexes.emplace(node, std::move(index).value());
  }
  if (!it->status().ok()) return database->error(it->status(), "reading sequence numbers");
  return load_event_nodes();
}

model::Result<void> RocksStore::Impl::load_event_nodes() {
  const std::unique_ptr<rocksdb::Iterator> it(database->db().NewIterator({}, database->event));
  for (it->SeekToFirst(); it->Valid();) {
    const auto head = key_head(view(it->key()));
    if (!head) {
      it->Next();
      continue;
    }
    event_nodes.insert(head->node);
    it->Seek(node_end(head->node));
  }
  if (!it->status().ok()) return database->error(it->status(), "looking for nodes with events");
  return {};
}

void RocksStore::Impl::put(rocksdb::WriteBatch& batch, const store::ReportView& incoming,
                           std::string_view bytes) const {
  const model::Report& report = incoming.report;
  const auto corrected = [&](model::WallTime sender) {
    return store::corrected_wall(sender, incoming.clock_offset, incoming.received);
  };
  batch.Put(database->report, report_key(report, corrected(report.wall)), report_value(incoming, bytes));
  std::uint32_t index = 0;
  for (const model::Event& event : report.events)
    batch.Put(database->event, report_event_key(report, index++, corrected(event.at)), event_value(event));
}

model::Result<std::vector<store::AppendOutcome>> RocksStore::append_views(std::span<const store::ReportView> reports) {
  using store::AppendOutcome;
  if (auto checked = store::check_append_size(reports.size(), store::kMaxAppendReports, "reports"); !checked) {
    return checked.error();
  }
  const std::lock_guard writing(impl_->writer);
  std::vector<AppendOutcome> outcomes;
  outcomes.reserve(reports.size());
  rocksdb::WriteBatch batch;
  Indexes changed;
  std::size_t new_nodes = 0;
  impl_->pods->begin();
  for (const store::ReportView& incoming : reports) {
    const model::NodeName& node = incoming.report.node;
    auto entry = changed.find(node);
    const auto known = impl_->indexes.find(node);
    const bool is_new = entry == changed.end() && known == impl_->indexes.end();
    if (!store::storable(incoming.report) || (is_new && impl_->indexes.size() + new_nodes >= store::kMaxNodes)) {
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
    if (incoming.pods_left_out != 0 && made.empty() && !impl_->pods->put(batch, incoming)) {
      outcomes.push_back(AppendOutcome::kRefused);
      continue;
    }
    if (entry == changed.end()) {
      entry = changed.emplace(node, is_new ? store::NodeIndex{} : known->second).first;
      new_nodes += is_new ? 1 : 0;
    }
    outcomes.push_back(entry->second.admit(incoming));
    if (outcomes.back() == AppendOutcome::kStored) {
      impl_->put(batch, incoming, view(made.empty() ? incoming.bytes : std::span<const std::byte>(made)));
    }
  }
  if (batch.Count() == 0) return outcomes;
  for (const auto& [node, index] : changed)
    batch.Put(impl_->database->dedup, node.str(), index_value(index));
  if (auto written = impl_->database->write(batch, "appending reports"); !written) return written.error();
  impl_->pods->written();

  const std::unique_lock lock(impl_->index_mutex);
  for (auto& [node, index] : changed)
    impl_->indexes.insert_or_assign(node, std::move(index));
  return outcomes;
}

model::Result<void> RocksStore::append_events(std::span<const store::CoordinatorEvent> events) {
  if (auto checked = store::check_events(events); !checked) return checked;
  if (events.empty()) return {};
  const std::lock_guard writing(impl_->writer);
  rocksdb::WriteBatch batch;
  std::uint64_t counter = impl_->event_counter;
  for (const auto& [node, event] : events)
    batch.Put(impl_->database->event, coordinator_event_key(node, counter++, event.at), event_value(event));
  batch.Put(impl_->database->meta, std::string(kEventCounterKey), encode_u64(counter));
  if (auto written = impl_->database->write(batch, "appending events"); !written) return written;
  impl_->event_counter = counter;
  const std::unique_lock lock(impl_->index_mutex);
  for (const auto& [node, event] : events)
    impl_->event_nodes.insert(node);
  return {};
}

model::Result<void> RocksStore::append_accounts(std::span<const model::AccountAt> accounts) {
  if (auto checked = store::check_accounts(accounts); !checked) return checked;
  if (accounts.empty()) return {};
  const std::lock_guard writing(impl_->writer);
  rocksdb::WriteBatch batch;
  for (const auto& [at, account] : accounts)
    batch.Put(impl_->database->account, time_key(account.node, at), account_value(account));
  return impl_->database->write(batch, "appending accounts");
}

/// One slice of retention: its nodes, what becomes of them, and the batch that does it.
struct RocksStore::Impl::DropWalk {
  DropWalk(Impl& impl, const model::NodeName& from, std::size_t rows)
      : reports(*impl.database, impl.database->report, from),
        pods(*impl.database, impl.database->pods, from),
        events(*impl.database, impl.database->event, from),
        accounts(*impl.database, impl.database->account, from),
        index(impl.indexes.lower_bound(from)),
        indexes_end(impl.indexes.end()),
        most(rows) {}

  std::optional<model::NodeName> next() const {
    std::optional<model::NodeName> first;
    const auto look = [&](const model::NodeName& node) {
      if (!first || KeyOrder()(node, *first)) first = node;
    };
    for (const auto* rows : {&reports, &pods, &events, &accounts}) {
      if (rows->node()) look(*rows->node());
    }
    if (index != indexes_end) look(index->first);
    return first;
  }

  /// Whether nothing of the node is left to drop.
  bool drop(Impl& impl, const model::NodeName& node, model::WallTime time, store::Dropped& dropped) {
    const auto of_reports = reports.drop(batch, node, time, most);
    // With the reports that leave them out: those that are left must find theirs.
    const auto pods_time = std::min(time, of_reports.oldest.value_or(time));
    if (pods.drop_all(batch, node, pods_time)) impl.pods->forget(node);
    const auto of_events = events.drop(batch, node, time, most);
    const auto of_accounts = accounts.drop(batch, node, time, most);
    dropped.reports += of_reports.dropped;
    dropped.events += of_events.dropped;
    dropped.accounts += of_accounts.dropped;
    if (!of_reports.done_until(time) || !of_events.done_until(time) || !of_accounts.done_until(time)) return false;
    if (!of_events.oldest) without_events.push_back(node);
    if (index == indexes_end || index->first != node) return true;
    if (!of_reports.oldest && !of_events.oldest && index->second.last_received < time) {
      forgotten.push_back(node);
      batch.Delete(impl.database->dedup, node.str());
    }
    ++index;
    return true;
  }

  model::Result<void> status() const {
    for (const auto* rows : {&reports, &pods, &events, &accounts}) {
      if (auto fine = rows->status(); !fine) return fine;
    }
    return {};
  }

  OldRows reports;
  OldRows pods;
  OldRows events;
  OldRows accounts;
  Indexes::const_iterator index;
  Indexes::const_iterator indexes_end;
  std::size_t most;  // rows that may still be dropped
  std::vector<model::NodeName> forgotten;
  std::vector<model::NodeName> without_events;
  rocksdb::WriteBatch batch;
};

model::Result<store::DroppedSlice> RocksStore::drop_slice(model::WallTime time, const model::NodeName& from,
                                                          std::size_t most) {
  const std::lock_guard writing(impl_->writer);
  Impl::DropWalk walk(*impl_, from, std::max<std::size_t>(most, 1));
  store::DroppedSlice slice;
  auto node = walk.next();
  for (std::size_t looks = walk.most; node && looks > 0; --looks) {
    if (!walk.drop(*impl_, *node, time, slice.dropped)) break;
    node = walk.next();
  }
  if (auto fine = walk.status(); !fine) return fine.error();
  slice.rest = std::move(node);
  slice.dropped.nodes = walk.forgotten.size();
  if (walk.batch.Count() != 0) {
    if (auto written = impl_->database->write(walk.batch, "dropping old history"); !written) return written.error();
  }
  const std::unique_lock lock(impl_->index_mutex);
  for (const auto& gone : walk.forgotten) {
    impl_->indexes.erase(gone);
    impl_->pods->forget(gone);
  }
  for (const auto& gone : walk.without_events)
    impl_->event_nodes.erase(gone);
  return slice;
}

model::Result<void> RocksStore::put_setting(std::string_view key, std::string_view value) {
  if (auto checked = store::check_setting(key, value); !checked) return checked;
  const std::lock_guard writing(impl_->writer);
  rocksdb::WriteBatch batch;
  batch.Put(impl_->database->meta, setting_key(key), rocksdb::Slice(value.data(), value.size()));
  return impl_->database->write(batch, "writing a setting");
}

model::Result<std::optional<std::string>> RocksStore::setting(std::string_view key) const {
  return impl_->database->get_meta(setting_key(key));
}

std::vector<model::NodeName> RocksStore::nodes() const {
  const std::shared_lock lock(impl_->index_mutex);
  std::set<model::NodeName> names = impl_->event_nodes;
  names.erase(model::NodeName());
  for (const auto& [name, index] : impl_->indexes)
    names.insert(name);
  return {names.begin(), names.end()};
}

std::optional<model::WallTime> RocksStore::last_received(const model::NodeName& node) const {
  const std::shared_lock lock(impl_->index_mutex);
  const auto found = impl_->indexes.find(node);
  return found == impl_->indexes.end() ? std::nullopt : std::optional(found->second.last_received);
}

model::Seq RocksStore::acked_through(const model::NodeName& node, model::Incarnation incarnation) const {
  const std::shared_lock lock(impl_->index_mutex);
  const auto found = impl_->indexes.find(node);
  const store::RangeSet* seqs = found == impl_->indexes.end() ? nullptr : found->second.seqs(incarnation);
  return model::Seq(seqs ? seqs->prefix_end() : 0);
}

bool RocksStore::has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const {
  const std::shared_lock lock(impl_->index_mutex);
  const auto found = impl_->indexes.find(node);
  const store::RangeSet* seqs = found == impl_->indexes.end() ? nullptr : found->second.seqs(incarnation);
  return seqs && seqs->contains(seq.value());
}

model::Duration RocksStore::longest_window(const model::NodeName& node) const {
  const std::shared_lock lock(impl_->index_mutex);
  const auto found = impl_->indexes.find(node);
  return found == impl_->indexes.end() ? model::Duration{0} : found->second.longest_window;
}

namespace {

/// Walks [from, to) of a node's rows; `visit` gets key and value and may end the walk with false or an error.
template <class Visit>
model::Result<void> walk(Database& database, rocksdb::ColumnFamilyHandle* family, const model::NodeName& node,
                         model::WallTime from, model::WallTime to, const Visit& visit,
                         const rocksdb::Snapshot* snapshot = nullptr) {
  if (node.str().size() > store::kMaxNodeNameBytes || from >= to) return {};
  const std::string begin = time_key(node, from);
  const std::string end = time_key(node, to);
  const rocksdb::Slice lower(begin);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions bounded;
  bounded.snapshot = snapshot;
  bounded.iterate_lower_bound = &lower;
  bounded.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(bounded, family));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const model::Result<bool> more = visit(view(it->key()), view(it->value()));
    if (!more) return more.error();
    if (!*more) return {};
  }
  if (!it->status().ok()) return database.error(it->status(), "reading node " + node.str());
  return {};
}

model::Result<store::StoredReport> whole_report(std::string_view key, std::string_view value, PodsReader& pods) {
  auto stored = stored_report(key, value, [&pods](const model::NodeName& node, model::WallTime at, std::uint64_t list) {
    return pods.find(node, at, list);
  });
  if (!stored && pods.trouble()) return *pods.trouble();
  return stored;
}

/// Key and value of the node's last row before the key `end`; nullopt = there is none.
model::Result<std::optional<std::pair<std::string, std::string>>> last_row(
    Database& database, rocksdb::ColumnFamilyHandle* family, const model::NodeName& node, const std::string& end,
    const rocksdb::Snapshot* snapshot = nullptr) {
  using Found = std::optional<std::pair<std::string, std::string>>;
  const std::string begin = node_prefix(node);
  const rocksdb::Slice lower(begin);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions bounded;
  bounded.snapshot = snapshot;
  bounded.iterate_lower_bound = &lower;
  bounded.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(bounded, family));
  it->SeekToLast();
  if (it->Valid()) return Found(std::in_place, it->key().ToString(), it->value().ToString());
  if (!it->status().ok()) return database.error(it->status(), "reading node " + node.str());
  return Found();
}

}  // namespace

model::Result<void> RocksStore::walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                             const ReportVisitor& visit) const {
  PodsReader pods(*impl_->database);
  const auto one = [&](std::string_view key, std::string_view value) -> model::Result<bool> {
    auto stored = whole_report(key, value, pods);
    if (!stored) return stored.error();
    return visit(std::move(stored).value());
  };
  return walk(*impl_->database, impl_->database->report, node, from, to, one, pods.snapshot());
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
  return page_of<store::StoredEvent>(*impl_->database, impl_->database->event, node, from, to,
                                     store::page_limit(limit, store::kMaxEventRows), stored_event);
}

model::Result<store::Page<model::AccountAt>> RocksStore::accounts(const model::NodeName& node, model::WallTime from,
                                                                  model::WallTime to, std::size_t limit) const {
  return page_of<model::AccountAt>(*impl_->database, impl_->database->account, node, from, to,
                                   store::page_limit(limit, store::kMaxAccountRows), stored_account);
}

model::Result<std::optional<model::AccountAt>> RocksStore::last_account(const model::NodeName& node,
                                                                        model::WallTime at) const {
  using Found = std::optional<model::AccountAt>;
  if (node.str().size() > store::kMaxNodeNameBytes || at.ms < 0) return Found();
  const auto last = last_row(*impl_->database, impl_->database->account, node,
                             at.ms == INT64_MAX ? node_end(node) : time_key(node, {at.ms + 1}));
  if (!last) return last.error();
  if (!*last) return Found();
  auto stored = stored_account((*last)->first, (*last)->second);
  if (!stored) return stored.error();
  return Found(std::move(stored).value());
}

model::Result<std::optional<store::StoredReport>> RocksStore::last_report(const model::NodeName& node) const {
  if (node.str().size() > store::kMaxNodeNameBytes) return std::optional<store::StoredReport>();
  PodsReader pods(*impl_->database);
  const auto last = last_row(*impl_->database, impl_->database->report, node, node_end(node), pods.snapshot());
  if (!last) return last.error();
  if (!*last) return std::optional<store::StoredReport>();
  auto stored = whole_report((*last)->first, (*last)->second, pods);
  if (!stored) return stored.error();
  return std::optional(std::move(stored).value());
}

store::StoreSize RocksStore::size() const {
  store::StoreSize size;
  auto& database = *impl_->database;
  for (auto* family :
       {database.meta, database.report, database.pods, database.event, database.dedup, database.account}) {
    std::uint64_t bytes = 0;
    if (database.db().GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes))
      size.disk_bytes += bytes;
    if (database.db().GetIntProperty(family, rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes)) {
      size.memory_bytes += bytes;
    }
  }
  return size;
}

}  // namespace tideline::rocks
