#include "node-actor/guard/quota_room.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "node-actor/kernel/child_groups.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::guard {
namespace {

namespace fs = std::filesystem;

/// What the kernel takes at least (kernel/sched/core.c, min_cfs_quota_period).
constexpr std::int64_t kLeastQuotaUs = 1000;

std::optional<std::int64_t> number_in(const fs::path& file) {
  const auto text = kernel::read_file(file.string());
  return text ? kernel::parse_number(*text) : std::nullopt;
}

bool bring_down(Journal& journal, const fs::path& group, std::int64_t quota_us) {
  const auto path = (group / kQuotaFile).string();
  const auto directory = kernel::open_directory(group.string());
  const auto current = kernel::read_file(path);
  if (!directory || !current) return false;
  const kernel::FileIdentity file{path, directory->device, directory->inode};
  const auto value = std::to_string(quota_us);
  if (!journal.record(file, *current, value, RestoreClass::kRestore)) return false;
  journal.intend(file, *current, value);
  return kernel::write_identified(file, value).ok();
}

}  // namespace

int make_room_below(Journal& journal, const kernel::FileIdentity& quota, const std::string& value) {
  const fs::path path(quota.path);
  if (path.filename() != kQuotaFile) return 0;
  const auto allowed_us = kernel::parse_number(value);
  const auto period_us = number_in(path.parent_path() / kPeriodFile);
  if (!allowed_us || *allowed_us <= 0 || !period_us || *period_us <= 0) return 0;
  int done = 0;
  auto groups = kernel::groups_below(path.parent_path().string());
  // What is in a group has to come down before it.
  std::reverse(groups.begin(), groups.end());
  for (const auto& name : groups) {
    const fs::path group(name);
    const auto own_us = number_in(group / kQuotaFile);
    const auto own_period_us = number_in(group / kPeriodFile);
    if (!own_us || *own_us <= 0 || !own_period_us) continue;
    const auto share_us = std::max(*allowed_us * *own_period_us / *period_us, kLeastQuotaUs);
    if (*own_us > share_us && bring_down(journal, group, share_us)) ++done;
  }
  return done;
}

}  // namespace tideline::guard
