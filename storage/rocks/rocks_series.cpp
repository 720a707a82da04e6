// RocksStore as a store of tables.

#include <utility>

#include "storage/rocks/backup_copy.h"
#include "storage/rocks/folder.h"
#include "storage/rocks/rocks_store.h"
#include "storage/rocks/series_care.h"
#include "storage/rocks/series_reader.h"
#include "storage/rocks/store_impl.h"
#include "storage/rocks/store_verify.h"

namespace tideline::rocks {

model::Result<series::FoldSlice> RocksStore::fold_slice(model::WallTime now, const model::NodeName& from,
                                                        std::size_t most) {
  if (auto writable = impl_->state.database->check_writable("folding"); !writable) return writable.error();
  return Folder(impl_->state).fold(now, from, most);
}

model::Result<series::DroppedSeries> RocksStore::drop_series(const series::DropSeriesBefore& before,
                                                             const model::NodeName& from, std::size_t most) {
  if (auto writable = impl_->state.database->check_writable("dropping tables"); !writable) return writable.error();
  return rocks::drop_series(impl_->state, before, from, most);
}

model::Result<void> RocksStore::read(const series::ReadRange& range, const std::vector<series::Subject>* only,
                                     const Visit& visit) const {
  if (auto readable = impl_->state.database->check_readable("reading tables"); !readable) return readable;
  return SeriesReader(*impl_->state.database, range.node).read(range, only, visit);
}

model::Result<std::vector<series::PodInfo>> RocksStore::pods(const model::NodeName& node, model::WallTime from,
                                                             model::WallTime to) const {
  if (auto readable = impl_->state.database->check_readable("reading pods"); !readable) return readable.error();
  return SeriesReader(*impl_->state.database, node).pods(from, to);
}

std::vector<model::NodeName> RocksStore::series_nodes() const {
  return rocks::series_nodes(impl_->state, {});
}

std::vector<model::NodeName> RocksStore::series_nodes_since(model::WallTime from) const {
  return rocks::series_nodes(impl_->state, from);
}

model::Result<series::SeriesState> RocksStore::series_state() const {
  if (auto readable = impl_->state.database->check_readable("reading its state"); !readable) return readable.error();
  return rocks::series_state(impl_->state);
}

model::Result<series::SeriesStore::PutOutcome> RocksStore::put_tables(const model::NodeName& node,
                                                                      std::vector<series::Table> tables,
                                                                      std::vector<series::PodInfo> pods) {
  if (auto writable = impl_->state.database->check_writable("putting tables"); !writable) return writable.error();
  return rocks::put_tables(impl_->state, node, std::move(tables), std::move(pods));
}

model::Result<series::VerifySlice> RocksStore::verify_slice(const std::string& from, std::uint64_t bytes) const {
  return rocks::verify_slice(*impl_->state.database, from, bytes);
}

model::Result<series::BackupInfo> RocksStore::backup(const std::string& directory,
                                                     const std::function<bool(std::uint64_t bytes)>& progress) {
  return copy_to_backup(*impl_->state.database, directory, progress);
}

}  // namespace tideline::rocks
