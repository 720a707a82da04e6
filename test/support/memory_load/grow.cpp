#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/memory_load/loads.h"
#include "test/support/memory_load/region.h"

namespace tideline::test {
namespace {

constexpr std::size_t kChunkPages = 64;

/// Where it takes its time, each chunk has the time that its bytes are given.
void take(Region& region, double mib_per_second) {
  const std::int64_t begun = now_ns();
  for (std::size_t page = 0; page < region.pages() && !is_over(); page += kChunkPages) {
    region.touch(page, kChunkPages);
    if (mib_per_second <= 0) continue;
    const double done_mib = static_cast<double>((page + kChunkPages) * kPage) / static_cast<double>(kMib);
    sleep_until_ns(begun + static_cast<std::int64_t>(done_mib / mib_per_second * 1e9));
  }
}

void hold(Region& region, const GrowPlan& plan) {
  const std::size_t wave = std::min(plan.wave_mib * kMib / kPage, region.pages());
  const auto half_ns = static_cast<std::int64_t>(plan.wave_seconds * 1e9);
  while (!is_over()) {
    sleep_until_ns(now_ns() + half_ns);
    if (wave == 0) continue;
    region.drop(region.pages() - wave, wave);
    sleep_until_ns(now_ns() + half_ns);
    region.touch(region.pages() - wave, wave);
  }
}

int grow(const GrowPlan& plan) {
  Region region(plan.mib * kMib);
  say(fmt::format("begin {:.3f}", static_cast<double>(now_ns()) / 1e6));
  take(region, plan.mib_per_second);
  if (!is_over()) say("ready");
  hold(region, plan);
  say(fmt::format("{{\"mib\": {}}}", plan.mib));
  return 0;
}

}  // namespace

int run_grow(const Life& life, const GrowPlan& plan) {
  return begin_life(life, false) ? grow(plan) : 1;
}

int run_many(const Life& life, const GrowPlan& plan, std::size_t count) {
  if (!begin_life(life, false)) return 1;
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      // In its parent's group already.
      Life own = life;
      own.enter.clear();
      ::_exit(run_grow(own, plan));
    }
    if (child > 0) children.push_back(child);
  }
  int worst = children.size() == count ? 0 : 1;
  for (const pid_t child : children) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) worst = 1;
  }
  return worst;
}

}  // namespace tideline::test
