#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "test/support/memory_load/loads.h"
#include "test/support/memory_load/region.h"

namespace tideline::test {
namespace {

constexpr std::int64_t kTellEveryNs = 100'000'000;

/// Passes over files, and how much went through them.
class Streams {
 public:
  explicit Streams(const StreamPlan& plan) : plan_(plan), block_(kMib, 'x'), begun_(now_ns()), told_(begun_) {}
  ~Streams() {
    for (const int fd : files_)
      ::close(fd);
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  bool make_files() {
    for (std::size_t made = plan_.file_mib; made <= plan_.mib && !is_over(); made += plan_.file_mib) {
      const int fd = unlinked_file(plan_.directory.c_str());
      if (fd < 0) return false;
      files_.push_back(fd);
      if (!pass(fd, true)) return false;
    }
    return true;
  }
  bool stream() {
    std::minstd_rand random(1);
    while (!is_over()) {
      for (const int fd : files_) {
        const bool writes = static_cast<int>(random() % 100) < plan_.write_percent;
        if (!pass(fd, writes)) return false;
      }
    }
    return true;
  }
  double mib() const { return static_cast<double>(bytes_) / static_cast<double>(kMib); }
  double seconds() const { return static_cast<double>(now_ns() - begun_) / 1e9; }

 private:
  bool pass(int fd, bool writes) {
    const std::size_t bytes = plan_.file_mib * kMib;
    for (std::size_t at = 0; at < bytes && !is_over();) {
      const std::size_t wanted = std::min(block_.size(), bytes - at);
      const ssize_t got = writes ? ::pwrite(fd, block_.data(), wanted, static_cast<off_t>(at))
                                 : ::pread(fd, block_.data(), wanted, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        std::fprintf(stderr, "memory_load: %s: %s\n", writes ? "write" : "read", std::strerror(errno));
        return false;
      }
      at += static_cast<std::size_t>(got);
      bytes_ += static_cast<std::size_t>(got);
      tell();
      if (plan_.mib_per_second > 0)
        sleep_until_ns(begun_ + static_cast<std::int64_t>(mib() / plan_.mib_per_second * 1e9));
    }
    return true;
  }
  void tell() {
    const std::int64_t now = now_ns();
    if (now - told_ < kTellEveryNs) return;
    told_ = now;
    say(fmt::format("p {:.3f} {:.1f}", static_cast<double>(now) / 1e6, mib()));
  }

  const StreamPlan& plan_;
  std::vector<char> block_;
  std::vector<int> files_;
  std::size_t bytes_ = 0;
  std::int64_t begun_;
  std::int64_t told_;
};

}  // namespace

int run_stream(const Life& life, const StreamPlan& plan) {
  if (!begin_life(life, true)) return 1;
  Streams streams(plan);
  if (!streams.make_files()) return 1;
  say("ready");
  if (!streams.stream()) return 1;
  say(fmt::format("{{\"seconds\": {:.3f}, \"mib\": {:.1f}}}", streams.seconds(), streams.mib()));
  return 0;
}

int run_names(const Life& life, const NamesPlan& plan) {
  if (!begin_life(life, true)) return 1;
  // A dentry, and its name beside it once that is longer than fits in.
  constexpr std::size_t kBytesOfOne = 192 + 256;
  const std::string tail(200, 'n');
  std::size_t looked_up = 0;
  for (; looked_up < plan.mib * kMib / kBytesOfOne && !is_over(); ++looked_up)
    static_cast<void>(::access(fmt::format("/sys/kernel/{}-{}-{}", ::getpid(), looked_up, tail).c_str(), F_OK));
  say("ready");
  while (!is_over())
    sleep_until_ns(now_ns() + 1'000'000'000);
  say(fmt::format("{{\"names\": {}}}", looked_up));
  return 0;
}

}  // namespace tideline::test
