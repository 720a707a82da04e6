#pragma once
// The one source of this coordinator's policy.

#include <string>
#include <vector>

namespace tideline::coordinator {

struct PolicySource {
  std::string name;       // for people: "dir:/etc/tideline/policy", "kubernetes"
  std::string directory;  // looked at each second; "" = input comes as PolicyInput
  std::string to_edit;    // what who would apply is told to do instead
};

/// --policy-source dir:PATH.
PolicySource directory_source(const std::string& directory);
/// --policy-source kubernetes: of these ConfigMaps, "NAMESPACE/NAME", the first that is there.
PolicySource kubernetes_source(const std::vector<std::string>& config_maps);

}  // namespace tideline::coordinator
