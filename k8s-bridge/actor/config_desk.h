#pragma once
// Takes the policy from ConfigMaps: which one it is, and what the policy's actor said of it.

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/actor/messages.h"
#include "k8s-bridge/actor/config_choice.h"
#include "k8s-bridge/translate/event.h"

namespace tideline::bridge {

class ConfigDesk {
 public:
  struct Out {
    /// What it is told is judged() later.
    std::function<void(model::Result<std::vector<policy::Document>> documents, std::string subject,
                       std::string resource_version)>
        input;
    std::function<void(k8s::EventNote note)> event;
  };
  /// By preference; none: the policy comes from elsewhere.
  ConfigDesk(std::vector<ConfigMapName> names, Out out);

  /// To be told of changes, and looked at when all that came together is in it.
  ConfigChoice& maps() { return maps_; }
  /// Who replaces a ConfigMap by deleting it first means no policy of defaults in between, with all that batch has
  /// withdrawn.
  static constexpr model::Duration kNoneFor = std::chrono::seconds(30);
  /// Gives the policy's actor what it has not been given; that there is none, once it was so for kNoneFor.
  void look(model::MonoTime now);
  /// One of them is there and cannot be read.
  void unreadable(std::size_t which, const std::string& why);
  void judged(const coordinator::PolicyJudged& verdict);

 private:
  struct Given {
    std::optional<std::size_t> which;  // nullopt: that there is none
    std::string uid;
    std::string resource_version;
    friend bool operator==(const Given&, const Given&) = default;
  };
  void note_left_aside(const ConfigChoice::Choice& choice);

  ConfigChoice maps_;
  Out out_;
  std::optional<Given> given_;
  std::optional<model::MonoTime> none_since_;
  std::set<std::string> told_aside_;  // uids of those that are
};

}  // namespace tideline::bridge
