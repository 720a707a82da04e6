#include "messages/link/enroll_pace.h"

#include <algorithm>
#include <cstdint>

namespace tideline::link {

EnrollPace::EnrollPace(std::size_t burst, model::Duration every)
    : every_(every), most_ahead_(every * (static_cast<std::int64_t>(std::max<std::size_t>(burst, 1)) - 1)) {}

bool EnrollPace::admit(const model::NodeName& node, model::MonoTime now) {
  model::MonoTime& rested_at = rested_at_.try_emplace(node, now).first->second;
  if (rested_at - now > most_ahead_) return false;
  rested_at = std::max(rested_at, now) + every_;
  return true;
}

void EnrollPace::forget_rested(model::MonoTime now) {
  std::erase_if(rested_at_, [now](const auto& entry) { return entry.second <= now; });
}

}  // namespace tideline::link
