#include "storage/rocks/salvage.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "storage/rocks/database.h"
#include "storage/rocks/log_check.h"
#include "storage/rocks/new_directory.h"
#include "storage/rocks/salvage_copy.h"

namespace tideline::rocks {
namespace {

constexpr std::string_view kSalvagingEnding = ".salvaging";

/// Keeps others from opening a store to write, and changes nothing of it: a shared lock of what RocksDB locks for
/// itself. Where there is no such file, or the file system has no locks, there is none.
class ReadersLock {
 public:
  static model::Result<ReadersLock> take(const std::string& store) {
    const std::string path = store + "/LOCK";
    ReadersLock lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (lock.fd_ < 0) {
      const int why = errno;
      if (why == ENOENT) return lock;
      return model::Error(why == EACCES ? model::ErrorCode::kPermissionDenied : model::ErrorCode::kUnavailable,
                          fmt::format("{}: {}", path, std::generic_category().message(why)));
    }
    struct flock whole = {};
    whole.l_type = F_RDLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(lock.fd_, F_SETLK, &whole) != 0 && (errno == EAGAIN || errno == EACCES)) {
      return model::Error(model::ErrorCode::kUnavailable,
                          fmt::format("history {}: another process has it open: stop that first", store));
    }
    return lock;
  }
  ReadersLock(ReadersLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ReadersLock& operator=(ReadersLock&&) = delete;
  ~ReadersLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit ReadersLock(int fd) : fd_(fd) {}
  int fd_;
};

/// The new store is closed once it returns.
model::Result<Salvaged> copy_into(Database& source, const std::string& directory,
                                  const std::function<bool(const SalvageProgress&)>& progress) {
  const auto made = Database::open(directory, {});
  if (!made) return made.error();
  return SalvageCopy(source, **made, progress).run();
}

}  // namespace

model::Result<Salvaged> salvage(const std::string& from, const std::string& to,
                                const std::function<bool(const SalvageProgress&)>& progress) {
  auto made = NewDirectory::plan(to, "salvage", kSalvagingEnding);
  if (!made) return made.error();
  const auto lock = ReadersLock::take(from);
  if (!lock) return lock.error();
  // Of some kinds there would be newer rows than of others: how far nodes are folded might be older than their tables.
  if (const auto damaged = find_damaged_manifest(from)) {
    return model::Error(model::ErrorCode::kMalformed,
                        fmt::format("history {}: {}, which says what files it has, is damaged at offset {}: what they "
                                    "have cannot be put together. Restore a backup",
                                    from, damaged->file, damaged->offset));
  }
  const auto source = Database::open_read_only(from, ReadOnly::kForVerify);
  if (!source) return source.error();
  if (auto begun = made->make(); !begun) return begun.error();
  auto salvaged = copy_into(**source, made->part(), progress);
  if (!salvaged) return salvaged.error();
  if (auto whole = made->commit(); !whole) return whole.error();
  return salvaged;
}

}  // namespace tideline::rocks
