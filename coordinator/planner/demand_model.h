#pragma once
// How services' use moves within a step, which a mean does not say, in few numbers: fitted from what a node recorded
// each second (demand_fit.h), drawn by demand_noise.h.
//
// What a service uses in a second is its mean times exp(sigma * z), where z is a stationary Gaussian series of variance
// 1 whose values are correlated from one second to the next, AR(1); part of its variance is of a series that all
// services of the host share. In a burst it uses burst_factor times as much; bursts begin at random and are as long as
// chance has it, with a mean. All of it is scaled so that the mean over a step is the one that is known.

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::planner {

/// A default-constructed one is the usual one, for who has no recording. It is not measured: its bursts are the
/// rehearsal's (node-actor/simulation), and its noise is what a service of some requests a second has.
struct DemandModel {
  double sigma = 0.25;          // of the logarithm
  double correlation = 0.8;     // of z, from one second to the next
  double shared = 0.2;          // share of z's variance that all services of a host have in common
  double bursts_per_hour = 12;  // of one service, while it has none
  double burst_s = 10;          // mean length
  double burst_factor = 3;
  std::string source = "usual";       // for people: what it was fitted from
  std::uint64_t service_seconds = 0;  // that it was fitted from
  friend bool operator==(const DemandModel&, const DemandModel&) = default;
};

/// visit(key in files, what it is, unit, least, most, field) for every number of the model.
template <class Visit, class Model>
constexpr void demand_model_fields(Visit&& visit, Model& model) {
  visit("sigma", "noise, sigma of the logarithm", "", 0.0, 3.0, model.sigma);
  visit("correlation", "correlation from one second to the next", "", 0.0, 0.9999, model.correlation);
  visit("shared", "share of the noise that a host's services have in common", "", 0.0, 1.0, model.shared);
  visit("burstsPerHour", "bursts of a service", "an hour", 0.0, 3'600.0, model.bursts_per_hour);
  visit("burstS", "their mean length", "s", 1.0, 3'600.0, model.burst_s);
  visit("burstFactor", "use in a burst", "times", 1.0, 100.0, model.burst_factor);
}

/// kInvalidArgument names the number that is out of its bounds.
model::Result<void> check_demand_model(const DemandModel& model);

/// JSON on one line, and back: strict. kMalformed names key and place.
std::string to_json(const DemandModel& model);
model::Result<DemandModel> demand_model_from_json(std::string_view text);

}  // namespace tideline::planner
