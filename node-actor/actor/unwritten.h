#pragma once
// Tells of what the arbiter left unwritten, by the files' names and in their spelling.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "messages/model/action.h"
#include "node-actor/decide/asides.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

class Unwritten {
 public:
  using Tell =
      std::function<void(model::Controller, model::Reason, std::string subject, std::string before, std::string after)>;

  /// `tree` must outlive it.
  Unwritten(const kernel::CgroupTree& tree, Tell tell) : tree_(tree), tell_(std::move(tell)) {}

  /// What could not be told, as its group was not there, is tried again after this long.
  static constexpr model::Duration kRetry = std::chrono::seconds(10);

  /// One pod round. `suppress`: what CPU suppress in dry run would put on the besteffort root, which is not settled
  /// with the others. `unchanged`: this is the settlement of the call before; it then costs nothing until something is
  /// due.
  ///
  /// Events are of reason kDryRun or kOverruled: what the file holds, and "<text> (<reason>)" that would be there; ""
  /// for that says that it is so no longer.
  void round(const decide::Settlement& settlement, const std::optional<decide::Aside>& suppress, model::MonoTime now,
             bool unchanged);

 private:
  /// False: there is no such file now.
  bool tell(const decide::AsideNews& news);

  const kernel::CgroupTree& tree_;
  Tell tell_;
  decide::AsideState state_;
  std::map<decide::AsideKey, std::string> files_;  // of those that were told of
  std::optional<decide::Aside> suppress_;
  model::MonoTime next_{INT64_MIN};
};

}  // namespace tideline::node
