#include "storage/rocks/database.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdarg>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sys/resource.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/log_check.h"
#include "storage/rocks/rocks_log.h"
#include "storage/rocks/upgrade.h"

namespace tideline::rocks {
namespace {

using model::Error;
using model::ErrorCode;

constexpr std::array kFamilies{
    Family{kMetaFamily, &Database::meta},          Family{kReportFamily, &Database::report},
    Family{kPodsFamily, &Database::pods},          Family{kEventFamily, &Database::event},
    Family{kDedupFamily, &Database::dedup},        Family{kAccountFamily, &Database::account},
    Family{kSeriesFamily, &Database::series},      Family{kSketchFamily, &Database::sketch},
    Family{kInfoFamily, &Database::info},          Family{kFoldFamily, &Database::fold},
    Family{kLateFamily, &Database::late},          Family{kBlockFamily, &Database::block},
    Family{kForgottenFamily, &Database::forgotten}};

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
  db.info_log = std::make_shared<RocksLog>();
  return db;
}

/// Tables: each value is compressed already, and is written again some times until its hour or day is over.
void suit_tables(rocksdb::ColumnFamilyOptions& family, rocksdb::BlockBasedTableOptions& table) {
  family.compression = rocksdb::CompressionType::kNoCompression;
  // What is overwritten takes the less of the disk, the less lies in the levels above the last.
  family.level_compaction_dynamic_level_bytes = true;
  // Retention gives whole files back; a file that is written anew is one that a backup copies again.
  family.periodic_compaction_seconds = 30 * 24 * 3600;
  // A value of some KB a row: an entry of the index for each would be as long as its key.
  table.block_size = 32 << 10;
  // Each fold asks for all of an hour's tables, and most are not there yet.
  constexpr double kBitsOfAKey = 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBitsOfAKey));
}

rocksdb::ColumnFamilyOptions family_options(std::string_view name, const RocksOptions& options,
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
  if (name == kReportFamily) family.write_buffer_size = report_buffer_bytes(options);
  if (name == kSeriesFamily || name == kSketchFamily) suit_tables(family, table);
  const std::array small{kInfoFamily, kFoldFamily, kLateFamily, kBlockFamily, kForgottenFamily};
  if (std::find(small.begin(), small.end(), name) != small.end()) {
    family.write_buffer_size = std::max<std::size_t>(options.write_buffer_bytes / 8, 64 << 10);
  }
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

std::vector<rocksdb::ColumnFamilyDescriptor> descriptors_of(const std::vector<std::string>& names,
                                                            const RocksOptions& options) {
  const auto block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& name : names)
    descriptors.emplace_back(name, family_options(name, options, block_cache));
  return descriptors;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool is_database(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::path(directory) / "CURRENT", ignored);
}

/// Whoever only reads writes no log either.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, std::va_list) override {}
};

/// Which files make up the database, as its manifest says, which only grows: its name and size.
std::string manifest_state(const std::string& directory) {
  const std::string name = current_manifest(directory);
  std::error_code failed;
  const auto size = std::filesystem::file_size(std::filesystem::path(directory) / name, failed);
  return failed ? std::string() : fmt::format("{} {}", name, size);
}

/// What RocksDB would pass over, and say nothing.
model::Result<void> check_files(const std::string& directory) {
  if (const auto damaged = find_damaged_manifest(directory)) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("history {}: {}, which says what files it has, is damaged at offset {}, and what it says "
                             "from there on cannot be read. Restore a backup",
                             directory, damaged->file, damaged->offset));
  }
  if (const auto damaged = find_damaged_log(directory)) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("history {}: log {} is damaged at offset {}, and what was written from there on, up to "
                             "{}, cannot be read. Have \"tideline-history salvage\" make a store of what was "
                             "written before, and start on that; or restore a backup",
                             directory, damaged->file, damaged->offset, damaged->last_file));
  }
  return {};
}

/// As many files as the process may have.
void allow_open_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

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

Database::Database(std::string directory, rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles,
                   std::optional<ReadOnly> read_only)
    : directory_(std::move(directory)), db_(db), handles_(std::move(handles)), read_only_(read_only) {}

Database::~Database() {
  for (auto* handle : handles_)
    db_->DestroyColumnFamilyHandle(handle);
  // Every write was synced; what Close could still report changes nothing for the next open.
  db_->Close().PermitUncheckedError();
}

model::Result<std::unique_ptr<Database>> Database::open(const std::string& directory, const RocksOptions& options) {
  const rocksdb::DBOptions db_opts = db_options(options);
  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  if (is_database(directory)) {
    if (auto whole = check_files(directory); !whole) return whole.error();
    // All that are there: a newer format may have more, and its number can be read only once all are open.
    names.clear();
    const auto listed = rocksdb::DB::ListColumnFamilies(db_opts, directory, &names);
    if (!listed.ok()) return error_of(listed, "listing column families", directory);
  }
  for (const Family& family : kFamilies) {
    if (std::find(names.begin(), names.end(), family.name) == names.end()) names.emplace_back(family.name);
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto opened = rocksdb::DB::Open(db_opts, directory, descriptors_of(names, options), &handles, &db);
  if (!opened.ok()) return error_of(opened, "opening", directory);
  std::unique_ptr<Database> database(new Database(directory, db, std::move(handles), std::nullopt));
  if (auto checked = database->check_format(); !checked) return checked.error();
  if (auto upgraded = finish_upgrade(*database); !upgraded) return upgraded.error();
  return database;
}

model::Result<std::unique_ptr<Database>> Database::open_read_only(const std::string& directory, ReadOnly how) {
  if (!is_database(directory)) {
    return Error(ErrorCode::kNotFound, fmt::format("history {}: there is no store", directory));
  }
  allow_open_files();
  constexpr int kMostTries = 100;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::string before = manifest_state(directory);
    auto opened = try_read_only(directory, how);
    // While the other process drops files, they may be missing here; while it turns a log into one, what was in it.
    if (manifest_state(directory) == before) return opened;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Error(ErrorCode::kUnavailable,
               fmt::format("history {}: it changed {} times while it was being opened", directory, kMostTries));
}

model::Result<std::unique_ptr<Database>> Database::try_read_only(const std::string& directory, ReadOnly how) {
  const auto whole = check_files(directory);
  if (!whole && how == ReadOnly::kWhole) return whole.error();
  auto opened = open_as_it_is(directory, how);
  // What it lacks, which may be its format, is in what is damaged.
  if (!whole && !opened) return whole.error();
  return opened;
}

model::Result<std::unique_ptr<Database>> Database::open_as_it_is(const std::string& directory, ReadOnly how) {
  const RocksOptions options;
  rocksdb::DBOptions db_opts = db_options(options);
  db_opts.create_if_missing = false;
  db_opts.create_missing_column_families = false;
  db_opts.max_open_files = -1;
  db_opts.info_log = std::make_shared<NoLog>();
  std::vector<std::string> names;
  const auto listed = rocksdb::DB::ListColumnFamilies(db_opts, directory, &names);
  if (!listed.ok()) return error_of(listed, "listing column families", directory);
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto try_open = [&] {
    return rocksdb::DB::OpenForReadOnly(db_opts, directory, descriptors_of(names, options), &handles, &db, false);
  };
  rocksdb::Status opened = try_open();
  // Of a file that cannot be opened, or is not there, the rows cannot be read; others can. Not where a log is damaged:
  // in this way RocksDB would go on behind that place, and what is there may rest on what it passed over.
  const bool is_of_files =
      opened.IsCorruption() || opened.IsPathNotFound() || contains(opened.ToString(), "Input/output error");
  if (is_of_files && how == ReadOnly::kForVerify && !find_damaged_log(directory)) {
    db_opts.paranoid_checks = false;
    opened = try_open();
  }
  if (!opened.ok()) return error_of(opened, "opening for reading", directory);
  std::unique_ptr<Database> database(new Database(directory, db, std::move(handles), how));
  if (auto checked = database->check_format(); !checked) return checked.error();
  return database;
}

model::Result<void> Database::check_writable(std::string_view what) const {
  if (!is_read_only()) return {};
  return Error(ErrorCode::kUnsupported, fmt::format("history {}: {}: it is open for reading alone", directory_, what));
}

model::Result<void> Database::check_readable(std::string_view what) const {
  if (!is_lenient()) return {};
  return Error(ErrorCode::kUnsupported,
               fmt::format("history {}: {}: it is open for verification alone", directory_, what));
}

void Database::find_families() {
  for (auto* handle : handles_) {
    for (const Family& family : kFamilies) {
      if (handle->GetName() == family.name) this->*family.handle = handle;
    }
  }
}

namespace {

model::Result<void> check_families(const Database& database) {
  for (const Family& family : kFamilies) {
    if (database.*family.handle != nullptr) continue;
    return Error(ErrorCode::kMalformed,
                 fmt::format("history {}: it has no family {}", database.directory(), family.name));
  }
  return {};
}

}  // namespace

bool Database::is_empty() const {
  return std::all_of(handles_.begin(), handles_.end(), [&](auto* handle) {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, handle));
    it->SeekToFirst();
    return !it->Valid() && it->status().ok();
  });
}

model::Result<void> Database::check_format() {
  find_families();
  const Error not_ours(ErrorCode::kMalformed,
                       fmt::format("history {}: no format number: not a Tideline store", directory_));
  if (meta == nullptr) return not_ours;
  const auto stored = get_meta(kFormatKey);
  // Where it cannot be read the families say whose store it is.
  if (!stored && is_lenient()) return check_families(*this);
  if (!stored) return stored.error();
  if (!stored->has_value()) {
    // A store whose maker was killed before its first write is as good as new; anything else is not ours.
    if (is_read_only() || !is_empty()) return not_ours;
    return write_format(std::nullopt);
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
  if (*format < kFormat) return check_older(*format);
  if (auto whole = check_families(*this); !whole) return whole;
  return check_upgraded();
}

model::Result<void> Database::check_upgraded() {
  if (!is_read_only()) return {};
  const auto from = get_meta(kUpgradeKey);
  if (!from && is_lenient()) return {};
  if (!from) return from.error();
  if (!from->has_value()) return {};
  return Error(ErrorCode::kUnsupported,
               fmt::format("history {}: it is being made format {}; only once a coordinator or another program that "
                           "writes has opened it, and done that, can it be read",
                           directory_, kFormat));
}

model::Result<void> Database::check_older(std::uint32_t format) {
  if (is_read_only()) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("history {}: has format {}; only once a coordinator or another program that writes has "
                             "opened it, and made it format {}, can it be read",
                             directory_, format, kFormat));
  }
  // Formats up to 3 only added families, which are there by now, and the tables of the third lie elsewhere since.
  constexpr std::uint32_t kFirstWithTables = 3;
  return write_format(format >= kFirstWithTables ? std::optional(format) : std::nullopt);
}

model::Result<void> Database::write_format(std::optional<std::uint32_t> upgraded_from) {
  rocksdb::WriteBatch batch;
  batch.Put(meta, rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), encode_u32(kFormat));
  if (upgraded_from) {
    batch.Put(meta, rocksdb::Slice(kUpgradeKey.data(), kUpgradeKey.size()), encode_u32(*upgraded_from));
  }
  return write(batch, "writing the format number");
}

model::Result<void> Database::write(rocksdb::WriteBatch& batch, std::string_view what) {
  if (auto writable = check_writable(what); !writable) return writable;
  // RocksDB stands still after a failed write. Where it finds out by itself that there is room again, it is on its way.
  if (write_failed_) db_->Resume().PermitUncheckedError();
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto written = db_->Write(durable, &batch);
  write_failed_ = !written.ok();
  if (!write_failed_) return {};
  const Error refused = error(written, what);
  if (!written.IsCorruption()) return refused;
  // It met the damage while it merged files, and would again.
  return Error(refused.code(), refused.message() +
                                   ". Nothing can be written to it any more: stop the coordinator, have "
                                   "\"tideline-history salvage\" make a store of what can be read, and start on that");
}

model::Result<std::optional<std::string>> Database::get_meta(std::string_view key) const {
  std::string value;
  const auto got = db_->Get({}, meta, rocksdb::Slice(key.data(), key.size()), &value);
  if (got.IsNotFound()) return std::optional<std::string>();
  if (!got.ok()) return error(got, fmt::format("reading {}", key));
  return std::optional(std::move(value));
}

void Database::drop_files(rocksdb::ColumnFamilyHandle* family, const std::string& begin, const std::string& end) {
  const rocksdb::Slice first(begin);
  const rocksdb::Slice last(end);
  // What stays is only not given back yet.
  rocksdb::DeleteFilesInRange(db_.get(), family, &first, &last, false).PermitUncheckedError();
}

}  // namespace tideline::rocks
