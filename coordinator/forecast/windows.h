#pragma once
// What is known of the last values of a series, kept as each of them comes. `window`, how many those are, is at least 1
// and the same on each call. In the long run nothing is allocated.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tideline::forecast {

/// used / limit. What has no limit is used up as soon as anything is used.
double ratio_of(double used, double limit);

/// Mean and standard deviation, by sums that are made anew once in a window. What is rounded meanwhile moves the mean
/// by less than 1e-12 and the deviation by less than 1e-6 of the largest value, in windows of up to 10,000 values >= 0.
class WindowMoments {
 public:
  void push(std::size_t window, double value);
  void clear();

  std::size_t size() const { return values_.size(); }
  double mean() const;       // 0 of none
  double deviation() const;  // of a sample: by n - 1; 0 of fewer than two

 private:
  /// Sums anew, about the mean.
  void settle();

  std::vector<double> values_;
  std::size_t next_ = 0;  // the oldest, once the window is full
  double origin_ = 0;     // the sums are of distances from it
  double sum_ = 0;
  double squares_ = 0;
};

/// The largest.
class WindowMax {
 public:
  void push(std::size_t window, double value);
  void clear();
  double max() const;  // 0 of none

 private:
  struct Entry {
    std::uint64_t at = 0;
    double value = 0;
  };
  std::vector<Entry> falling_;  // from head_ on: who is larger than all that came later
  std::size_t head_ = 0;
  std::uint64_t now_ = 0;
};

/// Any percentile, exactly.
class WindowRanks {
 public:
  void push(std::size_t window, double value);
  /// With the values in order, what is in place share * (size - 1) from 0; between two, in proportion. 0 of none.
  double at(double share) const;

 private:
  std::vector<double> values_;  // as they came
  std::vector<double> sorted_;
  std::size_t next_ = 0;
};

}  // namespace tideline::forecast
