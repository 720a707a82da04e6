#include "node-actor/sense/judge_applications.h"

#include <cstddef>

#include <fmt/format.h>

namespace tideline::sense {

std::optional<model::FeatureState> judge_applications(const std::vector<model::ApplicationUse>& applications) {
  if (applications.empty()) return std::nullopt;
  constexpr std::size_t kMostBytes = model::ReportLimits::kMaxTextBytes - 64;
  std::size_t measured = 0;
  std::size_t untold = 0;
  std::string others;
  for (const auto& application : applications) {
    if (application.state == model::ApplicationState::kMeasured) {
      ++measured;
      continue;
    }
    const auto one = fmt::format("; {} {}: {}", application.name, name_of(application.state), application.group);
    if (others.size() + one.size() > kMostBytes) {
      ++untold;
    } else {
      others += one;
    }
  }
  auto why = fmt::format("{} of {} measured{}", measured, applications.size(), others);
  if (untold > 0) why += fmt::format("; {} more are not", untold);
  const auto state = measured > 0 ? model::FeatureState::State::kActive : model::FeatureState::State::kInactive;
  return model::FeatureState{"hostApplications", state, std::move(why)};
}

}  // namespace tideline::sense
