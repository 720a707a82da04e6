#include "k8s-bridge/actor/evict_desk.h"

#include <chrono>
#include <utility>

#include "k8s-bridge/evict/evict_answer.h"
#include "k8s-bridge/evict/evict_request.h"
#include "k8s-bridge/translate/api_resources.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"

namespace tideline::bridge {
namespace {

constexpr model::JsonLimits kResourcesLimits{.max_bytes = std::size_t{1} << 20, .max_depth = 16};

bool is_for_want_of_the_verb(const k8s_api::Answer& answer) {
  // Webhooks and other admission refuse by 403, too.
  return answer.status == 403 && answer.body.find("cannot create resource") != std::string::npos;
}

model::Result<std::string> version_in(const model::Result<k8s_api::Answer>& answer) {
  if (!answer) return answer.error();
  if (answer->status != 200) return model::Error(model::ErrorCode::kUnavailable, k8s_api::describe(*answer));
  const auto resources = model::parse_json(answer->body, kResourcesLimits);
  if (!resources) return resources.error();
  return k8s::eviction_version(*resources);
}

}  // namespace

// Falls are written at the same priority, and a slow eviction keeps its place for as long as its deadline.
static_assert(2 * evict::EvictOptions().most_in_flight <= k8s_api::ClientConfig::kPlaces,
              "evictions that are slow must leave most of the places to falls");

EvictDesk::EvictDesk(Out out, evict::EvictOptions options) : out_(std::move(out)), evictor_(options) {}

void EvictDesk::wanted(const coordinator::EvictThroughApi& order, const k8s::Mirror& pods, model::MonoTime now) {
  evictor_.wanted({order.node, order.request, order.again}, pods, now);
}

void EvictDesk::withdrawn(const coordinator::EvictNoMore& order, model::MonoTime now) {
  evictor_.withdrawn(order.node, order.id);
  const auto is_it = [&](const evict::Evictor::Post& post) { return post.node == order.node && post.id == order.id; };
  // It has not left this process.
  if (std::erase_if(held_, is_it) > 0)
    evictor_.answered(order.node, order.id, evict::no_evict_answer("withdrawn"), now);
}

void EvictDesk::run(const k8s::Mirror& pods, model::MonoTime now) {
  const auto next = evictor_.next_due();
  if (next && *next <= now) {
    for (const auto& each : evictor_.due(pods, now))
      send(each);
  }
  tell();
}

void EvictDesk::send(const evict::Evictor::Post& post) {
  if (version_.empty()) {
    held_.push_back(post);
    if (std::exchange(discovers_, true)) return;
    k8s_api::Request request;
    request.path = k8s::kCoreResourcesPath;
    request.priority = k8s_api::Priority::kHigh;
    request.max_answer_bytes = kResourcesLimits.max_bytes;
    out_.discover(std::move(request));
    return;
  }
  k8s_api::Request request;
  request.method = k8s_api::Method::kPost;
  request.path = evict::eviction_path(post.pod);
  request.body = evict::eviction_body(post.pod, version_);
  request.priority = k8s_api::Priority::kHigh;
  request.holds_others = false;
  // Webhooks and a slow etcd take their time, and whether one was taken that nobody waits for any more is not known.
  request.deadline = std::chrono::seconds(20);
  out_.send(post.node, post.id, std::move(request));
}

void EvictDesk::discovered(const model::Result<k8s_api::Answer>& answer, model::MonoTime now) {
  discovers_ = false;
  const auto held = std::exchange(held_, {});
  auto version = version_in(answer);
  if (version) {
    version_ = *std::move(version);
    log::info("eviction-version", "pods are evicted by {}", version_);
    for (const auto& each : held)
      send(each);
    return;
  }
  auto none = evict::no_evict_answer("the version of evictions is not known: " + version.error().message());
  if (version.error().code() == model::ErrorCode::kUnsupported) none.kind = evict::EvictAnswer::Kind::kRefused;
  for (const auto& each : held)
    take(each.node, each.id, none, now);
  tell();
}

void EvictDesk::answered(const model::NodeName& node, const std::string& id,
                         const model::Result<k8s_api::Answer>& answer, model::MonoTime now) {
  if (!answer) {
    take(node, id, evict::no_evict_answer(answer.error().message()), now);
  } else {
    if (evict::is_unknown_version(answer->status, answer->body)) version_.clear();
    if (is_for_want_of_the_verb(*answer) && !std::exchange(told_forbidden_, true)) {
      log::error("kubernetes-forbidden",
                 "{}: nothing is evicted; the role needs the verb create on pods/eviction (node {})",
                 k8s_api::describe(*answer), node.str());
    }
    take(node, id, evict::evict_answer(answer->status, answer->body, answer->retry_after), now);
  }
  tell();
}

void EvictDesk::take(const model::NodeName& node, const std::string& id, const evict::EvictAnswer& answer,
                     model::MonoTime now) {
  using Kind = evict::EvictAnswer::Kind;
  switch (answer.kind) {
    case Kind::kTaken:
      count(Outcome::kEvicted);
      told_forbidden_ = false;
      break;
    case Kind::kGone:
      count(Outcome::kGone);
      break;
    case Kind::kBudget:
      count(Outcome::kBudget);
      break;
    case Kind::kRefused:
      count(Outcome::kRefused);
      break;
    case Kind::kNone:
      count(Outcome::kFailed);
      break;
  }
  evictor_.answered(node, id, answer, now);
}

void EvictDesk::tell() {
  for (auto& change : evictor_.take_changes()) {
    const auto& verdict = change.verdict;
    if (change.repeated) {
      out_.changed(change.node, std::move(change.verdict));
      continue;
    }
    if (verdict.reason == model::Reason::kNotEvictable) count(Outcome::kNotEvictable);
    if (verdict.answer == model::EvictionVerdict::Answer::kRefused) {
      log::warn("api-eviction", "node {}, {}: not evicted: {}", change.node.str(), change.subject, verdict.why);
    } else if (verdict.answer == model::EvictionVerdict::Answer::kEvicted) {
      log::info("api-eviction", "node {}, {}: evicted: {}", change.node.str(), change.subject, verdict.why);
    }
    if (change.event) out_.event(*std::move(change.event));
    out_.changed(change.node, std::move(change.verdict));
  }
}

void EvictDesk::show(coordinator::BridgeNumbers& numbers) const {
  for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome)
    numbers.evictions.emplace_back(name_of(static_cast<Outcome>(outcome)), counts_[outcome]);
  numbers.evictions_open = evictor_.open();
}

std::string_view EvictDesk::name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kEvicted:
      return "evicted";
    case Outcome::kGone:
      return "gone";
    case Outcome::kBudget:
      return "budget";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kNotEvictable:
      return "not_evictable";
  }
  return "";
}

}  // namespace tideline::bridge
