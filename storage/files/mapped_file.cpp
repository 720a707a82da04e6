#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "storage/files/fd.h"
#include "storage/files/files.h"

namespace tideline::files {

model::Result<MappedFile> MappedFile::open(const std::string& path) {
  // Without O_NONBLOCK a pipe would be waited for, and not be refused.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.open()) return io_error(path, "open");
  struct stat about {};
  if (::fstat(fd.number(), &about) != 0) return io_error(path, "stat");
  if (!S_ISREG(about.st_mode)) return model::invalid(fmt::format("{}: is no regular file", path));
  if (about.st_size == 0) return MappedFile(nullptr, 0);  // which mmap(2) refuses
  const auto size = static_cast<std::size_t>(about.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.number(), 0);
  if (data == MAP_FAILED) return io_error(path, "mmap");
  return MappedFile(static_cast<const char*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace tideline::files
