#include "k8s-bridge/evict/evictor.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "messages/model/pod.h"
#include "messages/model/qos.h"
#include "messages/model/reason.h"

namespace tideline::evict {
namespace {

using Answer = model::EvictionVerdict::Answer;
using model::Reason;

// Kubernetes' own names begin there: system-cluster-critical.
constexpr int kSystemPriority = 2'000'000'000;

// As Koordinator's koordlet writes them.
constexpr const char* kEvicted = "evictPodSuccess";
constexpr const char* kNotEvicted = "evictPodFail";

constexpr model::Duration kLeastAskAgain = std::chrono::seconds(1);

/// As a verdict bears it.
std::string bounded(const std::string& why) {
  constexpr std::size_t kCut = 3;
  return model::printable(why, model::EvictionLimits::kMaxTextBytes - kCut);
}

std::string subject_of(const model::EvictionRequest& request) {
  return model::pod_subject(request.name_space, request.name, request.uid);
}

k8s::EventNote note_of(const Order& order, const k8s::ObjectKey& pod, const char* reason, bool is_evicted,
                       const std::string& why) {
  k8s::EventNote note;
  note.kind = "Pod";
  note.object = pod;
  note.type = k8s::EventNote::Type::kWarning;
  note.reason = reason;
  note.message =
      fmt::format("{} from node {}: {}, for {}: {}", is_evicted ? "evicted" : "not evicted", order.node.str(),
                  model::name_of(order.request.reason), model::name_of(order.request.urgency), why);
  return note;
}

/// nullptr: not as the order says.
const k8s::PodObject* find_pod(const Order& order, const k8s::Mirror& pods) {
  const auto* pod = pods.pod(order.request.uid);
  const bool is_it = pod != nullptr && pod->node == order.node && pod->key.name_space == order.request.name_space &&
                     pod->key.name == order.request.name;
  return is_it ? pod : nullptr;
}

}  // namespace

std::string why_not_evictable(const model::Pod& pod) {
  const auto tier = model::tier_of(pod.priority, pod.qos);
  if (pod.priority && *pod.priority >= kSystemPriority) {
    return fmt::format("its priority {} is Kubernetes' own", *pod.priority);
  }
  const bool is_batch = tier == model::Tier::kBatch || tier == model::Tier::kFree ||
                        (pod.qos == model::QosClass::kBe && tier != model::Tier::kProd);
  if (!is_batch) {
    return fmt::format("it is no batch pod: QoS class {}, priority {} ({})", model::name_of(pod.qos),
                       pod.priority ? fmt::format("{}", *pod.priority) : "none", model::name_of(tier));
  }
  if (pod.eviction.allowed_by && pod.eviction.allowed_by->empty()) return "its eviction-policy lets nobody evict it";
  return {};
}

void Evictor::wanted(Order order, const k8s::Mirror& pods, model::MonoTime now) {
  Key key{order.node, order.request.id};
  if (const auto known = rows_.find(key); known != rows_.end()) {
    known->second.renewed = now;
    known->second.withdrawn = false;
    return;
  }
  forget_ends(now);
  if (const auto end = ends_.find(key); end != ends_.end()) {
    changes_.push_back(end->second);
    return;
  }
  if (rows_.size() >= options_.most_kept) {
    std::erase_if(rows_, [&](const auto& row) { return is_lapsed(row.second, now); });
    if (rows_.size() >= options_.most_kept) return;
  }
  Row row{.order = std::move(order), .since = now, .renewed = now, .not_before = now};
  const auto place = rows_.emplace(std::move(key), std::move(row)).first;
  if (pods.complete()) settle(place, pods, now);
}

void Evictor::withdrawn(const model::NodeName& node, const std::string& id) {
  const auto row = rows_.find(Key{node, id});
  if (row == rows_.end()) return;
  if (row->second.in_flight) {
    row->second.withdrawn = true;
  } else {
    rows_.erase(row);
  }
}

std::vector<Evictor::Post> Evictor::due(const k8s::Mirror& pods, model::MonoTime now) {
  std::vector<Rows::iterator> ready;
  std::size_t in_flight = 0;
  for (auto next = rows_.begin(); next != rows_.end();) {
    const auto row = next++;
    if (row->second.in_flight) {
      ++in_flight;
    } else if (is_lapsed(row->second, now)) {
      rows_.erase(row);
    } else if (const bool over = is_over(row->second, now); over || row->second.not_before <= now) {
      // A try whose answer was lost may have been taken: the mirror tells.
      if (pods.complete() && settle(row, pods, now)) continue;
      if (over) {
        give_up(row, now);
      } else if (pods.complete()) {
        ready.push_back(row);
      } else if (now - row->second.since >= options_.lists_may_take) {
        trouble(row, {.kind = EvictAnswer::Kind::kNone, .why = "Nodes and pods are not listed yet"}, now);
      }
    }
  }
  std::stable_sort(ready.begin(), ready.end(), [](const Rows::iterator& a, const Rows::iterator& b) {
    const auto& left = a->second;
    const auto& right = b->second;
    if (left.order.request.urgency != right.order.request.urgency) {
      return left.order.request.urgency > right.order.request.urgency;
    }
    return left.not_before < right.not_before;
  });
  std::vector<Post> posts;
  for (const auto& row : ready) {
    if (in_flight >= options_.most_in_flight) break;
    ++in_flight;
    row->second.in_flight = true;
    ++row->second.attempts;
    posts.push_back({row->first.first, row->first.second, row->second.pod});
  }
  return posts;
}

void Evictor::answered(const model::NodeName& node, const std::string& id, const EvictAnswer& answer,
                       model::MonoTime now) {
  const auto row = rows_.find(Key{node, id});
  if (row == rows_.end() || !row->second.in_flight) return;
  row->second.in_flight = false;
  switch (answer.kind) {
    case EvictAnswer::Kind::kTaken:
      finish(row, Answer::kEvicted, Reason::kApiEvicted, "the Kubernetes API took the eviction", kEvicted, now);
      return;
    case EvictAnswer::Kind::kGone:
      finish(row, Answer::kEvicted, Reason::kApiEvicted, "the pod was gone already: " + answer.why, nullptr, now);
      return;
    case EvictAnswer::Kind::kRefused:
      finish(row, Answer::kRefused, Reason::kApiRefused, "the Kubernetes API refused it: " + answer.why, kNotEvicted,
             now);
      return;
    case EvictAnswer::Kind::kBudget:
    case EvictAnswer::Kind::kNone:
      if (row->second.withdrawn) {
        rows_.erase(row);
      } else {
        trouble(row, answer, now);
      }
      return;
  }
}

std::optional<model::MonoTime> Evictor::next_due() const {
  std::optional<model::MonoTime> next;
  for (const auto& [key, row] : rows_) {
    if (row.in_flight) continue;
    auto at = std::min(row.not_before, row.renewed + options_.renewed_within + model::Duration(1));
    if (row.trouble_since) at = std::min(at, *row.trouble_since + options_.patience);
    if (!next || at < *next) next = at;
  }
  return next;
}

bool Evictor::settle(Rows::iterator row, const k8s::Mirror& pods, model::MonoTime now) {
  Row& own = row->second;
  const auto* pod = find_pod(own.order, pods);
  if (pod == nullptr) {
    if (own.was_evictable) {
      finish(row, Answer::kEvicted, Reason::kApiEvicted, "the pod is gone", nullptr, now);
    } else if (own.order.again && pods.pod(own.order.request.uid) == nullptr) {
      finish(row, Answer::kEvicted, Reason::kApiEvicted, "granted before, and the pod is gone already", nullptr, now);
    } else {
      finish(row, Answer::kRefused, Reason::kNotEvictable, "refused: Kubernetes knows no such pod on this node",
             nullptr, now);
    }
    return true;
  }
  if (const auto why = why_not_evictable(pod->pod); !why.empty()) {
    finish(row, Answer::kRefused, Reason::kNotEvictable, "refused: " + why, nullptr, now);
    return true;
  }
  const bool has_ended = pod->pod.phase == model::PodPhase::kSucceeded || pod->pod.phase == model::PodPhase::kFailed;
  if (has_ended || pod->pod.eviction.terminating) {
    finish(row, Answer::kEvicted, Reason::kApiEvicted,
           has_ended ? "the pod has ended" : "the pod is terminating already", nullptr, now);
    return true;
  }
  own.was_evictable = true;
  own.pod = pod->key;
  return false;
}

void Evictor::trouble(Rows::iterator row, const EvictAnswer& answer, model::MonoTime now) {
  Row& own = row->second;
  if (!own.trouble_since) own.trouble_since = now;
  own.trouble = answer;
  if (is_over(own, now)) {
    // due() gives it up, unless the mirror has it that the pod goes.
    own.not_before = now;
    return;
  }
  // None was made while nothing is listed.
  const auto doublings = own.attempts == 0 ? 0U : std::min(own.attempts - 1, 10U);
  const auto doubled = options_.retry_min * (std::int64_t{1} << doublings);
  const auto delay = std::max(std::min(doubled, options_.retry_max), answer.retry_after.value_or(model::kZeroDuration));
  own.not_before = now + delay;
  const bool is_budget = answer.kind == EvictAnswer::Kind::kBudget;
  Change change{.node = row->first.first, .verdict = {}, .subject = subject_of(own.order.request), .event = {}};
  change.verdict = {.id = row->first.second,
                    .answer = Answer::kUnderWay,
                    .reason = is_budget ? Reason::kDisruptionBudget : Reason::kApiSilent,
                    .why = bounded("tried again: " + answer.why),
                    // Often enough that an ask which is lost does not let it lapse.
                    .retry_after = std::clamp<model::Duration>(delay, kLeastAskAgain, options_.renewed_within / 3)};
  changes_.push_back(std::move(change));
}

void Evictor::give_up(Rows::iterator row, model::MonoTime now) {
  const auto& newest = row->second.trouble;
  const bool is_budget = newest.kind == EvictAnswer::Kind::kBudget;
  finish(row, Answer::kRefused, is_budget ? Reason::kDisruptionBudget : Reason::kApiSilent,
         fmt::format("given up after {} s and {} tries: {}", model::to_ms(options_.patience) / 1000,
                     row->second.attempts, newest.why),
         kNotEvicted, now);
}

bool Evictor::is_over(const Row& row, model::MonoTime now) const {
  return row.trouble_since && now - *row.trouble_since >= options_.patience;
}

bool Evictor::is_lapsed(const Row& row, model::MonoTime now) const {
  return !row.in_flight && now - row.renewed > options_.renewed_within;
}

void Evictor::forget_ends(model::MonoTime now) {
  while (!ends_until_.empty() && (ends_until_.front().first <= now || ends_until_.size() > options_.most_kept)) {
    ends_.erase(ends_until_.front().second);
    ends_until_.pop_front();
  }
}

void Evictor::finish(Rows::iterator row, Answer answer, Reason reason, const std::string& why,
                     const char* reason_of_event, model::MonoTime now) {
  Change change{.node = row->first.first, .verdict = {}, .subject = subject_of(row->second.order.request), .event = {}};
  change.verdict = {.id = row->first.second,
                    .answer = answer,
                    .reason = reason,
                    .why = bounded(why),
                    .retry_after = model::kZeroDuration};
  // Of one that was never found in Kubernetes there is nothing to write it on.
  if (reason_of_event != nullptr && !row->second.pod.name.empty()) {
    change.event = note_of(row->second.order, row->second.pod, reason_of_event, answer == Answer::kEvicted, why);
  }
  Change end = change;
  end.event.reset();
  end.repeated = true;
  ends_until_.emplace_back(now + options_.ends_remembered, row->first);
  ends_.insert_or_assign(row->first, std::move(end));
  changes_.push_back(std::move(change));
  rows_.erase(row);
  forget_ends(now);
}

}  // namespace tideline::evict
