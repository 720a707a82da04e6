#pragma once
// Which events are written: the same one not again for a while. A plain value, bounded: every time comes in.

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include "k8s-bridge/translate/event.h"
#include "messages/model/units.h"

namespace tideline::bridge {

class EventBook {
 public:
  static constexpr model::Duration kAgainAfter = std::chrono::minutes(10);
  static constexpr std::size_t kMostKept = 1024;

  /// Whether to write it now. Of the same kind, object, reason and message it was not within kAgainAfter; beyond
  /// kMostKept that are remembered for so long, none is written.
  bool admit(const k8s::EventNote& note, model::MonoTime now);
  /// It could not be written after all.
  void forget(const k8s::EventNote& note);

 private:
  std::map<std::string, model::MonoTime> written_;
};

}  // namespace tideline::bridge
