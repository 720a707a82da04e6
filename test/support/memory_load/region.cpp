#include "test/support/memory_load/region.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "test/support/memory_load/life.h"

namespace tideline::test {

Region::Region(std::size_t bytes) : bytes_(bytes / kPage * kPage), data_(nullptr) {
  if (bytes_ == 0) return;
  void* at = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::runtime_error(std::string("mmap: ") + std::strerror(errno));
  ::madvise(at, bytes_, MADV_NOHUGEPAGE);
  data_ = static_cast<volatile std::uint8_t*>(at);
}

Region::~Region() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), bytes_);
}

void Region::touch(std::size_t begin, std::size_t count) {
  for (std::size_t page = begin; page < begin + count && page < pages(); ++page)
    touch_page(page);
}

void Region::drop(std::size_t begin, std::size_t count) {
  if (begin >= pages()) return;
  const std::size_t most = count < pages() - begin ? count : pages() - begin;
  ::madvise(const_cast<std::uint8_t*>(data_) + begin * kPage, most * kPage, MADV_DONTNEED);
}

int unlinked_file(const char* directory) {
  std::string name = std::string(directory) + "/memory_load.XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) {
    std::fprintf(stderr, "memory_load: %s: %s\n", name.c_str(), std::strerror(errno));
    return -1;
  }
  ::unlink(name.c_str());
  return fd;
}

bool fill(int fd, std::size_t bytes) {
  const std::vector<char> block(kMib, 'x');
  for (std::size_t done = 0; done < bytes && !is_over();) {
    const std::size_t left = bytes - done;
    const ssize_t got = ::pwrite(fd, block.data(), left < block.size() ? left : block.size(), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      std::fprintf(stderr, "memory_load: write: %s\n", std::strerror(errno));
      return false;
    }
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace tideline::test
