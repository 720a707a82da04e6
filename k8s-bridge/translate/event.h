#pragma once
// Events (core/v1) as they are written to the API server. Plain functions: the time comes in.

#include <cstddef>
#include <string>
#include <string_view>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/units.h"

namespace tideline::k8s {

struct EventNote {
  enum class Type { kNormal, kWarning };
  std::string kind;  // of the object, of v1: "ConfigMap", "Node", "Pod"
  ObjectKey object;
  Type type = Type::kNormal;
  std::string reason;   // a word: UpperCamel, or one of Koordinator's
  std::string message;  // cut to kMaxEventBytes
  friend bool operator==(const EventNote&, const EventNote&) = default;
};

/// As the API server bounds it.
inline constexpr std::size_t kMaxEventBytes = 1024;
inline constexpr std::string_view kEventSource = "tideline-coordinator";

/// The object's own, "default" for one that has none.
std::string event_namespace(const EventNote& note);
/// "/api/v1/namespaces/kube-system/events".
std::string event_path(const EventNote& note);
/// JSON for a POST there. An event of a Node names it by its name in place of its uid, as kubelet's do: by that
/// `kubectl describe node` finds them.
std::string event_body(const EventNote& note, model::WallTime at);

/// RFC 3339 in UTC, whole seconds: "2026-03-01T12:00:00Z", as metav1.Time is written. Years 1..9999.
std::string time_text(model::WallTime at);

}  // namespace tideline::k8s
