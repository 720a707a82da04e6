#include "node-actor/actor/cookies.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "messages/log/log.h"

namespace tideline::node {
namespace {

using decide::CookieGroup;
using kernel::Cookie;
using model::ErrorCode;
using model::Result;

/// Threads are made while we look, with what their makers had: once more, until a look finds nothing to do.
constexpr int kPasses = 3;

std::string key_of(const CookieGroup& group) {
  const nlohmann::json key = {{"id", group.id}, {"exclusive", group.exclusive.str()}, {"expeller", group.expeller}};
  return key.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::uint64_t links_of(const kernel::CgroupTree& tree, const std::string& group) {
  const auto directory = tree.directory(group, "cpu.stat");
  struct stat status {};
  return directory && ::stat(directory->c_str(), &status) == 0 ? status.st_nlink : 0;
}

std::vector<std::string> containers_of(const model::Pod& pod) {
  std::vector<std::string> ids;
  for (const auto& container : pod.containers)
    ids.push_back(container.id);
  return ids;
}

}  // namespace

Cookies::Cookies(const kernel::CgroupTree& tree, kernel::CookieKernel& kernel, guard::CookieRecord record,
                 std::function<bool()> may_act, Tell tell)
    : tree_(tree), kernel_(kernel), record_(std::move(record)), may_act_(std::move(may_act)), tell_(std::move(tell)) {
  if (!record_.problem().empty()) log::warn("cookies", "{}", record_.problem());
}

std::size_t Cookies::foreign() const {
  std::size_t count = 0;
  for (const auto& [uid, pod] : pods_)
    count += pod.foreign;
  return count;
}

std::optional<Cookie> Cookies::cookie_of(const CookieGroup& group) const {
  const auto key = key_of(group);
  for (const auto& known : record_.known()) {
    if (known.group == key) return known.cookie;
  }
  return std::nullopt;
}

bool Cookies::is_ours(Cookie cookie) const {
  return std::any_of(record_.known().begin(), record_.known().end(),
                     [&](const guard::KnownCookie& known) { return known.cookie == cookie; });
}

void Cookies::fail(const model::Error& error, model::MonoTime now) {
  problem_ = error;
  problem_ends_ = now + kRetry;
}

Result<void> Cookies::round(const Round& round) {
  if (round.wants.empty() && pods_.empty() && record_.known().empty()) return {};
  if (!may_act_()) {
    return model::Error(ErrorCode::kFenced, "no core-sched cookies given: another owner took the lease");
  }
  if (round.now >= problem_ends_) problem_.reset();
  looked_ = 0;
  std::set<model::PodUid> listed;
  auto of_want = round.pods.begin();
  for (const auto& want : round.wants) {
    while (of_want != round.pods.end() && of_want->uid != want.pod.pod)
      ++of_want;
    if (of_want == round.pods.end()) break;
    const auto& uid = want.pod.pod;
    listed.insert(uid);
    auto& pod = pods_[uid];
    PodState now_is;
    now_is.group = tree_.pod_group(want.pod.qos, uid);
    now_is.want = want.group;
    now_is.containers = containers_of(*of_want);
    now_is.links = links_of(tree_, now_is.group);
    if (!is_due(pod, now_is, round.now)) continue;
    now_is.foreign = pod.foreign;
    pod = std::move(now_is);
    if (looked_ < kThreadsARound && !round.held(uid)) look(pod, uid, round);
  }
  for (auto pod = pods_.begin(); pod != pods_.end();) {
    if (listed.contains(pod->first)) {
      ++pod;
      continue;
    }
    // Under a hold it stays remembered, to be looked at when that ends.
    if (round.held(pod->first)) {
      ++pod;
      continue;
    }
    pod->second.want.reset();
    // With nothing wanted at all, all threads of the host are looked at below.
    if (!round.wants.empty()) look(pod->second, pod->first, round);
    pod = pods_.erase(pod);
  }
  retire(round);
  return {};
}

bool Cookies::is_due(const PodState& pod, const PodState& now_is, model::MonoTime now) const {
  return !pod.due || now >= *pod.due || pod.group != now_is.group || pod.want != now_is.want ||
         pod.containers != now_is.containers || pod.links != now_is.links;
}

void Cookies::look(PodState& pod, const model::PodUid& uid, const Round& round) {
  pod.due = round.now + kRecheck;
  if (!pod.want && record_.known().empty()) return;
  std::size_t changed = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto tids = kernel::threads_below(tree_, pod.group);
    if (!tids) {
      pod.due = round.now + (tids.error().code() == ErrorCode::kNotFound ? kSoon : kRetry);
      if (tids.error().code() != ErrorCode::kNotFound) fail(tids.error(), round.now);
      pod.foreign = 0;
      break;
    }
    looked_ += tids->size();
    const auto seen = see(*tids, pod.want, round.now);
    pod.foreign = seen.foreign;
    if (pod.want && seen.donor) donors_[*pod.want] = *seen.donor;
    if (seen.unread) pod.due = round.now + kRetry;
    if (seen.to_change.empty()) break;
    auto done = Result<std::size_t>(0);
    if (pod.want) {
      done = give(*pod.want, seen, round);
    } else if (const auto taken = kernel::take_cookies(kernel_, seen.to_change); !taken) {
      done = taken.error();
    } else {
      if (taken->refused) fail(*taken->refused, round.now);
      done = taken->threads;
    }
    if (!done) {
      fail(done.error(), round.now);
      pod.due = round.now + kRetry;
      break;
    }
    changed += *done;
    if (*done < seen.to_change.size()) {
      // Threads that went, or that the kernel keeps from us.
      pod.due = round.now + (problem_ ? kRetry : kSoon);
      break;
    }
  }
  if (changed == 0) return;
  tell_(model::Controller::kCpuQos, pod.want ? model::Reason::kQosClass : model::Reason::kNoLongerWanted,
        fmt::format("{} core-sched cookies", pod.group), fmt::format("{} threads", changed),
        pod.want ? decide::text_of(*pod.want) : "none");
  log::debug("cookies", "pod {}: {} threads", uid.str(), changed);
}

Cookies::Seen Cookies::see(const std::vector<int>& tids, const std::optional<CookieGroup>& want, model::MonoTime now) {
  Seen seen;
  const auto wanted = want ? cookie_of(*want) : std::nullopt;
  for (const int tid : tids) {
    if (kernel_.is_own(tid)) continue;
    const auto cookie = kernel::cookie_of(kernel_, tid);
    if (!cookie) {
      if (cookie.error().code() == ErrorCode::kNotFound) continue;
      seen.unread = true;
      fail(cookie.error(), now);
    } else if (wanted && *cookie == *wanted) {
      seen.donor = tid;
    } else if (*cookie != 0 && !is_ours(*cookie)) {
      ++seen.foreign;
    } else if (want || *cookie != 0) {
      seen.to_change.push_back(tid);
    }
  }
  return seen;
}

Result<std::size_t> Cookies::give(const CookieGroup& group, const Seen& seen, const Round& round) {
  const auto outcome_of = [&](const kernel::CookieOutcome& outcome) {
    if (outcome.refused) fail(*outcome.refused, round.now);
    if (outcome.threads > 0) donors_[group] = seen.to_change.front();
    return outcome.threads;
  };
  const auto cookie = cookie_of(group);
  if (cookie) {
    auto donor = seen.donor;
    const auto last = donors_.find(group);
    if (!donor && last != donors_.end()) donor = last->second;
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (donor) {
        const auto given = kernel::give_cookie(kernel_, *cookie, *donor, seen.to_change);
        if (given) return outcome_of(*given);
        if (given.error().code() != ErrorCode::kNotFound) return given.error();
      }
      if (attempt == 0) donor = donor_elsewhere(group, *cookie, round);
      if (!donor) break;
    }
  }
  const auto given = kernel::give_new_cookie(kernel_, seen.to_change, [&](Cookie fresh) {
    auto known = record_.known();
    for (auto& each : known) {
      // Whoever may have the old one still is found by retire().
      if (each.group == key_of(group)) each.group.clear();
    }
    std::erase_if(known, [&](const guard::KnownCookie& each) { return each.cookie == fresh; });
    known.push_back({fresh, key_of(group)});
    return record_.replace(std::move(known));
  });
  if (!given) return given.error();
  return outcome_of(*given);
}

std::optional<int> Cookies::donor_elsewhere(const CookieGroup& group, Cookie cookie, const Round& round) {
  for (const auto& want : round.wants) {
    if (want.group != group) continue;
    const auto tids = kernel::threads_below(tree_, tree_.pod_group(want.pod.qos, want.pod.pod));
    if (!tids) continue;
    looked_ += tids->size();
    for (const int tid : *tids) {
      const auto found = kernel::cookie_of(kernel_, tid);
      if (found && *found == cookie) return tid;
    }
  }
  return std::nullopt;
}

void Cookies::retire(const Round& round) {
  std::set<std::string> wanted;
  for (const auto& want : round.wants) {
    if (want.group) wanted.insert(key_of(*want.group));
  }
  std::vector<guard::KnownCookie> kept;
  std::set<Cookie> over;
  for (const auto& known : record_.known()) {
    if (wanted.contains(known.group)) {
      kept.push_back(known);
    } else {
      over.insert(known.cookie);
    }
  }
  if (over.empty() || (retired_ && round.now - *retired_ < kRetry)) return;
  retired_ = round.now;
  std::set<int> except;
  for (const auto& pod : round.pods) {
    if (!round.held(pod.uid)) continue;
    if (const auto tids = kernel::threads_below(tree_, tree_.pod_group(pod))) except.insert(tids->begin(), tids->end());
  }
  const auto done = kernel::clear_cookies(kernel_, tree_.root().proc, over, except);
  if (!done) return fail(done.error(), round.now);
  if (done->threads > 0) {
    tell_(model::Controller::kCpuQos, model::Reason::kNoLongerWanted, "core-sched cookies",
          fmt::format("{} threads", done->threads), "none");
  }
  if (done->refused) return fail(*done->refused, round.now);
  if (done->left > 0) return;
  std::erase_if(donors_, [&](const auto& donor) { return !wanted.contains(key_of(donor.first)); });
  if (const auto forgotten = record_.replace(std::move(kept)); !forgotten) fail(forgotten.error(), round.now);
}

Result<void> Cookies::release() {
  pods_.clear();
  donors_.clear();
  problem_.reset();
  retired_.reset();
  const auto done = guard::clear_cookies(record_, kernel_, tree_.root().proc);
  if (!done) return done.error();
  if (done->refused) return *done->refused;
  if (done->left > 0) {
    return model::Error(ErrorCode::kUnavailable, fmt::format("{} threads still have a core-sched cookie", done->left));
  }
  return {};
}

}  // namespace tideline::node
