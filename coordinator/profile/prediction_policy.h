#pragma once
// Which predictor gives mid its share, and how careful all of them are: tideline-config, prediction.*.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tideline::profile {

/// How it is told from what a pod used what it will use at most. kHistogram is Koordinator's (its node-side peak
/// predictor): the 95th percentile of CPU, the 98th of memory, where older use counts less. kRecentMax: the most in the
/// last one to two days.
enum class Predictor : std::uint8_t { kHistogram = 0, kRecentMax = 1 };
inline constexpr std::array kPredictors{Predictor::kHistogram, Predictor::kRecentMax};
std::string_view name_of(Predictor predictor);                   // "histogram", "recentMax"
std::optional<Predictor> predictor_from(std::string_view text);  // nullopt for all others, "none" among them

enum class Resource : std::uint8_t { kCpu = 0, kMemory = 1 };
inline constexpr std::array kResources{Resource::kCpu, Resource::kMemory};
std::string_view name_of(Resource resource);  // "cpu", "memory"

/// One of each, in the order of the enumerators.
template <class T>
struct PerPredictor : std::array<T, kPredictors.size()> {
  T& at(Predictor predictor) { return (*this)[static_cast<std::size_t>(predictor)]; }
  const T& at(Predictor predictor) const { return (*this)[static_cast<std::size_t>(predictor)]; }
};
template <class T>
struct PerResource : std::array<T, kResources.size()> {
  T& at(Resource resource) { return (*this)[static_cast<std::size_t>(resource)]; }
  const T& at(Resource resource) const { return (*this)[static_cast<std::size_t>(resource)]; }
};

/// Of the whole fleet: all predictors run on each node in any case, and are compared.
struct PredictionPolicy {
  std::optional<Predictor> used;     // nullopt: mid is given nothing by prediction
  int safety_margin_percent = 10;    // 0..100, on top of what is predicted to be used
  int cold_start_minutes = 24 * 60;  // 1..10080: minutes of its use that must be known of a pod
  friend bool operator==(const PredictionPolicy&, const PredictionPolicy&) = default;
};

}  // namespace tideline::profile
