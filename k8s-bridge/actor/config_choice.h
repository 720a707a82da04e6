#pragma once
// Which of the ConfigMaps that policy may come from it comes from. A plain value.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/policy/policy.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/result.h"

namespace tideline::bridge {

struct ConfigMapName {
  std::string name_space;
  std::string name;
  friend bool operator==(const ConfigMapName&, const ConfigMapName&) = default;
};
/// "NAMESPACE/NAME"; kInvalidArgument for what Kubernetes takes as neither.
model::Result<ConfigMapName> config_map_name(const std::string& text);
std::string text_of(const ConfigMapName& name);
/// "configmap kube-system/ack-slo-config": as log lines, events and documents name it.
std::string subject_of(const ConfigMapName& name);

/// ack-koordinator's and Koordinator's own, in this order.
const std::vector<ConfigMapName>& default_config_maps();
/// Those with `preferred` first; kInvalidArgument, naming all of them, where it is none.
model::Result<std::vector<ConfigMapName>> by_preference(std::vector<ConfigMapName> names,
                                                        const ConfigMapName& preferred);

/// One document under the ConfigMap's subject, as policy::parse() takes a whole ConfigMap.
std::vector<policy::Document> documents_of(const ConfigMapName& name, const k8s::ConfigMapObject& object);

class ConfigChoice {
 public:
  /// By preference; what follows counts them from 0.
  explicit ConfigChoice(std::vector<ConfigMapName> names);

  /// A list begins; what is told of until it is whole is there, and no other.
  void begin(std::size_t which);
  void take(std::size_t which, k8s::ConfigMapObject object);
  void gone(std::size_t which);
  /// It is there, and cannot be read: what was read of it before holds.
  void unreadable(std::size_t which);
  void listed(std::size_t which);

  struct Choice {
    std::optional<std::size_t> in_force;  // nullopt: there is none, and the defaults are
    std::vector<std::size_t> left_aside;  // there too, with a lower preference
    friend bool operator==(const Choice&, const Choice&) = default;
  };
  /// nullopt: not known yet, as one that would come first was never listed, or never read.
  std::optional<Choice> choice() const;

  const std::vector<ConfigMapName>& names() const { return names_; }
  /// It is there, and could not be read since.
  bool is_unreadable(std::size_t which) const { return rows_[which].is_unreadable; }
  /// nullptr: it is not there.
  const k8s::ConfigMapObject* object(std::size_t which) const;

 private:
  struct Row {
    std::optional<k8s::ConfigMapObject> object;
    bool is_listed = false;  // at least once
    bool was_seen = false;   // in the list that is under way
    bool is_unreadable = false;
  };
  std::vector<ConfigMapName> names_;
  std::vector<Row> rows_;
};

}  // namespace tideline::bridge
