#include "node-actor/actor/be_quota.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/quota.h"

namespace tideline::node {
namespace {

constexpr const char* kV1Quota = "cpu.cfs_quota_us";
constexpr const char* kV1Period = "cpu.cfs_period_us";
constexpr const char* kV2Quota = "cpu.max";

/// Of the very group that is there now: a record of another tree or of a group made again is not about it.
std::optional<std::string> original_of(const guard::Journal& journal, const kernel::CgroupTree& tree,
                                       const std::string& file) {
  const auto directory = tree.directory(tree.best_effort(), file);
  if (!directory) return std::nullopt;
  const auto held = kernel::open_directory(*directory);
  if (!held) return std::nullopt;
  const auto record = journal.find({*directory + "/" + file, held->device, held->inode});
  return record ? std::optional(record->original) : std::nullopt;
}

}  // namespace

BeQuota::BeQuota(const kernel::CgroupTree& tree, const guard::Journal& journal, std::int64_t period_us, Perform perform)
    : tree_(tree), period_us_(period_us), perform_(std::move(perform)) {
  const auto quota = original_of(journal, tree_, v1() ? kV1Quota : kV2Quota);
  if (!quota) return;
  inherited_ = true;
  before_ = Before{.quota = *quota, .period_us = 0};
  if (!v1()) return;
  if (const auto period = original_of(journal, tree_, kV1Period)) {
    before_->period_us = kernel::parse_number(*period).value_or(0);
  }
}

model::Result<bool> BeQuota::set_period(std::int64_t period_us, model::Reason reason) {
  const auto outcome =
      perform_(kernel::period_write(tree_.best_effort(), period_us, model::Controller::kCpuSuppress, reason));
  if (outcome) return true;
  if (outcome.error().code() == model::ErrorCode::kFenced) return outcome.error();
  log::warn("quota-period", "{}", outcome.error().message());
  return false;
}

model::Result<decide::CurrentLimit> BeQuota::limit(model::MilliCpu limit, model::Reason reason) {
  const auto now = kernel::read_quota(tree_, tree_.best_effort());
  if (!now) return now.error();
  // Nothing of ours is in force: also after the group was made again.
  const bool untouched = !now->limit && now->period_us != period_us_;
  if (!before_ || untouched) before_ = Before{.quota = now->raw, .period_us = now->period_us};
  std::int64_t period_us = now->period_us;
  if (!now->limit && period_us != period_us_) {
    if (!v1()) {
      period_us = period_us_;
    } else {
      const auto taken = set_period(period_us_, reason);
      if (!taken) return taken.error();
      if (*taken) period_us = period_us_;
    }
  }
  const auto write = kernel::quota_write(tree_.version(), period_us, tree_.best_effort(), limit,
                                         model::Controller::kCpuSuppress, reason);
  if (const auto written = perform_(write); !written) return written.error();
  written_ = Written{.quota = write.value, .period_us = period_us};
  return decide::CurrentLimit::of(limit);
}

model::Result<decide::CurrentLimit> BeQuota::release(model::Reason reason) {
  model::KernelWrite write = kernel::quota_write(tree_.version(), kernel::kUsualPeriodUs, tree_.best_effort(),
                                                 std::nullopt, model::Controller::kCpuSuppress, reason);
  if (before_) write.value = before_->quota;
  if (const auto written = perform_(write); !written) return written.error();
  if (v1() && before_ && before_->period_us > 0) {
    if (const auto returned = set_period(before_->period_us, reason); !returned) return returned.error();
  }
  before_.reset();
  written_.reset();
  const auto now = kernel::read_quota(tree_, tree_.best_effort());
  if (!now) return now.error();
  return now->limit ? decide::CurrentLimit::of(*now->limit) : decide::CurrentLimit::none();
}

std::optional<BeQuota::Foreign> BeQuota::foreign() const {
  if (!written_) return std::nullopt;
  const auto now = kernel::read_quota(tree_, tree_.best_effort());
  if (!now) return std::nullopt;
  if (now->period_us == written_->period_us && guard::same_value(now->file, now->raw, written_->quota)) {
    return std::nullopt;
  }
  return Foreign{.file = now->file, .found = now->raw, .ours = written_->quota};
}

void BeQuota::forget() {
  before_.reset();
  written_.reset();
  inherited_ = false;
}

std::string BeQuota::missing_knob() const {
  const std::string file = v1() ? kV1Quota : kV2Quota;
  const auto path = tree_.path(tree_.best_effort(), file);
  std::error_code ignored;
  if (!path || std::filesystem::exists(*path, ignored)) return {};
  const bool group_is_there = std::filesystem::exists(std::filesystem::path(*path).parent_path(), ignored);
  return group_is_there ? file : std::string();
}

}  // namespace tideline::node
