#pragma once
// What the API server tells, translated, on its way from the client's thread to the bridge's actor.

#include <cstddef>
#include <string>
#include <variant>

#include "k8s-bridge/translate/objects.h"

namespace tideline::bridge {

/// A resource that is listed and watched. After kPods come the ConfigMaps, as ConfigChoice counts them.
using ResourceIndex = std::size_t;
inline constexpr ResourceIndex kNodes = 0;
inline constexpr ResourceIndex kPods = 1;
inline constexpr ResourceIndex kFirstConfigMap = 2;

struct ListBegan {
  ResourceIndex resource = 0;
};
struct ListEnded {
  ResourceIndex resource = 0;
};
struct ConfigMapCame {
  ResourceIndex resource = 0;
  k8s::ConfigMapObject object;
};
struct ObjectGone {
  ResourceIndex resource = 0;
  std::string name;
  std::string uid;
};
/// problem "": the watch is up to date.
struct WatchState {
  ResourceIndex resource = 0;
  std::string problem;
};
/// Cannot be used at all.
struct ObjectUnreadable {
  ResourceIndex resource = 0;
  std::string why;
};

using Change = std::variant<ListBegan, ListEnded, k8s::NodeObject, k8s::PodObject, ConfigMapCame, ObjectGone,
                            WatchState, ObjectUnreadable>;

}  // namespace tideline::bridge
