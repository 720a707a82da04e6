#include "node-actor/simulation/divide.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace tideline::simulation {

std::vector<double> divide(double whole, std::span<const Claim> claims) {
  std::vector<double> got(claims.size());
  double wanted = 0;
  double weights = 0;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    got[i] = claims[i].want;
    wanted += claims[i].want;
    weights += claims[i].weight;
  }
  if (wanted <= whole) return got;
  // Whoever wants least for its weight has enough first.
  std::vector<std::size_t> order(claims.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return claims[a].want * claims[b].weight < claims[b].want * claims[a].weight;
  });
  double left = whole;
  for (const std::size_t index : order) {
    const Claim& claim = claims[index];
    got[index] = std::min(claim.want, left * claim.weight / weights);
    left = std::max(0.0, left - got[index]);
    weights -= claim.weight;
  }
  return got;
}

}  // namespace tideline::simulation
