#pragma once

#include <cstddef>
#include <cstdint>

namespace tideline::test {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMib = std::size_t{1} << 20;

/// Anonymous memory in small pages. It belongs to nobody before it is touched.
class Region {
 public:
  /// Throws std::runtime_error.
  explicit Region(std::size_t bytes);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  std::size_t bytes() const { return bytes_; }
  std::size_t pages() const { return bytes_ / kPage; }
  /// Writes to each page of [begin, begin + count).
  void touch(std::size_t begin, std::size_t count);
  /// Gives them back.
  void drop(std::size_t begin, std::size_t count);
  void touch_page(std::size_t page) { data_[page * kPage] = static_cast<std::uint8_t>(data_[page * kPage] + 1); }

 private:
  std::size_t bytes_;
  volatile std::uint8_t* data_;
};

/// A file of its own that is gone from its directory at once, so that nothing of it is left however this ends. -1, with
/// a word on stderr: it cannot be made.
int unlinked_file(const char* directory);
/// Fills it with this much, in blocks; false, with a word on stderr, when the disk refuses. Stops early at is_over().
bool fill(int fd, std::size_t bytes);

}  // namespace tideline::test
