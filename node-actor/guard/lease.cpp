#include "node-actor/guard/lease.h"

#include <atomic>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tideline::guard {

struct Lease::Page {
  std::atomic<std::uint64_t> epoch;
  std::atomic<std::int64_t> beat_ns;
};

namespace {
constexpr std::size_t kFileBytes = 4096;
constexpr const char* kLeaseVariable = "TIDELINE_GUARD_LEASE";
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the page is shared between processes");
}  // namespace

Lease::Page& Lease::page() const {
  return *static_cast<Page*>(file_.data());
}

model::Result<Lease> Lease::take(const std::string& state_dir) {
  auto file = MappedFile::open(state_dir + "/lease", kFileBytes);
  if (!file) return file.error();
  Lease lease(std::move(*file));
  lease.advance();
  return lease;
}

model::Result<Lease> Lease::take_in_memory() {
  kernel::Fd memory(::memfd_create("tideline-lease", MFD_CLOEXEC));
  if (!memory.open()) return unavailable("make", "a lease in memory");
  const auto path = fmt::format("/proc/{}/fd/{}", ::getpid(), memory.get());
  auto file = MappedFile::open(path, kFileBytes);
  if (!file) return file.error();
  Lease lease(std::move(*file));
  lease.memory_ = std::move(memory);
  lease.advance();
  ::setenv(kLeaseVariable, path.c_str(), 1);
  return lease;
}

model::Result<Lease> Lease::join(const std::string& state_dir, std::uint64_t epoch) {
  const char* in_memory = std::getenv(kLeaseVariable);
  const auto path = in_memory != nullptr ? std::string(in_memory) : state_dir + "/lease";
  auto file = MappedFile::open(path, kFileBytes);
  if (!file) return file.error();
  Lease lease(std::move(*file));
  lease.epoch_ = epoch;
  if (!lease.still_mine()) {
    return model::Error(model::ErrorCode::kFenced, fmt::format("{} is at epoch {}, this worker was started for {}",
                                                               path, lease.page().epoch.load(), epoch));
  }
  return lease;
}

void Lease::beat(model::MonoTime now) {
  page().beat_ns.store(now.ns, std::memory_order_release);
}

model::MonoTime Lease::last_beat() const {
  return {page().beat_ns.load(std::memory_order_acquire)};
}

bool Lease::still_mine() const {
  return page().epoch.load(std::memory_order_acquire) == epoch_;
}

void Lease::advance() {
  epoch_ = page().epoch.fetch_add(1, std::memory_order_acq_rel) + 1;
  page().beat_ns.store(0, std::memory_order_release);
}

}  // namespace tideline::guard
