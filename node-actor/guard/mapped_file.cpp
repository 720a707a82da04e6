#include "node-actor/guard/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/kernel/fd.h"

namespace tideline::guard {
namespace {

constexpr std::size_t kFirstPageBytes = 4096;

}  // namespace

model::Error unavailable(const char* action, const std::string& path) {
  return {model::ErrorCode::kUnavailable, fmt::format("{} {}: {}", action, path, std::strerror(errno))};
}

model::Result<MappedFile> MappedFile::open(const std::string& path, std::size_t size) {
  const kernel::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd.open()) return unavailable("open", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return unavailable("stat", path);
  if (static_cast<std::size_t>(status.st_size) != size && ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return unavailable("resize", path);
  }
  // On a full disk the first store to a page without a block would be a SIGBUS.
  do {
    errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(std::min(size, kFirstPageBytes)));
  } while (errno == EINTR);
  if (errno != 0) return unavailable("allocate", path);
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return unavailable("map", path);
  return MappedFile(data, size);
}

model::Result<MappedFile> MappedFile::copy_of(const std::string& path, std::size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return unavailable("map", path);
  MappedFile copy(data, size);
  const kernel::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open() && errno == ENOENT) return copy;
  if (!fd.open()) return unavailable("open", path);
  for (std::size_t have = 0; have < size;) {
    const ssize_t got = ::pread(fd.get(), static_cast<char*>(data) + have, size - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable("read", path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return copy;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace tideline::guard
