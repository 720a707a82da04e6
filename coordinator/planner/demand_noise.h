#pragma once
// A host's services within a step, second by second, drawn by a demand model. The same by the seed, whatever else is
// drawn and on whatever thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "coordinator/planner/demand_model.h"

namespace tideline::planner {

/// What becomes of a seed for its `number`-th use: neighbours have nothing to do with one another.
std::uint64_t mixed_seed(std::uint64_t seed, std::uint64_t number);

class DemandNoise {
 public:
  /// The model with its sigma times `noise` and so many times its bursts, both >= 0. Whatever they are, the same seed
  /// draws the same numbers: more noise makes the same seconds higher, and more bursts leave those that were there.
  DemandNoise(const DemandModel& model, double noise, double bursts);

  /// Into `sums` what all services use together in each of so many seconds; `means`: of each over all of them, >= 0, in
  /// whose order the seed is used. Over the seconds each service uses its mean.
  void draw(std::uint64_t seed, std::span<const double> means, std::size_t seconds, std::vector<double>& sums);

 private:
  void wander(std::uint64_t seed, std::size_t seconds, std::vector<double>& z) const;
  void add_service(std::uint64_t seed, double mean, std::vector<double>& sums);

  double sigma_;
  double correlation_;
  double fresh_;  // what each second brings, so that the variance stays 1
  double shared_part_;
  double own_part_;
  double begins_;  // chance that a burst does, in a second
  double ends_;
  double factor_;
  std::vector<double> shared_;
  std::vector<double> own_;
  std::vector<double> factors_;
};

}  // namespace tideline::planner
