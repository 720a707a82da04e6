#include "storage/rocks/database.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/table.h>

#include "storage/rocks/layout.h"

namespace tideline::rocks {
namespace {

using model::Error;
using model::ErrorCode;

constexpr std::array kFamilies{kMetaFamily, kReportFamily, kPodsFamily, kEventFamily, kDedupFamily, kAccountFamily};

/// Nearly all that is written is reports, of all nodes and so all over the family's keys: each few buffers of them are
/// merged with a whole level.
std::size_t report_buffer_bytes(const RocksOptions& options) {
  return 2 * options.write_buffer_bytes;
}

rocksdb::DBOptions db_options(const RocksOptions& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.max_background_jobs = options.background_threads;
  db.max_subcompactions = 1;
  db.max_open_files = 256;
  // The dedup family is small and flushes seldom by itself; without a bound it would hold every log file.
  db.max_total_wal_size = 2 * report_buffer_bytes(options);
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db.max_log_file_size = 1 << 20;
  db.keep_log_file_num = 2;
  return db;
}

rocksdb::ColumnFamilyOptions family_options(const RocksOptions& options,
                                            const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = options.write_buffer_bytes;
  family.max_write_buffer_number = 2;
  // Rows of all nodes are rewritten together several times within minutes; ZSTD took as long as all the rest.
  family.compression = rocksdb::CompressionType::kLZ4Compression;
  // Retention leaves range tombstones; a file is rewritten at least this often, which gives the disk back.
  family.periodic_compaction_seconds = 3 * 24 * 3600;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.block_size = 16 << 10;
  table.cache_index_and_filter_blocks = true;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

Error error_of(const rocksdb::Status& status, std::string_view what, const std::string& directory) {
  const std::string text = status.ToString();
  ErrorCode code = ErrorCode::kUnavailable;
  // RocksDB's words for a lock that is held, by another process and by this one. Other trouble with the file has
  // others.
  const bool held = contains(text, "While lock file") || contains(text, "lock hold by current process");
  if (status.IsIOError() && held) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("history {}: another process (or this one already) holds it: {}", directory, text));
  }
  if (status.IsCorruption() || status.IsInvalidArgument() || status.IsNotSupported()) {
    code = ErrorCode::kMalformed;
  } else if (contains(text, "Permission denied")) {
    code = ErrorCode::kPermissionDenied;
  } else if (contains(text, "No such file")) {
    code = ErrorCode::kNotFound;
  }
  return Error(code, fmt::format("history {}: {}: {}", directory, what, text));
}

Database::Database(std::string directory, rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles)
    : directory_(std::move(directory)), db_(db), handles_(std::move(handles)) {}

Database::~Database() {
  for (auto* handle : handles_)
    db_->DestroyColumnFamilyHandle(handle);
  // Every write was synced; what Close could still report changes nothing for the next open.
  db_->Close().PermitUncheckedError();
}

model::Result<std::unique_ptr<Database>> Database::open(const std::string& directory, const RocksOptions& options) {
  const rocksdb::DBOptions db_opts = db_options(options);
  const auto family_opts = family_options(options, rocksdb::NewLRUCache(options.block_cache_bytes));

  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::path(directory) / "CURRENT", ignored)) {
    // All that are there: a newer format may have more, and its number can be read only once all are open.
    names.clear();
    const auto listed = rocksdb::DB::ListColumnFamilies(db_opts, directory, &names);
    if (!listed.ok()) return error_of(listed, "listing column families", directory);
  }
  for (const std::string_view family : kFamilies) {
    if (std::find(names.begin(), names.end(), family) == names.end()) names.emplace_back(family);
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& name : names)
    descriptors.emplace_back(name, family_opts);
  for (auto& descriptor : descriptors) {
    if (descriptor.name == kReportFamily) descriptor.options.write_buffer_size = report_buffer_bytes(options);
  }

  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto opened = rocksdb::DB::Open(db_opts, directory, descriptors, &handles, &db);
  if (!opened.ok()) return error_of(opened, "opening", directory);
  std::unique_ptr<Database> database(new Database(directory, db, std::move(handles)));
  if (auto checked = database->check_format(); !checked) return checked.error();
  return database;
}

void Database::find_families() {
  for (auto* handle : handles_) {
    if (handle->GetName() == kMetaFamily) meta = handle;
    if (handle->GetName() == kReportFamily) report = handle;
    if (handle->GetName() == kPodsFamily) pods = handle;
    if (handle->GetName() == kEventFamily) event = handle;
    if (handle->GetName() == kDedupFamily) dedup = handle;
    if (handle->GetName() == kAccountFamily) account = handle;
  }
}

bool Database::is_empty() const {
  return std::all_of(handles_.begin(), handles_.end(), [&](auto* handle) {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, handle));
    it->SeekToFirst();
    return !it->Valid() && it->status().ok();
  });
}

model::Result<void> Database::check_format() {
  find_families();
  const auto stored = get_meta(kFormatKey);
  if (!stored) return stored.error();
  if (!stored->has_value()) {
    // A store whose maker was killed before its first write is as good as new; anything else is not ours.
    if (!is_empty()) {
      return Error(ErrorCode::kMalformed,
                   fmt::format("history {}: no format number: not a Tideline store", directory_));
    }
    return write_format();
  }
  const auto format = decode_u32(**stored);
  if (!format) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("history {}: format number of {} bytes does not parse", directory_, (*stored)->size()));
  }
  if (*format == 0 || *format > kFormat) {
    return Error(ErrorCode::kUnsupported, fmt::format("history {}: has format {}, this build knows formats 1 to {}",
                                                      directory_, *format, kFormat));
  }
  // Formats up to this one only added families, which are there by now.
  return *format == kFormat ? model::Result<void>() : write_format();
}

model::Result<void> Database::write_format() {
  rocksdb::WriteBatch batch;
  batch.Put(meta, rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), encode_u32(kFormat));
  return write(batch, "writing the format number");
}

model::Result<void> Database::write(rocksdb::WriteBatch& batch, std::string_view what) {
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto written = db_->Write(durable, &batch);
  if (!written.ok()) return error(written, what);
  return {};
}

model::Result<std::optional<std::string>> Database::get_meta(std::string_view key) const {
  std::string value;
  const auto got = db_->Get({}, meta, rocksdb::Slice(key.data(), key.size()), &value);
  if (got.IsNotFound()) return std::optional<std::string>();
  if (!got.ok()) return error(got, fmt::format("reading {}", key));
  return std::optional(std::move(value));
}

}  // namespace tideline::rocks
