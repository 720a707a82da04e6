#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "storage/files/fd.h"
#include "storage/files/files.h"
#include "storage/files/gunzip.h"
#include "storage/files/line_splitter.h"

namespace tideline::files {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::size_t kMagicBytes = 2;

}  // namespace

model::Result<void> for_each_line(const std::string& path, std::size_t max_line,
                                  const std::function<model::Result<void>(std::string_view line)>& line,
                                  const std::function<void(std::size_t read)>& progress) {
  const bool standard = path == "-";
  const std::string name = standard ? "standard input" : path;
  const Fd own(standard ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!standard && !own.open()) return io_error(path, "open");
  const int fd = standard ? STDIN_FILENO : own.number();

  std::vector<char> buffer(kReadBytes);
  std::size_t filled = 0;
  // A pipe may give its bytes one by one.
  while (filled < kMagicBytes) {
    const auto got = read_some(fd, buffer.data() + filled, buffer.size() - filled, name);
    if (!got) return got.error();
    if (*got == 0) break;
    filled += *got;
  }
  LineSplitter splitter(max_line, line);
  const Gunzip::Sink unpacked = [&](std::string_view bytes) { return splitter.add(bytes); };
  Gunzip gunzip(name, unpacked);
  const bool packed = Gunzip::is_gzip({buffer.data(), filled});

  std::size_t done = 0;
  while (filled > 0) {
    const std::string_view bytes(buffer.data(), filled);
    if (auto taken = packed ? gunzip.add(bytes) : splitter.add(bytes); !taken) return taken;
    done += filled;
    if (progress) progress(done);
    const auto got = read_some(fd, buffer.data(), buffer.size(), name);
    if (!got) return got.error();
    filled = *got;
  }
  if (packed) {
    if (auto whole = gunzip.finish(); !whole) return whole;
  }
  return splitter.finish();
}

}  // namespace tideline::files
