#pragma once
// History in RocksDB. Keys and values on disk are documented in layout.h; RocksDB's headers stay inside this room.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/series/series_store.h"
#include "storage/series/store_care.h"
#include "storage/store/history_store.h"

namespace tideline::rocks {

struct RocksOptions {
  std::size_t block_cache_bytes = 16u << 20;
  std::size_t write_buffer_bytes = 8u << 20;  // per column family, at most two; twice that for reports, an eighth for
                                              // what says how far nodes are folded; all together 4 times that
  int background_threads = 2;                 // flushes and compactions together
  /// Reports are folded into tables: then drop_slice() leaves those that no table has yet, however old.
  bool series = false;
};

enum class ReadOnly : std::uint8_t {
  kWhole,      // for what is read to be all that there is
  kForVerify,  // for verify_slice() alone: what else would read is kUnsupported
};

class RocksStore final : public store::HistoryStore, public series::SeriesStore, public series::StoreCare {
 public:
  /// Opens or creates the store in `directory` (its parent must exist). Errors, each naming the directory:
  /// kUnavailable (another process holds it), kUnsupported (a format version this build does not know; both are named),
  /// kMalformed (damaged; also where a log or the manifest is damaged, behind which more was written),
  /// kPermissionDenied, kNotFound.
  static model::Result<std::unique_ptr<RocksStore>> open(const std::string& directory, RocksOptions options = {});
  /// As it is now, beside a process that has it open, which goes on: what that writes from then on is not seen. What
  /// would write is kUnsupported. A store of an older format is refused by name: open() makes it one of this format.
  /// Damage is refused as by open(). With kForVerify it is opened all the same as far as it can be, and what is damaged
  /// of its logs, of its manifest, of files that cannot be opened and of what a store keeps in memory is passed over:
  /// verify_slice() names it. All its files are kept open, for which the process' limit is raised as far as it may be.
  /// kUnavailable where it changes too fast to be opened.
  static model::Result<std::unique_ptr<RocksStore>> open_read_only(const std::string& directory,
                                                                   ReadOnly how = ReadOnly::kWhole);
  /// Whether another process has it open, so that open() would be refused; false, too, where there is none. Must not be
  /// asked by the process that has it open itself, which would lose its lock by that.
  static bool is_held(const std::string& directory);
  /// Waits for background work and lets go of the directory.
  ~RocksStore() override;

  model::Result<std::vector<store::AppendOutcome>> append_views(std::span<const store::ReportView> reports) override;
  model::Result<void> append_events(std::span<const store::CoordinatorEvent> events) override;
  model::Result<void> append_accounts(std::span<const model::AccountAt> accounts) override;
  model::Result<store::DroppedSlice> drop_slice(const store::DropBefore& before, const model::NodeName& from,
                                                std::size_t most) override;
  model::Result<void> put_setting(std::string_view key, std::string_view value) override;
  model::Result<std::optional<std::string>> setting(std::string_view key) const override;
  std::vector<model::NodeName> nodes() const override;
  std::optional<model::WallTime> last_received(const model::NodeName& node) const override;
  model::Seq acked_through(const model::NodeName& node, model::Incarnation incarnation) const override;
  bool has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const override;
  model::Result<store::Page<store::StoredEvent>> events(const model::NodeName& node, model::WallTime from,
                                                        model::WallTime to, std::size_t limit) const override;
  model::Result<store::Page<model::AccountAt>> accounts(const model::NodeName& node, model::WallTime from,
                                                        model::WallTime to, std::size_t limit) const override;
  model::Result<std::optional<model::AccountAt>> last_account(const model::NodeName& node,
                                                              model::WallTime at) const override;
  store::StoreSize size() const override;
  model::Result<std::optional<store::StoredReport>> last_report(const model::NodeName& node) const override;

  model::Result<series::FoldSlice> fold_slice(model::WallTime now, const model::NodeName& from,
                                              std::size_t most) override;
  model::Result<series::DroppedSeries> drop_series(const series::DropSeriesBefore& before, const model::NodeName& from,
                                                   std::size_t most) override;
  model::Result<void> read(const series::ReadRange& range, const std::vector<series::Subject>* only,
                           const Visit& visit) const override;
  model::Result<std::vector<series::PodInfo>> pods(const model::NodeName& node, model::WallTime from,
                                                   model::WallTime to) const override;
  std::vector<model::NodeName> series_nodes() const override;
  std::vector<model::NodeName> series_nodes_since(model::WallTime from) const override;
  model::Result<series::SeriesState> series_state() const override;
  model::Result<series::SeriesStore::PutOutcome> put_tables(const model::NodeName& node,
                                                            std::vector<series::Table> tables,
                                                            std::vector<series::PodInfo> pods) override;
  model::Result<series::VerifySlice> verify_slice(const std::string& from, std::uint64_t bytes) const override;
  model::Result<series::BackupInfo> backup(const std::string& directory,
                                           const std::function<bool(std::uint64_t bytes)>& progress) override;

 protected:
  model::Result<void> walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                   const ReportVisitor& visit) const override;
  model::Duration longest_window(const model::NodeName& node) const override;

 private:
  struct Impl;
  explicit RocksStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::rocks
