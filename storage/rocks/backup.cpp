#include "storage/rocks/backup.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/utilities/backup_engine.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/rocks/backup_copy.h"
#include "storage/rocks/new_directory.h"

namespace tideline::rocks {
namespace {

using model::Error;
using model::ErrorCode;

constexpr std::string_view kRestoring = ".restoring";

Error backup_error(ErrorCode code, const std::string& directory, std::string_view what) {
  return {code, fmt::format("backups {}: {}", directory, what)};
}

Error backup_error(const rocksdb::Status& status, const std::string& directory, std::string_view what) {
  const std::string text = status.ToString();
  ErrorCode code = ErrorCode::kUnavailable;
  if (status.IsCorruption() || status.IsInvalidArgument()) code = ErrorCode::kMalformed;
  if (status.IsNotFound()) code = ErrorCode::kNotFound;
  if (text.find("Permission denied") != std::string::npos) code = ErrorCode::kPermissionDenied;
  return backup_error(code, directory, fmt::format("{}: {}", what, text));
}

/// Of one who changes what is in the directory, or who wants it to stay as it is. Where the file system has no such
/// locks there is none.
class DirectoryLock {
 public:
  static model::Result<DirectoryLock> take(const std::string& directory, bool for_change) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
      const int why = errno;
      const auto code = why == ENOENT || why == ENOTDIR ? ErrorCode::kNotFound
                        : why == EACCES                 ? ErrorCode::kPermissionDenied
                                                        : ErrorCode::kUnavailable;
      return backup_error(code, directory, std::generic_category().message(why));
    }
    DirectoryLock lock(fd);
    if (::flock(fd, (for_change ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      return backup_error(ErrorCode::kUnavailable, directory, "another backup, restore or removal goes on there");
    }
    return lock;
  }
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

/// Lets everything pass, and counts it.
class CopyMeter final : public rocksdb::RateLimiter {
 public:
  using Progress = std::function<bool(std::uint64_t bytes)>;
  explicit CopyMeter(const Progress& progress) : progress_(progress) {}

  using rocksdb::RateLimiter::Request;
  void Request(const std::int64_t bytes, const rocksdb::Env::IOPriority, rocksdb::Statistics*) override {
    const auto all = bytes_ += static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
    if (progress_ && !is_refused_ && !progress_(all)) refuse();
  }
  void SetBytesPerSecond(std::int64_t) override {}
  std::int64_t GetSingleBurstBytes() const override { return 1 << 20; }
  std::int64_t GetTotalBytesThrough(const rocksdb::Env::IOPriority) const override {
    return static_cast<std::int64_t>(bytes_.load());
  }
  std::int64_t GetTotalRequests(const rocksdb::Env::IOPriority) const override { return 0; }
  std::int64_t GetBytesPerSecond() const override { return std::numeric_limits<std::int64_t>::max(); }

  bool is_refused() const { return is_refused_; }
  /// Whom to stop once the progress is refused. Before the first byte.
  void stops(rocksdb::BackupEngine& engine) { engine_ = &engine; }

 private:
  void refuse() {
    is_refused_ = true;
    if (engine_ != nullptr) engine_->StopBackup();
  }

  const Progress& progress_;
  rocksdb::BackupEngine* engine_ = nullptr;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> is_refused_{false};
};

rocksdb::BackupEngineOptions engine_options(const std::string& directory) {
  rocksdb::BackupEngineOptions options(directory);
  options.share_table_files = true;
  options.share_files_with_checksum = true;
  options.sync = true;
  return options;
}

series::BackupInfo info_of(const rocksdb::BackupInfo& info) {
  return {.id = info.backup_id, .at_s = info.timestamp, .bytes = info.size, .files = info.number_files};
}

model::Result<std::unique_ptr<rocksdb::BackupEngine>> open_engine(const rocksdb::BackupEngineOptions& options) {
  rocksdb::BackupEngine* engine = nullptr;
  const rocksdb::Status opened = rocksdb::BackupEngine::Open(rocksdb::Env::Default(), options, &engine);
  if (!opened.ok()) return backup_error(opened, options.backup_dir, "opening");
  return std::unique_ptr<rocksdb::BackupEngine>(engine);
}

model::Result<std::unique_ptr<rocksdb::BackupEngineReadOnly>> open_for_reading(
    const rocksdb::BackupEngineOptions& options) {
  std::error_code failed;
  if (!std::filesystem::is_directory(std::filesystem::path(options.backup_dir) / "meta", failed)) {
    return backup_error(ErrorCode::kNotFound, options.backup_dir, "there are none");
  }
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  const rocksdb::Status opened = rocksdb::BackupEngineReadOnly::Open(rocksdb::Env::Default(), options, &engine);
  if (!opened.ok()) return backup_error(opened, options.backup_dir, "opening");
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

/// What a failed backup leaves: no file, and no directory that was not there.
void tidy(rocksdb::BackupEngine& engine, const std::string& directory, bool was_there) {
  engine.GarbageCollect().PermitUncheckedError();
  if (was_there) return;
  std::error_code ignored;
  for (const std::string_view below : {"private", "shared", "shared_checksum", "meta"})
    std::filesystem::remove(std::filesystem::path(directory) / below, ignored);  // goes only where it is empty
  std::filesystem::remove(directory, ignored);
}

}  // namespace

model::Result<series::BackupInfo> copy_to_backup(Database& database, const std::string& directory,
                                                 const std::function<bool(std::uint64_t bytes)>& progress) {
  if (auto writable = database.check_writable("backing up"); !writable) return writable.error();
  if (progress && !progress(0)) return backup_error(ErrorCode::kUnavailable, directory, "ended before it began");
  std::error_code failed;
  const bool was_there = std::filesystem::exists(directory, failed);
  std::filesystem::create_directories(directory, failed);
  const auto lock = DirectoryLock::take(directory, true);
  if (!lock) return lock.error();

  const auto meter = std::make_shared<CopyMeter>(progress);
  auto options = engine_options(directory);
  options.backup_rate_limiter = meter;
  auto engine = open_engine(options);
  if (!engine) return engine.error();
  rocksdb::BackupEngine& backups = **engine;
  meter->stops(backups);
  rocksdb::CreateBackupOptions create;
  create.flush_before_backup = true;
  rocksdb::BackupID id = 0;
  const rocksdb::Status created = backups.CreateNewBackup(create, &database.db(), &id);
  if (created.ok() && meter->is_refused()) backups.DeleteBackup(id).PermitUncheckedError();
  if (meter->is_refused() || !created.ok()) {
    tidy(backups, directory, was_there);
    return meter->is_refused() ? backup_error(ErrorCode::kUnavailable, directory, "ended before it was done")
                               : backup_error(created, directory, "copying " + database.directory());
  }
  rocksdb::BackupInfo info;
  const rocksdb::Status known = backups.GetBackupInfo(id, &info);
  if (!known.ok()) return backup_error(known, directory, fmt::format("backup {}", id));
  return info_of(info);
}

model::Result<std::vector<series::BackupInfo>> list_backups(const std::string& directory) {
  const auto lock = DirectoryLock::take(directory, false);
  // One that is being made is none yet; those that are there can be listed beside it.
  if (!lock && lock.error().code() != ErrorCode::kUnavailable) return lock.error();
  const auto engine = open_for_reading(engine_options(directory));
  if (!engine) return engine.error();
  std::vector<rocksdb::BackupInfo> infos;
  (*engine)->GetBackupInfo(&infos);
  std::vector<rocksdb::BackupID> corrupt;
  (*engine)->GetCorruptedBackups(&corrupt);
  std::vector<series::BackupInfo> listed;
  listed.reserve(infos.size() + corrupt.size());
  for (const auto& info : infos)
    listed.push_back(info_of(info));
  for (const auto id : corrupt)
    listed.push_back({.id = id, .at_s = 0, .bytes = 0, .files = 0});
  std::sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return listed;
}

model::Result<void> verify_backup(const std::string& directory, std::uint32_t id) {
  const auto lock = DirectoryLock::take(directory, false);
  if (!lock) return lock.error();
  const auto engine = open_for_reading(engine_options(directory));
  if (!engine) return engine.error();
  const rocksdb::Status verified = (*engine)->VerifyBackup(id, true);
  if (verified.ok()) return {};
  const std::string what = fmt::format("backup {}: {}", id, verified.ToString());
  // RocksDB says of a missing file that it was not found, too, but names it.
  const bool names_file = what.find('/') != std::string::npos;
  return backup_error(verified.IsNotFound() && !names_file ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                      directory, what);
}

model::Result<series::BackupInfo> restore_backup(const std::string& directory, std::optional<std::uint32_t> id,
                                                 const std::string& to,
                                                 const std::function<bool(std::uint64_t bytes)>& progress) {
  auto made = NewDirectory::plan(to, "restore", kRestoring);
  if (!made) return made.error();
  const auto lock = DirectoryLock::take(directory, false);
  if (!lock) return lock.error();
  const auto meter = std::make_shared<CopyMeter>(progress);
  auto options = engine_options(directory);
  options.restore_rate_limiter = meter;
  auto engine = open_for_reading(options);
  if (!engine) return engine.error();
  rocksdb::BackupInfo info;
  const rocksdb::Status known = id ? (*engine)->GetBackupInfo(*id, &info) : (*engine)->GetLatestBackupInfo(&info);
  if (!known.ok()) {
    return backup_error(known, directory, id ? fmt::format("backup {}", *id) : std::string("the newest backup"));
  }

  if (auto begun = made->make(); !begun) return begun.error();
  const rocksdb::Status restored = (*engine)->RestoreDBFromBackup(info.backup_id, made->part(), made->part());
  // It ends at the first file that fails, while its threads go on with others: they are through once it is gone.
  (*engine).reset();
  if (meter->is_refused()) {
    return backup_error(ErrorCode::kUnavailable, directory, "restoring ended before it was done");
  }
  if (!restored.ok()) {
    return backup_error(restored, directory, fmt::format("restoring backup {} to {}", info.backup_id, to));
  }
  if (auto whole = made->commit(); !whole) return whole.error();
  return info_of(info);
}

model::Result<std::size_t> drop_backups(const std::string& directory, std::size_t keep) {
  const auto lock = DirectoryLock::take(directory, true);
  if (!lock) return lock.error();
  // An engine that may write makes what it misses: no directory of backups of what was none.
  if (const auto reading = open_for_reading(engine_options(directory)); !reading) return reading.error();
  auto engine = open_engine(engine_options(directory));
  if (!engine) return engine.error();
  rocksdb::BackupEngine& backups = **engine;
  std::vector<rocksdb::BackupInfo> before;
  backups.GetBackupInfo(&before);
  const auto kept = static_cast<std::uint32_t>(std::min<std::size_t>(keep, std::numeric_limits<std::uint32_t>::max()));
  const rocksdb::Status purged = backups.PurgeOldBackups(kept);
  if (!purged.ok()) return backup_error(purged, directory, "removing old backups");
  const rocksdb::Status collected = backups.GarbageCollect();
  if (!collected.ok()) return backup_error(collected, directory, "removing old files");
  return before.size() - std::min(before.size(), keep);
}

}  // namespace tideline::rocks
