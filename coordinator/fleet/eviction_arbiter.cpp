#include "coordinator/fleet/eviction_arbiter.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/fleet/eviction_event.h"

namespace tideline::fleet {

using model::Duration;
using model::Error;
using model::ErrorCode;
using model::EvictionRequest;
using model::EvictionVerdict;
using model::MonoTime;
using model::NodeName;
using model::Reason;
using model::to_ms;

namespace {

using Answer = EvictionVerdict::Answer;

constexpr Duration kShortestRetry = std::chrono::seconds(1);

std::string workload_of(const EvictionRequest& request) {
  return request.workload.empty() ? std::string() : fmt::format("{} {}", request.name_space, request.workload);
}

/// The first hold that leaves the pod alone; nullptr: none.
const model::HandsOff* hold_on(const std::string& group, const std::vector<model::HandsOff>& holds) {
  const auto holds_it = [&](const model::HandsOff& hold) {
    return hold.release || model::covers(hold.group, group) || (!group.empty() && model::covers(group, hold.group));
  };
  const auto found = std::find_if(holds.begin(), holds.end(), holds_it);
  return found == holds.end() ? nullptr : &*found;
}

EvictionVerdict verdict(const EvictionRequest& request, Answer answer, Reason reason, const std::string& why) {
  return {request.id, answer, reason, why.substr(0, model::EvictionLimits::kMaxTextBytes), model::kZeroDuration};
}

EvictionVerdict deferred(const EvictionRequest& request, Reason reason, std::string_view what, Duration wait) {
  const auto retry = std::clamp<Duration>(wait, kShortestRetry, model::EvictionLimits::kMaxRetryAfter);
  auto made = verdict(request, Answer::kDeferred, reason,
                      fmt::format("deferred for {} s: {}", (to_ms(retry) + 999) / 1000, what));
  // Whole seconds, and never a moment too early.
  made.retry_after = std::chrono::seconds((to_ms(retry) + 999) / 1000);
  return made;
}

}  // namespace

bool is_dry_run(const EvictionStanding& standing, model::Reason trigger) {
  const bool of_memory = trigger == Reason::kNodeMemoryFull || trigger == Reason::kMemoryOverAllocated;
  return of_memory ? standing.memory_dry_run : standing.dry_run;
}

bool is_barred(const EvictionStanding& standing, const std::string& group, model::Reason trigger) {
  return is_dry_run(standing, trigger) || hold_on(group, standing.holds) != nullptr;
}

std::string EvictionArbiter::to_text(const Arrival& now) const {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& grant : grants_) {
    nlohmann::json row{{"node", grant.key.first.str()},
                       {"id", grant.key.second},
                       {"uid", grant.uid.str()},
                       {"workload", grant.workload},
                       {"wallMs", now.wall.ms - to_ms(now.mono - grant.at)}};
    if (!grant.counts) row["counts"] = false;
    rows.push_back(std::move(row));
  }
  return nlohmann::json{{"grants", std::move(rows)}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

model::Result<EvictionArbiter> EvictionArbiter::from_text(model::Epoch epoch, const std::string& text,
                                                          const Arrival& now) {
  try {
    const auto whole = nlohmann::json::parse(text);
    EvictionArbiter arbiter(epoch);
    for (const auto& row : whole.at("grants")) {
      const auto granted_ms =
          std::clamp<std::int64_t>(row.at("wallMs").get<std::int64_t>(), now.wall.ms - to_ms(kMemory), now.wall.ms);
      const auto age_ms = now.wall.ms - granted_ms;
      Grant grant{{NodeName(row.at("node").get<std::string>()), row.at("id").get<std::string>()},
                  row.at("workload").get<std::string>(),
                  MonoTime{now.mono.ns - Duration(std::chrono::milliseconds(age_ms)).count()},
                  model::PodUid(row.value("uid", std::string())),
                  row.value("counts", true)};
      arbiter.bytes_ += bytes_of(grant);
      arbiter.grants_.push_back(std::move(grant));
    }
    std::stable_sort(arbiter.grants_.begin(), arbiter.grants_.end(),
                     [](const Grant& a, const Grant& b) { return a.at < b.at; });
    arbiter.expire(now.mono);
    return arbiter;
  } catch (const nlohmann::json::exception& problem) {
    return Error(ErrorCode::kMalformed, fmt::format("stored evictions: {}", problem.what()));
  }
}

std::size_t EvictionArbiter::bytes_of(const Grant& grant) {
  return grant.key.first.str().size() + grant.key.second.size() + grant.workload.size() + grant.uid.str().size() +
         kGrantBytes;
}

void EvictionArbiter::expire(MonoTime now) {
  while (!grants_.empty() && now - grants_.front().at >= kMemory) {
    bytes_ -= bytes_of(grants_.front());
    grants_.pop_front();
  }
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.until <= now; });
}

bool EvictionArbiter::make_room(std::size_t bytes, MonoTime now) {
  while (bytes_ + bytes > kMaxBytes) {
    if (grants_.empty() || now - grants_.front().at < kWindow) return false;
    bytes_ -= bytes_of(grants_.front());
    grants_.pop_front();
  }
  return true;
}

const EvictionArbiter::Grant* EvictionArbiter::find(const Key& key) const {
  const auto found = std::find_if(grants_.begin(), grants_.end(), [&](const Grant& grant) { return grant.key == key; });
  return found == grants_.end() ? nullptr : &*found;
}

std::size_t EvictionArbiter::node_share(const model::EvictionRates& rates) {
  constexpr int kNodesAtLeast = 4;
  return static_cast<std::size_t>(std::max(1, rates.per_minute / kNodesAtLeast));
}

std::size_t EvictionArbiter::ahead_of(const Key& key, const Waiting& own, const NodeCounts& of_node,
                                      std::size_t share) const {
  const auto rank = [&](const Key& of, const Waiting& waiting) {
    const auto count = of_node.find(of.first);
    const bool has_its_share = count != of_node.end() && count->second >= share;
    return std::tuple<bool, int, MonoTime, const Key&>(has_its_share, -static_cast<int>(waiting.urgency), waiting.since,
                                                       of);
  };
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& entry) {
    return entry.first != key && entry.second.told == Reason::kFleetRate && !entry.second.granted &&
           rank(entry.first, entry.second) < rank(key, own);
  }));
}

EvictionVerdict EvictionArbiter::judge(const Key& key, const EvictionRequest& request, const EvictionStanding& standing,
                                       const model::EvictionRates& rates, const Arrival& now) {
  if (is_dry_run(standing, request.reason)) {
    return verdict(request, Answer::kRefused, Reason::kDryRun, "refused: dry run of evictions on this node");
  }
  if (const auto* hold = hold_on(request.group, standing.holds)) {
    return verdict(request, Answer::kRefused, Reason::kHandsOff, "refused: " + model::text_of(*hold));
  }
  if (const auto* before = find(key); before != nullptr) {
    if (!before->uid.empty() && before->uid != request.uid) return another_pods(request);
    if (rates.per_minute == 0) {
      return deferred(request, Reason::kFleetRate, "granted before, and none are allowed now", kWindow);
    }
    return verdict(request, Answer::kGranted, Reason::kEvictionGranted, "granted before");
  }
  std::vector<MonoTime> of_fleet;
  std::vector<MonoTime> of_workload;
  NodeCounts of_node;
  const auto workload = workload_of(request);
  for (const auto& grant : grants_) {
    if (!grant.counts || now.mono - grant.at >= kWindow) continue;
    of_fleet.push_back(grant.at);
    ++of_node[grant.key.first];
    if (!workload.empty() && grant.workload == workload) of_workload.push_back(grant.at);
  }
  const auto free_from = [&](const std::vector<MonoTime>& taken, std::size_t index) {
    return index < taken.size() ? taken[index] + kWindow - now.mono : kWindow;
  };
  const auto most_of_workload = static_cast<std::size_t>(rates.per_minute_per_workload);
  if (!workload.empty() && of_workload.size() >= most_of_workload) {
    return deferred(request, Reason::kWorkloadRate,
                    fmt::format("{} evictions of {} in the last minute, {} are allowed", of_workload.size(), workload,
                                most_of_workload),
                    free_from(of_workload, of_workload.size() - most_of_workload));
  }
  const auto most = static_cast<std::size_t>(rates.per_minute);
  const auto known = waiting_.find(key);
  const Waiting own{request.urgency, known == waiting_.end() ? now.mono : known->second.since, {}, {}};
  const std::size_t ahead = ahead_of(key, own, of_node, node_share(rates));
  if (of_fleet.size() + ahead >= most) {
    return deferred(request, Reason::kFleetRate,
                    fmt::format("{} evictions in the last minute over the fleet, {} are allowed, {} wait before it",
                                of_fleet.size(), most, ahead),
                    free_from(of_fleet, of_fleet.size() + ahead - most));
  }
  Grant grant{key, workload, now.mono, request.uid};
  const std::size_t bytes = bytes_of(grant);
  if (!make_room(bytes, now.mono)) {
    return deferred(request, Reason::kEvictionBooksFull,
                    fmt::format("{} evictions are remembered, and there is no room for more", grants_.size()), kWindow);
  }
  grants_.push_back(std::move(grant));
  bytes_ += bytes;
  return verdict(
      request, Answer::kGranted, Reason::kEvictionGranted,
      fmt::format("granted: {} of {} evictions in the last minute over the fleet", of_fleet.size() + 1, most));
}

Arbitration EvictionArbiter::decide(const NodeName& node, const model::EvictionAsk& ask,
                                    const EvictionStanding& standing, const model::EvictionRates& rates,
                                    const Arrival& now) {
  expire(now.mono);
  Arbitration result{.answer = {.epoch = epoch_, .verdicts = {}}, .events = {}, .granted = {}};
  for (const auto& request : ask.requests) {
    const Key key{node, request.id};
    const bool known = find(key) != nullptr;
    auto made = ask.seen > epoch_
                    ? verdict(request, Answer::kRefused, Reason::kOldEpoch,
                              fmt::format("refused: this coordinator is of epoch {}, the node has seen epoch {}",
                                          epoch_.value(), ask.seen.value()))
                    : judge(key, request, standing, rates, now);
    bool news = made.answer != Answer::kGranted || !known;
    if (made.answer == Answer::kDeferred) {
      const auto found = waiting_.find(key);
      if (found != waiting_.end()) {
        news = found->second.told != made.reason;
        found->second.until = now.mono + made.retry_after + kPatience;
        found->second.told = made.reason;
        found->second.granted = known;
      } else if (waiting_.size() < kMaxWaiting) {
        waiting_[key] = {request.urgency, now.mono, now.mono + made.retry_after + kPatience, made.reason, known};
      } else {
        news = false;
      }
    } else {
      waiting_.erase(key);
      if (made.answer == Answer::kGranted && !known) result.granted.push_back(request.id);
    }
    if (news) {
      result.events.push_back(eviction_event(request, made.reason, made.why, now.wall));
    }
    result.answer.verdicts.push_back(std::move(made));
  }
  return result;
}

void EvictionArbiter::evicted_nobody(const NodeName& node, const std::string& id) {
  const Key key{node, id};
  const auto found = std::find_if(grants_.begin(), grants_.end(), [&](const Grant& grant) { return grant.key == key; });
  if (found != grants_.end()) found->counts = false;
}

void EvictionArbiter::take_back(const NodeName& node, const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    const auto found = std::find_if(grants_.begin(), grants_.end(), [&](const Grant& grant) {
      return grant.key.first == node && grant.key.second == id;
    });
    if (found == grants_.end()) continue;
    bytes_ -= bytes_of(*found);
    grants_.erase(found);
  }
}

}  // namespace tideline::fleet
