#include "node-actor/guard/reclaim.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "node-actor/guard/journal.h"
#include "node-actor/kernel/parse.h"

namespace tideline::guard {
namespace {

std::string group_of(const kernel::FileIdentity& file) {
  return file.path.substr(0, file.path.rfind('/'));
}

model::Result<std::int64_t> number_in(const std::string& path) {
  const auto text = kernel::read_value(path);
  if (!text) return text.error();
  const auto number = kernel::parse_number(*text);
  if (!number) return kernel::malformed(path, *text);
  return *number;
}

/// Page cache of the group and all below it that can go at once.
model::Result<std::int64_t> clean_cache(const std::string& group) {
  const auto path = group + "/memory.stat";
  const auto text = kernel::read_file(path);
  if (!text) return text.error();
  const auto active = kernel::parse_keyed(*text, "total_active_file");
  const auto inactive = kernel::parse_keyed(*text, "total_inactive_file");
  if (!active || !inactive) return kernel::malformed(path, *text);
  const auto dirty = kernel::parse_keyed(*text, "total_dirty").value_or(0);
  const auto under_way = kernel::parse_keyed(*text, "total_writeback").value_or(0);
  return *active + *inactive - dirty - under_way;
}

/// EBUSY and EAGAIN, which are kUnavailable by themselves: the kernel could not free it all.
model::Result<void> as_shortfall(const model::Result<void>& written) {
  if (written || written.error().code() != model::ErrorCode::kUnavailable) return written;
  return model::Error(model::ErrorCode::kOverloaded, written.error().message());
}

model::Error fenced_off(const kernel::FileIdentity& file) {
  return {model::ErrorCode::kFenced, fmt::format("{} not written: another owner took the lease", file.path)};
}

bool is_allowed(const MayWrite& may_write) {
  return !may_write || may_write();
}

std::int64_t fallen(std::int64_t before, const model::Result<std::int64_t>& after) {
  return after ? std::max<std::int64_t>(before - *after, 0) : 0;
}

Reclaiming go_down_v1(const kernel::FileIdentity& limit_file, const std::string& lowest, bool comes_back,
                      const MayWrite& may_write) {
  const auto group = group_of(limit_file);
  const auto usage_path = group + "/memory.usage_in_bytes";
  const auto before = kernel::read_value(limit_file.path);
  if (!before) return {before.error(), 0};
  const auto usage = number_in(usage_path);
  if (!usage) return {usage.error(), 0};
  const auto limit = kernel::parse_number(*before);
  const auto low = kernel::parse_number(lowest);
  if (!limit || !low || *low <= 0 || *low >= *limit) {
    return {model::invalid(fmt::format("{} holds {}: {} is no limit below it", limit_file.path, *before, lowest)), 0};
  }
  const auto asked = *usage - *low;
  if (asked <= 0 && comes_back) return {{}, 0};
  const auto cache = clean_cache(group);
  if (!cache) return {cache.error(), 0};
  if (*cache < 2 * asked) {
    return {
        model::Error(model::ErrorCode::kOverloaded,
                     fmt::format("{}: {} bytes of page cache are not twice the {} asked for", group, *cache, asked)),
        0};
  }
  if (!is_allowed(may_write)) return {fenced_off(limit_file), 0};
  const auto lowered = as_shortfall(kernel::write_identified(limit_file, lowest));
  const auto freed = fallen(*usage, number_in(usage_path));
  if (!comes_back) return {lowered, freed};
  if (!is_allowed(may_write)) return {fenced_off(limit_file), freed};
  const auto now = kernel::read_value(limit_file.path);
  if (now && same_value(limit_file.path, *now, *before)) return {lowered, freed};
  if (const auto back = kernel::write_identified(limit_file, *before); !back) return {back.error(), freed};
  return {lowered, freed};
}

}  // namespace

Reclaiming reclaim_v1(const kernel::FileIdentity& limit_file, const std::string& lowest, const MayWrite& may_write) {
  return go_down_v1(limit_file, lowest, true, may_write);
}

Reclaiming lower_v1(const kernel::FileIdentity& limit_file, const std::string& limit, const MayWrite& may_write) {
  return go_down_v1(limit_file, limit, false, may_write);
}

Reclaiming reclaim_v2(const kernel::FileIdentity& beside, std::int64_t bytes, const MayWrite& may_write) {
  const auto group = group_of(beside);
  const auto usage_path = group + "/memory.current";
  const auto usage = number_in(usage_path);
  if (!usage) return {usage.error(), 0};
  if (!is_allowed(may_write)) return {fenced_off(beside), 0};
  const kernel::FileIdentity file{.path = group + "/memory.reclaim", .device = beside.device, .inode = beside.inode};
  const auto done = as_shortfall(kernel::write_identified(file, std::to_string(bytes)));
  return {done, fallen(*usage, number_in(usage_path))};
}

}  // namespace tideline::guard
