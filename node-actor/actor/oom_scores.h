#pragma once
// Gives the processes of BE pods the oom_score_adj that decide::oom_scores wants, and takes it back where nobody wants it
// any more. Processes are looked for when a pod is new and every kRecheck, as new ones inherit their parent's score.

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
  const kernel::CgroupTree& tree_;
  guard::OomScoreRecord record_;
  std::function<bool()> may_act_;
  Tell tell_;
  std::map<model::PodUid, model::MonoTime> looked_;
  std::optional<model::Error> problem_;
};

}  // namespace tideline::node
