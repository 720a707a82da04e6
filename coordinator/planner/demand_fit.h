#pragma once
// A demand model from what services used second by second.
//
// Window by window, and service by service, a second's use counts by the logarithm of its ratio to the window's median.
// A burst is a run of seconds above the upper of two bounds in one of them and above the lower in all: 3.5 and 1.75
// times the typical deviation of all services of the window (1.4826 times the median of the absolute values), and at
// least 1.5 and 1.25 times the median. All other seconds are noise: its standard deviation, its correlation from one
// second to the next, and what services deviate together in the same second, as the mean correlation of pairs of them.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/demand_model.h"
#include "messages/model/result.h"

namespace tideline::planner {

class DemandFit {
 public:
  static constexpr std::int64_t kLeastWindowS = 60;
  static constexpr std::int64_t kMostWindowS = 3'600;
  /// A service that uses less than this in the window's median says nothing: it is counted in ticks.
  static constexpr double kLeastMillicores = 10;
  /// Seconds of services without a burst, below which nothing is fitted.
  static constexpr std::uint64_t kLeastSeconds = 600;

  /// A window is as long as a step of the data that the model is for; kLeastWindowS to kMostWindowS.
  explicit DemandFit(std::int64_t window_s) : window_s_(window_s) {}

  /// What a service used in the second `at_s`, >= 0, of any clock: windows in the order of time. Within a window of its
  /// service the last one of a second counts. kOverloaded: more services in a window than hosts have.
  model::Result<void> add(std::int64_t at_s, std::string_view service, double cpu_millicores);
  /// What comes next has another clock.
  void close();

  /// Of all that was added, without a source. Where no two services were seen at a time `shared` is the usual model's.
  /// kInvalidArgument: that is too little.
  model::Result<DemandModel> finish();
  bool knows_shared() const { return shared_pairs_ > 0; }
  std::uint64_t seconds() const { return quiet_ + in_bursts_; }  // of services, that count

 private:
  /// Logarithms of ratios to the median, one a second; NaN: no value, or a burst.
  using Deviations = std::vector<double>;
  std::vector<Deviations> deviations_of_window() const;
  void take_bursts(Deviations& service, double typical);
  /// What is left becomes deviations from its mean in standard deviations. False: it has none.
  bool take_noise(Deviations& service);
  void take_shared(const std::vector<Deviations>& services);

  std::int64_t window_s_;
  std::int64_t window_ = -1;
  std::map<std::string, std::vector<double>, std::less<>> values_;  // of the window, one a second; NaN: none

  std::uint64_t quiet_ = 0;  // seconds without a burst, and what is left of them as degrees of freedom
  std::uint64_t freedoms_ = 0;
  double squares_ = 0;
  double products_ = 0;  // of neighbours, and what they are held against
  double neighbour_squares_ = 0;
  std::uint64_t bursts_ = 0;
  std::uint64_t begins_ = 0;  // of these: a window does not begin with them
  std::uint64_t in_bursts_ = 0;
  double burst_ratios_ = 0;
  std::uint64_t shared_pairs_ = 0;
  double shared_products_ = 0;
};

}  // namespace tideline::planner
