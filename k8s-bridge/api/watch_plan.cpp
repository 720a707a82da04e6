#include "k8s-bridge/api/watch_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace tideline::k8s_api {
namespace {

constexpr std::size_t kSmallestPage = 10;
// A watch that ends sooner and without an event is no sign of a server that works.
constexpr model::Duration kShortWatch = std::chrono::seconds(1);
// One that lasted so long proved that it does, whatever ended it.
constexpr model::Duration kProvenWatch = std::chrono::seconds(5);
// A server that was restored from a backup knows the version that a watch resumes from no better each time.
constexpr unsigned kMaxRefusals = 3;
constexpr unsigned kMaxDoublings = 20;

}  // namespace

WatchPlan::WatchPlan(WatchedResource resource, const WatchPlanConfig& config, std::uint64_t seed)
    : resource_(std::move(resource)),
      config_(config),
      random_(seed),
      page_size_(std::max<std::size_t>(resource_.page_size, 1)) {}

WatchPlan::Step WatchPlan::next() {
  Step step;
  step.wait = std::exchange(wait_, model::kZeroDuration);
  if (listing_) {
    step.kind = Step::Kind::kPage;
    step.first = continue_token_.empty();
    std::string own = fmt::format("limit={}", page_size_);
    if (!step.first) own += "&continue=" + escaped(continue_token_);
    step.path = with_query(resource_.path, own);
    return step;
  }
  had_event_ = false;
  step.kind = Step::Kind::kWatch;
  // Many watches that began together do not end together.
  const auto longest = std::max<std::int64_t>(config_.watch_timeout.count(), 1);
  const model::Duration timeout(std::uniform_int_distribution<std::int64_t>(longest, 2 * longest)(random_));
  const auto seconds = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(timeout).count(), 1);
  step.path = with_query(
      resource_.path,
      fmt::format("watch=1&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}", seconds, escaped(version_)));
  return step;
}

void WatchPlan::on_page(const std::string& resource_version, const std::string& continue_token) {
  // Later pages are of the first one's instant; should a server take a later one, then what changed in between is
  // watched once more, and not missed.
  if (continue_token_.empty()) list_version_ = resource_version;
  continue_token_ = continue_token;
  if (!continue_token_.empty()) return;
  listing_ = false;
  version_ = list_version_;
  refusals_ = 0;
}

bool WatchPlan::on_page_too_long() {
  if (page_size_ <= kSmallestPage) {
    on_failed(true, model::kZeroDuration);
    return false;
  }
  page_size_ = std::max(kSmallestPage, page_size_ / 2);
  return true;
}

bool WatchPlan::on_gone() {
  list_anew();
  if (gone_++ == 0) return true;
  back_off();
  return false;
}

void WatchPlan::on_unreadable() {
  list_anew();
  back_off();
}

void WatchPlan::on_failed(bool answered, model::Duration lasted) {
  if (lasted >= kProvenWatch) did_well();
  if (listing_ || (answered && ++refusals_ >= kMaxRefusals)) list_anew();
  back_off();
}

bool WatchPlan::on_ended(model::Duration lasted) {
  if (had_event_ || lasted >= kShortWatch) {
    did_well();
    return true;
  }
  back_off();
  return false;
}

void WatchPlan::on_event(const std::string& resource_version) {
  version_ = resource_version;
  had_event_ = true;
  did_well();
}

void WatchPlan::list_anew() {
  listing_ = true;
  continue_token_.clear();
  refusals_ = 0;
}

void WatchPlan::back_off() {
  const unsigned doublings = std::min(failures_, kMaxDoublings);
  ++failures_;
  const auto most = std::min(config_.backoff_max, config_.backoff_min * (std::int64_t{1} << doublings)).count();
  wait_ = model::Duration(std::uniform_int_distribution<std::int64_t>(most / 2, most)(random_));
}

void WatchPlan::did_well() {
  failures_ = 0;
  refusals_ = 0;
  gone_ = 0;
}

std::string WatchPlan::with_query(std::string path, std::string_view own) const {
  path += '?';
  path += own;
  if (!resource_.query.empty()) path += "&" + resource_.query;
  return path;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace tideline::k8s_api
