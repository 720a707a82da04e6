#pragma once
// How a scheduler by weight shares CPU.

#include <span>
#include <vector>

namespace tideline::simulation {

struct Claim {
  double want = 0;    // what it would use alone
  double weight = 0;  // > 0
};

/// What each claim gets of `whole`, in their order: by weight to those who want more, until all have enough or nothing
/// is left.
std::vector<double> divide(double whole, std::span<const Claim> claims);

}  // namespace tideline::simulation
