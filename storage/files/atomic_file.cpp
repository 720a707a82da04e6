#include <cerrno>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/files/fd.h"
#include "storage/files/files.h"

namespace tideline::files {
namespace {

constexpr int kMostParts = 100;  // of one path at a time, by one process

/// The entry of a new name is on the disk once its directory is.
void sync_directory_of(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path().string();
  const Fd fd(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.open()) ::fsync(fd.number());
}

}  // namespace

struct AtomicFile::State {
  std::string path;
  std::string part;
  Fd fd;

  ~State() {
    if (!part.empty()) ::unlink(part.c_str());
  }
};

AtomicFile::AtomicFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

model::Result<AtomicFile> AtomicFile::create(const std::string& path) {
  struct stat there {};
  // A device or a pipe would be replaced by a file.
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    return model::invalid(fmt::format("{}: is there, and is no regular file", path));
  }
  auto state = std::make_unique<State>();
  state->path = path;
  for (int i = 0; i < kMostParts; ++i) {
    auto part = fmt::format("{}.part-{}-{}", path, ::getpid(), i);
    state->fd = Fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (state->fd.open()) {
      state->part = std::move(part);
      return AtomicFile(std::move(state));
    }
    if (errno != EEXIST) return io_error(part, "create");
  }
  errno = EEXIST;
  return io_error(path, "create");
}

model::Result<void> AtomicFile::write(std::string_view bytes) {
  if (!state_) return model::Error(model::ErrorCode::kInternal, "write to a file that is committed");
  while (!bytes.empty()) {
    const auto wrote = ::write(state_->fd.number(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return io_error(state_->part, "write");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

model::Result<void> AtomicFile::commit() {
  if (!state_) return model::Error(model::ErrorCode::kInternal, "commit of a file that is committed");
  const auto state = std::move(state_);  // gone, whatever comes of it
  if (::fsync(state->fd.number()) != 0) return io_error(state->part, "sync");
  if (!state->fd.close()) return io_error(state->part, "close");
  if (::rename(state->part.c_str(), state->path.c_str()) != 0) return io_error(state->path, "rename");
  state->part.clear();
  sync_directory_of(state->path);
  return {};
}

}  // namespace tideline::files
