#include "node-actor/actor/oom_scores.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "node-actor/kernel/oom_score.h"

namespace tideline::node {
namespace {

std::vector<std::string> container_ids(const model::Pod& pod) {
  std::vector<std::string> ids;
  for (const auto& container : pod.containers)
    ids.push_back(container.id);
  return ids;
}

const model::Pod* pod_of(const std::vector<model::Pod>& pods, const model::PodUid& uid) {
  const auto pod = std::find_if(pods.begin(), pods.end(), [&](const model::Pod& each) { return each.uid == uid; });
  return pod != pods.end() ? &*pod : nullptr;
}

const guard::KnownScore* known_of(const std::vector<guard::KnownScore>& known, int pid) {
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const guard::KnownScore& each) { return each.pid == pid; });
  return found != known.end() ? &*found : nullptr;
}

}  // namespace

OomScores::OomScores(const kernel::CgroupTree& tree, guard::OomScoreRecord record, std::function<bool()> may_act,
                     Tell tell)
    : tree_(tree),
      proc_(kernel::proc_of_scores(tree.root().proc)),
      record_(std::move(record)),
      may_act_(std::move(may_act)),
      tell_(std::move(tell)) {
  if (!record_.problem().empty()) log::warn("oom-scores", "{}", record_.problem());
}

model::Result<void> OomScores::round(const Round& round) {
  if (round.wants.empty() && record_.known().empty()) {
    looked_.clear();
    problem_.reset();
    return {};
  }
  if (!may_act_()) {
    return model::Error(model::ErrorCode::kFenced, "no oom_score_adj given: another owner took the lease");
  }
  if (!retire(round)) return {};
  processes_ = 0;
  auto known = record_.known();
  std::vector<Change> changes;
  for (const auto& want : round.wants) {
    const auto* pod = pod_of(round.pods, want.pod);
    if (pod == nullptr || (round.held && round.held(want.pod))) continue;
    auto containers = container_ids(*pod);
    const auto last = looked_.find(want.pod);
    const bool is_due =
        last == looked_.end() || round.now - last->second.at >= kRecheck || last->second.containers != containers;
    if (!is_due || processes_ >= kProcessesARound) continue;
    looked_[want.pod] = Looked{.at = round.now, .containers = std::move(containers)};
    look(*pod, want.score, known, changes);
  }
  if (changes.empty()) return {};
  // Whoever puts the host right must know of each before it is made.
  if (const auto recorded = record_.replace(std::move(known)); !recorded) {
    fail(recorded.error());
    for (const auto& change : changes)
      looked_.erase(change.pod->uid);
    return {};
  }
  if (!may_act_()) {
    return model::Error(model::ErrorCode::kFenced, "no oom_score_adj given: another owner took the lease");
  }
  for (const auto& change : changes)
    give(change);
  return {};
}

void OomScores::look(const model::Pod& pod, int score, std::vector<guard::KnownScore>& known,
                     std::vector<Change>& changes) {
  const auto pids = kernel::processes_below(tree_, tree_.pod_group(pod));
  if (!pids) {
    if (pids.error().code() == model::ErrorCode::kNotFound) {
      // A pod that starts has its group soon.
      looked_.erase(pod.uid);
    } else {
      fail(pids.error());
    }
    return;
  }
  processes_ += pids->size();
  Change change{.pod = &pod, .score = score, .fresh = {}};
  for (const int pid : *pids) {
    const auto process = kernel::OomScore::open(proc_, pid);
    const auto current = process ? process->read() : model::Result<int>(process.error());
    if (!current) {
      if (current.error().code() != model::ErrorCode::kNotFound) fail(current.error());
      continue;
    }
    const auto* ours = known_of(known, pid);
    const bool is_known = ours != nullptr && ours->start == process->start();
    if (is_known && *current == ours->ours && ours->ours == score) continue;
    if (known.size() >= kMostKnown) {
      fail({model::ErrorCode::kOverloaded, fmt::format("oom_score_adj of {} processes kept, no more", known.size())});
      break;
    }
    guard::KnownScore next{
        .pid = pid, .start = process->start(), .original = *current, .ours = score, .pod = pod.uid.str()};
    if (is_known && *current == ours->ours) next.original = ours->original;
    if (*current == score && !is_known) {
      // So by itself, or inherited: then it gets back what its parent does.
      const auto* parent = known_of(known, process->parent());
      if (parent == nullptr || parent->ours != score) continue;
      next.original = parent->original;
    }
    std::erase_if(known, [&](const guard::KnownScore& each) { return each.pid == pid; });
    known.push_back(next);
    change.fresh.push_back(std::move(next));
  }
  if (!change.fresh.empty()) changes.push_back(std::move(change));
}

void OomScores::give(const Change& change) {
  std::size_t given = 0;
  for (const auto& next : change.fresh) {
    const auto process = kernel::OomScore::open(proc_, next.pid);
    if (!process || process->start() != next.start) continue;
    const auto current = process->read();
    if (!current || *current == next.ours) continue;
    const auto written = process->write(next.ours);
    if (written) {
      ++given;
    } else if (written.error().code() != model::ErrorCode::kNotFound) {
      fail(written.error());
    }
  }
  if (given == 0) return;
  tell_(model::Controller::kMemoryQos, model::Reason::kReclaimFirst,
        fmt::format("{} oom_score_adj", tree_.pod_group(*change.pod)), fmt::format("{} processes", given),
        std::to_string(change.score));
}

bool OomScores::retire(const Round& round) {
  std::vector<std::string> wanted;
  for (const auto& want : round.wants)
    wanted.push_back(want.pod.str());
  std::sort(wanted.begin(), wanted.end());
  // A hold is no want that ended; its end is seen at the next time.
  if (wanted == wanted_ && retired_ && round.now - *retired_ < kRecheck) return true;
  wanted_ = wanted;
  retired_ = round.now;
  problem_.reset();
  std::erase_if(looked_,
                [&](const auto& each) { return !std::binary_search(wanted.begin(), wanted.end(), each.first.str()); });
  std::vector<guard::KnownScore> kept;
  std::vector<guard::KnownScore> back_again;
  std::size_t restored = 0;
  for (const auto& known : record_.known()) {
    const bool is_wanted = std::binary_search(wanted.begin(), wanted.end(), known.pod);
    if (is_wanted || (round.held && round.held(model::PodUid(known.pod)))) {
      const auto ours = guard::is_ours(known, proc_);
      const bool is_over = ours ? !*ours : ours.error().code() == model::ErrorCode::kNotFound;
      if (!is_over) kept.push_back(known);
      continue;
    }
    const auto back = guard::restore_score(known, proc_);
    if (!back) {
      fail(back.error());
      kept.push_back(known);
    } else if (*back) {
      ++restored;
      back_again.push_back(known);
    }
  }
  if (const auto born = guard::restore_born_since(back_again, proc_)) {
    restored += *born;
  } else {
    fail(born.error());
  }
  if (restored > 0) {
    tell_(model::Controller::kMemoryQos, model::Reason::kNoLongerWanted, "oom_score_adj",
          fmt::format("{} processes", restored), "their own");
  }
  if (const auto recorded = record_.replace(std::move(kept)); !recorded) {
    fail(recorded.error());
    return false;
  }
  return true;
}

model::Result<void> OomScores::release() {
  looked_.clear();
  wanted_.clear();
  retired_.reset();
  problem_.reset();
  const auto done = guard::restore_scores(record_, proc_);
  if (!done) return done.error();
  return {};
}

}  // namespace tideline::node
