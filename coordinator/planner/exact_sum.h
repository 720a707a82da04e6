#pragma once
// A sum that is the same in whatever order, and in whatever parts, its numbers are added.

#include <cmath>
#include <cstdint>

namespace tideline::planner {

/// 64 bits of whole ones and 64 of fractions, in two's complement. Of a number of 2^-12 or more nothing is lost, of a
/// smaller one what is below 2^-64; what is no number, or beyond 2^62, counts as nothing, or as that.
class ExactSum {
 public:
  ExactSum() = default;
  ExactSum(std::uint64_t whole, std::uint64_t fraction) : whole_(whole), fraction_(fraction) {}

  void add(double value) {
    constexpr double kMost = 0x1p62;
    if (std::isnan(value)) return;
    value = value > kMost ? kMost : value < -kMost ? -kMost : value;
    const double floor = std::floor(value);
    const double rest = std::ldexp(value - floor, 64);
    const auto whole = static_cast<std::uint64_t>(static_cast<std::int64_t>(floor));
    // What is just below a whole number is rounded to it.
    if (rest >= 0x1p64) {
      add(ExactSum(whole + 1, 0));
    } else {
      add(ExactSum(whole, static_cast<std::uint64_t>(rest)));
    }
  }
  void add_whole(std::uint64_t value) { whole_ += value; }
  void add(const ExactSum& other) {
    fraction_ += other.fraction_;
    whole_ += other.whole_ + (fraction_ < other.fraction_ ? 1U : 0U);
  }

  double value() const {
    return static_cast<double>(static_cast<std::int64_t>(whole_)) + std::ldexp(static_cast<double>(fraction_), -64);
  }
  std::uint64_t whole() const { return whole_; }
  std::uint64_t fraction() const { return fraction_; }
  friend bool operator==(const ExactSum&, const ExactSum&) = default;

 private:
  std::uint64_t whole_ = 0;
  std::uint64_t fraction_ = 0;
};

}  // namespace tideline::planner
