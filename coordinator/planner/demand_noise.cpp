#include "coordinator/planner/demand_noise.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tideline::planner {
namespace {

constexpr double kSecondsOfHour = 3'600;

/// splitmix64 (Steele, Lea and Flood, 2014). The library's distributions are not the same on every one.
class NoiseStream {
 public:
  explicit NoiseStream(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E37'79B9'7F4A'7C15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58'476D'1CE4'E5B9;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D0'49BB'1331'11EB;
    return mixed ^ (mixed >> 31U);
  }
  /// Within 0 and 1, neither of them.
  double uniform() { return (static_cast<double>(next() >> 11U) + 0.5) * 0x1p-53; }
  /// Of variance 1 (Box and Muller, 1958).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    constexpr double kTwoPi = 6.283185307179586;
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = kTwoPi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  std::uint64_t state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace

std::uint64_t mixed_seed(std::uint64_t seed, std::uint64_t number) {
  return NoiseStream(NoiseStream(seed).next() ^ NoiseStream(~number).next()).next();
}

DemandNoise::DemandNoise(const DemandModel& model, double noise, double bursts)
    : sigma_(model.sigma * noise),
      correlation_(model.correlation),
      fresh_(std::sqrt(1 - model.correlation * model.correlation)),
      shared_part_(std::sqrt(model.shared)),
      own_part_(std::sqrt(1 - model.shared)),
      begins_(std::min(model.bursts_per_hour * bursts / kSecondsOfHour, 1.0)),
      ends_(std::min(1 / model.burst_s, 1.0)),
      factor_(model.burst_factor) {}

void DemandNoise::wander(std::uint64_t seed, std::size_t seconds, std::vector<double>& z) const {
  z.resize(seconds);
  NoiseStream random(seed);
  double last = random.normal();
  for (double& value : z) {
    value = last;
    last = correlation_ * last + fresh_ * random.normal();
  }
}

void DemandNoise::add_service(std::uint64_t seed, double mean, std::vector<double>& sums) {
  const std::size_t seconds = sums.size();
  wander(mixed_seed(seed, 0), seconds, own_);
  NoiseStream random(mixed_seed(seed, 1));
  bool bursts = random.uniform() * (begins_ + ends_) < begins_;
  factors_.resize(seconds);
  double whole = 0;
  for (std::size_t second = 0; second < seconds; ++second) {
    const double chance = random.uniform();
    // Low chances both begin and go on, and another may begin where one ends: what begins with fewer bursts never ends
    // a longer one of more.
    bursts = chance < (bursts ? std::max(1 - ends_, begins_) : begins_);
    const double z = shared_part_ * shared_[second] + own_part_ * own_[second];
    factors_[second] = std::exp(sigma_ * z) * (bursts ? factor_ : 1.0);
    whole += factors_[second];
  }
  const double scale = mean * static_cast<double>(seconds) / whole;
  for (std::size_t second = 0; second < seconds; ++second)
    sums[second] += factors_[second] * scale;
}

void DemandNoise::draw(std::uint64_t seed, std::span<const double> means, std::size_t seconds,
                       std::vector<double>& sums) {
  if (sigma_ <= 0 && begins_ <= 0) {
    sums.assign(seconds, std::accumulate(means.begin(), means.end(), 0.0));
    return;
  }
  sums.assign(seconds, 0.0);
  wander(mixed_seed(seed, 0), seconds, shared_);
  for (std::size_t number = 0; number < means.size(); ++number) {
    if (means[number] > 0) add_service(mixed_seed(seed, number + 1), means[number], sums);
  }
}

}  // namespace tideline::planner
