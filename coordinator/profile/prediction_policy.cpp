#include "coordinator/profile/prediction_policy.h"

namespace tideline::profile {

std::string_view name_of(Predictor predictor) {
  switch (predictor) {
    case Predictor::kHistogram:
      return "histogram";
    case Predictor::kRecentMax:
      return "recentMax";
  }
  return "unknown";
}

std::optional<Predictor> predictor_from(std::string_view text) {
  for (const auto predictor : kPredictors) {
    if (name_of(predictor) == text) return predictor;
  }
  return std::nullopt;
}

std::string_view name_of(Resource resource) {
  switch (resource) {
    case Resource::kCpu:
      return "cpu";
    case Resource::kMemory:
      return "memory";
  }
  return "unknown";
}

}  // namespace tideline::profile
