#include "node-actor/kernel/cpu_counter.h"

#include <array>
#include <limits>

#include <unistd.h>

#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

using model::Duration;
using model::Result;

namespace {

constexpr std::int64_t kMaxUs = std::numeric_limits<std::int64_t>::max() / 1000;

std::optional<Duration> from_us(std::optional<std::int64_t> us) {
  if (!us || *us < 0 || *us > kMaxUs) return std::nullopt;
  return std::chrono::microseconds(*us);
}

bool readable(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0;
}

}  // namespace

std::optional<Duration> parse_group_cpu(std::string_view text, bool v1) {
  if (!v1) return from_us(parse_keyed(text, "usage_usec"));
  const auto ns = parse_number(text);
  return ns && *ns >= 0 ? std::optional(Duration(*ns)) : std::nullopt;
}

NodeCpuCounter::NodeCpuCounter(const CgroupTree& tree) : file_(tree.root().proc + "/stat") {
  const bool v1 = tree.version() == CgroupVersion::kV1;
  const auto root = tree.directory("", group_cpu_file(tree.version()));
  if (!root) return;
  // Only the true root has v1's release_agent and lacks v2's cgroup.type: a namespace or a bind mount may show a part.
  const bool true_root = v1 ? readable(*root + "/release_agent") : !readable(*root + "/cgroup.type");
  const std::string path = *root + "/" + std::string(group_cpu_file(tree.version()));
  if (!true_root || !readable(path)) return;
  source_ = v1 ? Source::kCpuacct : Source::kCpuStat;
  file_ = KeptFile(path);
}

std::optional<Duration> NodeCpuCounter::parse(std::string_view text) const {
  switch (source_) {
    case Source::kCpuacct:
      return parse_group_cpu(text, true);
    case Source::kCpuStat: {
      const auto user = from_us(parse_keyed(text, "user_usec"));
      const auto system = from_us(parse_keyed(text, "system_usec"));
      return user && system && *user <= Duration::max() - *system ? std::optional(*user + *system) : std::nullopt;
    }
    case Source::kProcStat:
      break;
  }
  static const std::int64_t us_per_tick = 1'000'000 / ::sysconf(_SC_CLK_TCK);
  const auto ticks = parse_stat_ticks(text);
  return ticks && *ticks <= kMaxUs / us_per_tick ? from_us(*ticks * us_per_tick) : std::nullopt;
}

Result<Duration> NodeCpuCounter::read() {
  std::array<char, 4096> buffer;  // of /proc/stat the first line is enough
  const auto text = file_.read_start(buffer.data(), buffer.size());
  if (!text) return text.error();
  const auto used = parse(*text);
  if (!used) return malformed(file_.path(), *text);
  return *used;
}

}  // namespace tideline::kernel
