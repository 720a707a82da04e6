#include <cstdio>
#include <random>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "deploy/demo/loadgen/latency.h"
#include "test/support/memory_load/loads.h"
#include "test/support/memory_load/region.h"

namespace tideline::test {
namespace {

/// The file's pages, read through a mapping without read-ahead: one that was reclaimed is a major fault.
class MappedFile {
 public:
  MappedFile(const std::string& directory, std::size_t bytes) : bytes_(bytes / kPage * kPage) {
    if (directory.empty() || bytes_ == 0) return;
    fd_ = unlinked_file(directory.c_str());
    if (fd_ < 0 || !fill(fd_, bytes_)) return;
    ::fdatasync(fd_);
    void* at = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd_, 0);
    if (at == MAP_FAILED) return;
    ::madvise(at, bytes_, MADV_RANDOM);
    data_ = static_cast<const volatile std::uint8_t*>(at);
    for (std::size_t page = 0; page < pages(); ++page)
      read_page(page);
  }
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), bytes_);
    if (fd_ >= 0) ::close(fd_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::size_t pages() const { return data_ == nullptr ? 0 : bytes_ / kPage; }
  bool wanted_and_not_there() const { return bytes_ > 0 && data_ == nullptr; }
  void read_page(std::size_t page) { sum_ = sum_ + data_[page * kPage]; }

 private:
  std::size_t bytes_;
  int fd_ = -1;
  const volatile std::uint8_t* data_ = nullptr;
  volatile unsigned long sum_ = 0;
};

long major_faults() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used.ru_majflt;
}

}  // namespace

int run_touch(const Life& life, const TouchPlan& plan) {
  if (!begin_life(life, true)) return 1;
  Region anon(plan.anon_mib * kMib);
  anon.touch(0, anon.pages());
  MappedFile file(plan.directory, plan.directory.empty() ? 0 : plan.file_mib * kMib);
  if (file.wanted_and_not_there()) return 1;
  say("ready");

  std::minstd_rand random(1);
  loadgen::LatencyLog latencies;
  std::string lines;
  const auto every_ns = static_cast<std::int64_t>(1e9 / plan.per_second);
  const long faults_before = major_faults();
  const std::int64_t begun = now_ns();
  std::int64_t told = begun;
  for (std::int64_t intended = begun; !is_over(); intended += every_ns) {
    sleep_until_ns(intended);
    if (is_over()) break;
    for (std::size_t i = 0; i < plan.anon_pages && anon.pages() > 0; ++i)
      anon.touch_page(random() % anon.pages());
    for (std::size_t i = 0; i < plan.file_pages && file.pages() > 0; ++i)
      file.read_page(random() % file.pages());
    if (plan.scratch_kib > 0) {
      Region scratch(plan.scratch_kib * 1024);
      scratch.touch(0, scratch.pages());
    }
    const std::int64_t done = now_ns();
    latencies.add(std::chrono::nanoseconds(done - intended));
    if (!plan.samples) continue;
    lines += fmt::format("s {:.3f} {}\n", static_cast<double>(intended) / 1e6, (done - intended) / 1000);
    if (done - told < 50'000'000) continue;
    lines.pop_back();
    say(lines);
    lines.clear();
    told = done;
  }
  if (!lines.empty()) {
    lines.pop_back();
    say(lines);
  }
  say(fmt::format(
      "{{\"seconds\": {:.3f}, \"requests\": {}, \"p50_ms\": {:.4f}, \"p90_ms\": {:.4f}, \"p99_ms\": {:.4f}, "
      "\"p99_9_ms\": {:.4f}, \"max_ms\": {:.4f}, \"major_faults\": {}}}",
      static_cast<double>(now_ns() - begun) / 1e9, latencies.count(), latencies.quantile_ms(0.5),
      latencies.quantile_ms(0.9), latencies.quantile_ms(0.99), latencies.quantile_ms(0.999), latencies.quantile_ms(1),
      major_faults() - faults_before));
  return 0;
}

}  // namespace tideline::test
