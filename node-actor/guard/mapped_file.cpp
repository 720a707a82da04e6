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
