#pragma once
// Gives the processes of BE pods the oom_score_adj that decide::oom_scores wants, and takes it back where nobody wants
// it any more. Processes are looked for when a pod is new or has other containers, and every kRecheck, as new ones
// inherit their parent's score.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/memory_qos.h"
#include "node-actor/guard/oom_score_record.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

class OomScores {
 public:
  using Tell = std::function<void(model::Controller, model::Reason, std::string, std::string, std::string)>;
  static constexpr model::Duration kRecheck = std::chrono::seconds(30);
  /// A round looks at about so many processes, the rest comes in the next one.
  static constexpr std::size_t kProcessesARound = 2048;
  /// On record at most.
  static constexpr std::size_t kMostKnown = 32'768;

  /// `tree` must outlive it. `may_act`: false once another owner has the host.
  OomScores(const kernel::CgroupTree& tree, guard::OomScoreRecord record, std::function<bool()> may_act, Tell tell);

  struct Round {
    const std::vector<decide::OomScoreWant>& wants;
    const std::vector<model::Pod>& pods;
    std::function<bool(const model::PodUid&)> held;
    model::MonoTime now;
  };
  /// Only kFenced is an error: the worker must stop. What the kernel refuses is in problem().
  model::Result<void> round(const Round& round);
  /// Puts all back.
  model::Result<void> release();
  const std::optional<model::Error>& problem() const { return problem_; }
  std::size_t owned() const { return record_.known().size(); }

 private:
  struct Looked {
    model::MonoTime at;
    std::vector<std::string> containers;
  };
  /// Processes of one pod that are to get its score, on record once this round's changes are.
  struct Change {
    const model::Pod* pod = nullptr;
    int score = 0;
    std::vector<guard::KnownScore> fresh;
  };

  /// Adds what is to be known to `known`.
  void look(const model::Pod& pod, int score, std::vector<guard::KnownScore>& known, std::vector<Change>& changes);
  void give(const Change& change);
  /// Puts back what no listed want is about, and forgets what is gone. False: the record could not be written.
  bool retire(const Round& round);
  void fail(const model::Error& error) {
    if (!problem_) problem_ = error;
  }

  const kernel::CgroupTree& tree_;
  std::string proc_;
  guard::OomScoreRecord record_;
  std::function<bool()> may_act_;
  Tell tell_;
  std::map<model::PodUid, Looked> looked_;
  std::size_t processes_ = 0;  // looked at in this round
  std::optional<model::MonoTime> retired_;
  std::vector<std::string> wanted_;  // pods, when that was done
  std::optional<model::Error> problem_;
};

}  // namespace tideline::node
