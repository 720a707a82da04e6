#pragma once
// What was learnt of all nodes, how good the predictors were, and the bytes in which it outlives the process.

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "coordinator/profile/node_profile.h"
#include "coordinator/profile/prediction_policy.h"
#include "coordinator/profile/scores.h"
#include "messages/model/ids.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::profile {

/// Over the nodes that were asked for; scores over all nodes since the start.
struct Summary {
  PerPredictor<PerResource<double>> saved{};  // reclaimable; millicores or bytes
  std::size_t warm_pods = 0;
  std::size_t cold_pods = 0;
  Scores scores{};
};

class ProfileBook {
 public:
  /// Nodes are written slice by slice, each by its name in one of them: a setting of the store each.
  static constexpr std::size_t kSlices = 512;
  static constexpr std::size_t kMaxSliceBytes = 1 << 20;
  /// A node that is silent for so long is learnt anew.
  static constexpr model::Duration kForgetAfter = std::chrono::hours(24);

  const PredictionPolicy& policy() const { return policy_; }
  /// Of the next reports: what is predicted already stays.
  void set_policy(const PredictionPolicy& policy) { policy_ = policy; }

  /// NodeProfile::take().
  void take(const model::Report& report, model::MonoTime at);
  void forget(const model::NodeName& node);

  /// By the policy's predictor; nothing is known where that is none.
  Reclaimable reclaimable(const model::NodeName& node) const;
  const NodeProfile* node(const model::NodeName& name) const;
  std::size_t size() const;

  /// Of the nodes that `of` admits.
  template <class Predicate>
  Summary summary(Predicate of) const {
    Summary sum;
    sum.scores = scores_;
    for (const auto& slice : slices_) {
      for (const auto& [name, profile] : slice) {
        if (of(name)) add(sum, profile);
      }
    }
    return sum;
  }

  struct Written {
    std::string bytes;         // "": the slice has no nodes
    std::size_t left_out = 0;  // nodes for which kMaxSliceBytes had no room
  };
  static std::size_t slice_of(const model::NodeName& node);
  bool is_empty(std::size_t slice) const { return slices_[slice].empty(); }
  /// Forgets the slice's nodes that are silent for kForgetAfter, and writes the others.
  Written write(std::size_t slice, model::MonoTime now, model::WallTime wall);
  /// What write() gave, by an earlier process perhaps: the time since is told by the wall clock, and never negative.
  /// Nodes that are known already stay. kMalformed for anything else; nothing of it is taken then.
  model::Result<void> read(std::string_view bytes, model::MonoTime now, model::WallTime wall);

 private:
  static void add(Summary& sum, const NodeProfile& profile);

  PredictionPolicy policy_;
  Scores scores_{};
  std::array<std::map<model::NodeName, NodeProfile>, kSlices> slices_;
};

}  // namespace tideline::profile
