#include "node-actor/decide/victim_text.h"

#include <chrono>

#include <fmt/format.h>

#include "messages/model/eviction.h"

namespace tideline::decide {

std::string subject_of(const EvictVictim& victim) {
  return model::pod_subject(victim.name_space, victim.name, victim.uid);
}

std::string cost_of(const EvictVictim& victim) {
  std::string text = "running";
  if (victim.used) text += fmt::format(", {} millicores", victim.used->value());
  if (victim.memory_used) text += fmt::format(", {} bytes", victim.memory_used->value());
  if (victim.cpu_time_used) {
    const std::chrono::duration<double> used = *victim.cpu_time_used;
    text += fmt::format(", {:.1f} s of CPU used so far", used.count());
  }
  return text;
}

}  // namespace tideline::decide
