#include "k8s-bridge/publish/node_row.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "k8s-bridge/publish/explanation.h"

namespace tideline::publish {
namespace {

using model::Duration;
using model::MonoTime;
using model::ReclaimRule;

constexpr MonoTime kAtOnce{std::numeric_limits<std::int64_t>::min()};
constexpr Duration kFirstAnswerAfter = std::chrono::seconds(1);
constexpr double kDefaultThreshold = 0.1;
/// Events of a Node while one write is under way; further ones are as good as not told of.
constexpr std::size_t kMaxSeenVersions = 16;

/// Of two that are due at one instant the lower goes first.
int rank(WriteReason reason) {
  switch (reason) {
    case WriteReason::kWithdraw:
      return 0;
    case WriteReason::kFall:
      return 1;
    case WriteReason::kForeign:
      return 2;
    case WriteReason::kRise:
      return 3;
    case WriteReason::kRefresh:
      return 4;
  }
  return 4;
}

bool says_something(const model::Reclaimed& account) {
  if (account.cpu.rule == ReclaimRule::kStale) return false;
  return account.cpu.rule != ReclaimRule::kDisabled || account.policy != model::PolicyVersion();
}

std::optional<std::string> changed_text(const std::string& wanted, const std::string& before) {
  if (wanted.empty() && before.empty()) return std::nullopt;
  return wanted;
}

std::string annotation_of(const k8s::NodeObject& node, std::string_view key) {
  const auto found = node.annotations.find(std::string(key));
  return found == node.annotations.end() ? std::string() : found->second;
}

}  // namespace

void NodeRow::offer(const Offer& offer, const PublishOptions& options, MonoTime now) {
  offer_ = offer;
  offered_at_ = now;
  was_heard_ = was_heard_ || says_something(offer.account);
  reckon(options);
  judge(options, now);
  look(options, now);
}

void NodeRow::requested(const k8s::BatchRequests& requests, const PublishOptions& options, MonoTime now) {
  requested_ = requests;
  reckon(options);
  judge(options, now);
  look(options, now);
}

void NodeRow::reckon(const PublishOptions& options) {
  publishes_ = options.older_names;
  if (!offer_) return;
  terms_ = terms_of(offer_->account, options.older_names, requested_);
  for (std::size_t i = 0; i < kResources; ++i) {
    if (!is_silent() && !lanes_[i].safe) lanes_[i].safe = terms_[i].safe;
  }
}

std::optional<Foreign> NodeRow::observed(const k8s::NodeObject& node, const PublishOptions& options, MonoTime now) {
  seen_ = {.allocatable = values_of(node.allocatable),
           .capacity = values_of(node.capacity),
           .has_account = node.annotations.contains(std::string(k8s::kAccountAnnotation)),
           .older = older_names_in(annotation_of(node, k8s::kAccountAnnotation)),
           .notes = {.origin = annotation_of(node, k8s::kOriginAnnotation),
                     .normalization = annotation_of(node, k8s::kNormalizationAnnotation),
                     .amplification = annotation_of(node, k8s::kAmplificationAnnotation)},
           .resource_version = node.key.resource_version};
  seen_is_old_ = false;
  reckon(options);
  if (!is_there_ || uid_ != node.key.uid) begin_anew(node, now);
  if (in_flight_ && in_flight_->seen_versions.size() < kMaxSeenVersions) {
    in_flight_->seen_versions.push_back(node.key.resource_version);
  }
  if (behind_until_ && (now >= *behind_until_ || seen_.resource_version == awaited_version_)) behind_until_.reset();
  judge(options, now);
  look(options, now);
  return foreign(model::NodeName(node.key.name));
}

void NodeRow::forget() {
  is_there_ = false;
  requested_.reset();
  if (in_flight_) in_flight_->is_obsolete = true;
  due_.reset();
  above_since_.reset();
}

void NodeRow::settle(const PublishOptions& options, MonoTime now) {
  if (!behind_until_ || in_flight_ || now < *behind_until_) return;
  behind_until_.reset();
  judge(options, now);
  look(options, now);
}

std::optional<MonoTime> NodeRow::next() const {
  if (!is_there_ || in_flight_) return std::nullopt;
  std::optional<MonoTime> next;
  if (due_) next = due_->at;
  if (behind_until_ && is_another_seen()) next = std::min(next.value_or(*behind_until_), *behind_until_);
  return next;
}

Write NodeRow::write(const model::NodeName& name, const PublishOptions& options, MonoTime now) {
  Flight flight;
  flight.reason = due_ ? due_->reason : WriteReason::kRefresh;
  flight.at = now;
  for (std::size_t i = 0; i < kResources; ++i) {
    if (!is_ours(i)) continue;
    const Lane& lane = lanes_[i];
    const auto due = due_of(i, options);
    const bool is_due = is_silent() || (due && earliest(due->at, options) <= now);
    flight.safe[i] = terms_[i].safe;
    flight.by_others[i] = terms_[i].by_others;
    flight.sets[i] = is_due || !lane.is_foreign;
    flight.values[i] = flight.sets[i] ? value_for(i, is_due) : lane.published;
    const std::int64_t before = lane.published.value_or(0);
    const std::int64_t after = flight.values[i].value_or(0);
    flight.rises = flight.rises || (after > before && is_beyond(after - before, before));
  }
  Patch patch{.uid = uid_, .values = flight.values, .sets = flight.sets};
  fill_annotations(flight, patch, options, now);
  Write write{.node = name, .reason = flight.reason, .body = merge_patch(patch), .values = extended_of(flight.values)};
  in_flight_ = std::move(flight);
  last_write_ = now;
  look(options, now);
  return write;
}

void NodeRow::written(const std::string& resource_version, const PublishOptions& options, MonoTime now) {
  if (!in_flight_) return;
  const Flight flight = *std::exchange(in_flight_, std::nullopt);
  if (!flight.is_obsolete) {
    for (std::size_t i = 0; i < kResources; ++i) {
      Lane& lane = lanes_[i];
      if (!flight.sets[i]) continue;
      lane.was_written = lane.was_written || lane.published || flight.values[i];
      lane.published = flight.values[i];
      lane.safe = flight.safe[i];
      lane.by_others = flight.by_others[i];
      if (!lane.is_foreign) continue;
      lane.is_foreign = false;
      lane.answered_at = now;
    }
    if (flight.rises) last_rise_ = flight.at;
    has_account_ = flight.has_account;
    older_ = flight.older;
    notes_ = flight.notes;
    failed_.reset();
    retry_at_ = {};
    const auto& seen = flight.seen_versions;
    const bool was_seen = resource_version == seen_.resource_version ||
                          std::find(seen.begin(), seen.end(), resource_version) != seen.end();
    behind_until_.reset();
    if (resource_version.empty() || !was_seen) {
      awaited_version_ = resource_version;
      behind_until_ = now + options.watch_lag;
      seen_is_old_ = true;
    }
  }
  judge(options, now);
  look(options, now);
}

void NodeRow::failed(Duration retry_in, const PublishOptions& options, MonoTime now) {
  if (!in_flight_) return;
  Flight flight = *std::exchange(in_flight_, std::nullopt);
  if (!flight.is_obsolete) {
    failed_ = std::move(flight);
    retry_at_ = now + retry_in;
  }
  judge(options, now);
  look(options, now);
}

bool NodeRow::is_beyond(std::int64_t difference, std::int64_t published) const {
  const double asked = offer_ ? offer_->diff_threshold : kDefaultThreshold;
  const double threshold = asked >= 0 && asked <= 1 ? asked : kDefaultThreshold;
  return static_cast<double>(difference) > threshold * static_cast<double>(published);
}

bool NodeRow::is_fresh(std::size_t resource) const {
  const Lane& lane = lanes_[resource];
  const Terms& terms = terms_[resource];
  return terms.wanted && terms.is_known && !lane.published && !lane.was_written;
}

bool NodeRow::is_rise(std::size_t resource) const {
  const auto& wanted = terms_[resource].wanted;
  const auto& published = lanes_[resource].published;
  if (!wanted) return false;
  return !published || (*wanted > *published && is_beyond(*wanted - *published, *published));
}

bool NodeRow::must_fall(std::size_t resource, std::int64_t published) const {
  const Terms& terms = terms_[resource];
  if (!terms.wanted) return true;
  if (*terms.wanted >= published) return false;
  // However little it is: a scheduler gives it away by both names.
  if (terms.by_others > lanes_[resource].by_others) return true;
  const auto& safe = lanes_[resource].safe;
  return is_beyond(published - *terms.wanted, published) ||
         (*terms.wanted < terms.committed && terms.committed < published) || (safe && terms.safe < *safe);
}

bool NodeRow::is_ours(std::size_t resource) const {
  const auto name = batch_name_of(resource);
  return name == k8s::BatchName::kKubernetes || publishes_.has(name) || older_.has(name);
}

bool NodeRow::is_published() const {
  for (std::size_t i = 0; i < kResources; ++i) {
    if (is_ours(i) && lanes_[i].published) return true;
  }
  return false;
}

bool NodeRow::is_another_seen() const {
  for (std::size_t i = 0; i < kResources; ++i) {
    if (!is_ours(i)) continue;
    const auto& published = lanes_[i].published;
    if (seen_.allocatable[i] != published || seen_.capacity[i] != published) return true;
  }
  return false;
}

std::optional<std::int64_t> NodeRow::actual(std::size_t resource) const {
  return lanes_[resource].is_foreign ? seen_.allocatable[resource] : lanes_[resource].published;
}

std::optional<std::int64_t> NodeRow::answer(std::size_t resource) const {
  const auto& wanted = terms_[resource].wanted;
  const auto& published = lanes_[resource].published;
  if (wanted && published) return std::min(*wanted, *published);
  return is_fresh(resource) ? wanted : std::nullopt;
}

std::optional<std::int64_t> NodeRow::value_for(std::size_t resource, bool is_due) const {
  if (is_silent()) return std::nullopt;
  const Lane& lane = lanes_[resource];
  const auto& wanted = terms_[resource].wanted;
  if (lane.is_foreign) return answer(resource);
  if (is_due || !is_rise(resource)) return wanted;
  return is_fresh(resource) ? wanted : lane.published;
}

MonoTime NodeRow::refresh_at() const {
  return std::max(last_write_.value_or(first_seen_), first_seen_) + offer_->least_interval;
}

MonoTime NodeRow::earliest(MonoTime at, const PublishOptions& options) const {
  at = std::max(at, retry_at_);
  return last_write_ ? std::max(at, *last_write_ + options.fall_interval) : at;
}

std::optional<NodeRow::Due> NodeRow::due_of(std::size_t resource, const PublishOptions& options) const {
  const Lane& lane = lanes_[resource];
  const auto& wanted = terms_[resource].wanted;
  if (is_silent() || !is_ours(resource)) return std::nullopt;
  if (lane.is_foreign) return Due{lane.answer_at, WriteReason::kForeign};
  if (wanted == lane.published) return std::nullopt;
  if (!wanted) return Due{kAtOnce, WriteReason::kWithdraw};
  if (is_fresh(resource) && *wanted > 0) return Due{kAtOnce, WriteReason::kRise};
  if (is_rise(resource)) {
    if (!lane.rises_since) return std::nullopt;
    MonoTime at = *lane.rises_since + options.rise_stable;
    if (last_rise_) at = std::max(at, *last_rise_ + options.rise_interval);
    return Due{at, WriteReason::kRise};
  }
  if (must_fall(resource, *lane.published)) return Due{kAtOnce, WriteReason::kFall};
  return Due{refresh_at(), WriteReason::kRefresh};
}

std::optional<NodeRow::Due> NodeRow::next_write(const PublishOptions& options) const {
  if (!is_there_ || in_flight_) return std::nullopt;
  std::optional<Due> first;
  const auto consider = [&](Due due) {
    due.at = earliest(due.at, options);
    if (!first || due.at < first->at || (due.at == first->at && rank(due.reason) < rank(first->reason))) first = due;
  };
  if (failed_) consider({retry_at_, failed_->reason});
  if (is_silent()) {
    if (has_account_ && is_published()) consider({first_seen_ + options.start_grace, WriteReason::kWithdraw});
    return first;
  }
  for (std::size_t i = 0; i < kResources; ++i) {
    if (const auto due = due_of(i, options)) consider(*due);
  }
  if (is_published() && notes_ != wanted_notes()) consider({refresh_at(), WriteReason::kRefresh});
  return first;
}

void NodeRow::begin_anew(const k8s::NodeObject& node, MonoTime now) {
  is_there_ = true;
  uid_ = node.key.uid;
  first_seen_ = now;
  lanes_ = {};
  for (std::size_t i = 0; i < kResources; ++i) {
    lanes_[i].published = seen_.allocatable[i];
    if (!is_silent()) lanes_[i].safe = terms_[i].safe;
  }
  if (in_flight_) in_flight_->is_obsolete = true;
  last_rise_.reset();
  failed_.reset();
  retry_at_ = {};
  behind_until_.reset();
  told_.reset();
  above_since_.reset();
}

void NodeRow::judge(const PublishOptions& options, MonoTime now) {
  // A watch that hangs tells nothing of what others wrote.
  if (!is_there_ || behind_until_ || seen_is_old_ || (in_flight_ && !in_flight_->is_obsolete)) return;
  has_account_ = seen_.has_account;
  older_ = seen_.older;
  notes_ = seen_.notes;
  for (std::size_t i = 0; i < kResources; ++i)
    judge(i, options, now);
}

void NodeRow::judge(std::size_t resource, const PublishOptions& options, MonoTime now) {
  Lane& lane = lanes_[resource];
  const auto& found = seen_.allocatable[resource];
  const bool is_alike = found == seen_.capacity[resource];
  if (!is_ours(resource)) {
    // Whoever's it is, it is what a name begins with that becomes ours.
    lane.published = found;
    lane.is_foreign = false;
    return;
  }
  const bool may_be_ours = failed_ && failed_->sets[resource] && found == failed_->values[resource];
  if (is_silent() || (is_alike && (found == lane.published || found == terms_[resource].wanted || may_be_ours))) {
    lane.published = found;
    lane.is_foreign = false;
    return;
  }
  if (lane.is_foreign) return;
  const bool again = lane.answer_after > model::kZeroDuration && now - lane.answered_at < options.foreign_max;
  if (!again) told_.reset();
  lane.is_foreign = true;
  lane.answer_after = again ? std::min(2 * lane.answer_after, options.foreign_max) : kFirstAnswerAfter;
  lane.answer_at = now + lane.answer_after;
}

bool NodeRow::is_off() const {
  return is_silent() || offer_->account.cpu.rule == ReclaimRule::kDisabled;
}

Notes NodeRow::wanted_notes() const {
  return is_off() ? Notes{} : notes_of(*offer_);
}

k8s::OlderNames NodeRow::older_after(const Flight& flight) const {
  k8s::OlderNames older;
  for (std::size_t i = 0; i < kResources; ++i) {
    // One that somebody else wrote is taken away when its answer is due.
    if (is_ours(i) && (!flight.sets[i] || flight.values[i])) older.add(batch_name_of(i));
  }
  return older;
}

void NodeRow::fill_annotations(Flight& flight, Patch& patch, const PublishOptions& options, MonoTime now) const {
  std::string account;
  if (!is_off()) {
    flight.older = older_after(flight);
    account =
        account_annotation(model::aged(offer_->account, now - offered_at_), options.max_annotation_bytes, flight.older);
  }
  flight.has_account = !account.empty();
  if (flight.has_account || has_account_) patch.account = std::move(account);
  flight.notes = wanted_notes();
  patch.origin = changed_text(flight.notes.origin, notes_.origin);
  patch.normalization = changed_text(flight.notes.normalization, notes_.normalization);
  patch.amplification = changed_text(flight.notes.amplification, notes_.amplification);
}

std::optional<Foreign> NodeRow::foreign(const model::NodeName& name) {
  Values found;
  Values ours;
  bool any = false;
  for (std::size_t i = 0; i < kResources; ++i) {
    if (!is_ours(i)) continue;
    const Lane& lane = lanes_[i];
    ours[i] = lane.published;
    found[i] = lane.published;
    if (!lane.is_foreign) continue;
    any = true;
    found[i] = seen_.allocatable[i] == lane.published ? seen_.capacity[i] : seen_.allocatable[i];
  }
  if (!any || told_ == found) return std::nullopt;
  told_ = found;
  return Foreign{name, extended_of(found), extended_of(ours)};
}

void NodeRow::look(const PublishOptions& options, MonoTime now) {
  bool is_above = false;
  for (std::size_t i = 0; i < kResources; ++i) {
    if (!is_ours(i)) continue;
    Lane& lane = lanes_[i];
    if (is_silent() || lane.is_foreign || !is_rise(i)) {
      lane.rises_since.reset();
    } else if (!lane.rises_since) {
      lane.rises_since = now;
    }
    const auto there = actual(i);
    is_above = is_above || (there && must_fall(i, *there));
  }
  if (!is_there_ || is_silent() || !is_above) {
    above_since_.reset();
  } else if (!above_since_) {
    above_since_ = now;
  }
  due_ = next_write(options);
}

}  // namespace tideline::publish
