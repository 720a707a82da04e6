#pragma once
// Strong units. CPU in millicores, memory in bytes, durations in ns, stamps in ms since the epoch or ns since boot:
// quantities of different units do not mix, and a plain integer becomes one only where it is spelled out.

#include <chrono>
#include <compare>
#include <cstdint>

namespace tideline::model {

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::int64_t value) : value_(value) {}

  constexpr std::int64_t value() const { return value_; }

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
  constexpr Quantity& operator+=(Quantity other) { return *this = *this + other; }
  constexpr Quantity& operator-=(Quantity other) { return *this = *this - other; }

  /// percent of this quantity, truncated towards zero (Koordinator truncates). Exact for |value| < 2^53.
  constexpr Quantity percent(double percent) const {
    return Quantity(static_cast<std::int64_t>(static_cast<double>(value_) * percent / 100.0));
  }

 private:
  std::int64_t value_ = 0;
};

using MilliCpu = Quantity<struct MilliCpuTag>;
using Bytes = Quantity<struct BytesTag>;

using Duration = std::chrono::nanoseconds;

/// ns on the host's monotonic clock (CLOCK_MONOTONIC). Comparable only with stamps of the same boot of the same host.
struct MonoTime {
  std::int64_t ns = 0;
  friend constexpr auto operator<=>(MonoTime, MonoTime) = default;
  friend constexpr Duration operator-(MonoTime a, MonoTime b) { return Duration(a.ns - b.ns); }
  friend constexpr MonoTime operator+(MonoTime a, Duration d) { return MonoTime{a.ns + d.count()}; }
};

/// ms since the Unix epoch, as the sender's wall clock had it.
struct WallTime {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

constexpr Duration kZeroDuration{0};

/// Whole milliseconds, toward zero.
constexpr std::int64_t to_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// CPU time over a window as millicores, rounded to nearest. window must be > 0.
constexpr MilliCpu cpu_rate(Duration cpu_time, Duration window) {
  const double milli = static_cast<double>(cpu_time.count()) * 1000.0 / static_cast<double>(window.count());
  return MilliCpu(static_cast<std::int64_t>(milli + (milli < 0 ? -0.5 : 0.5)));
}

}  // namespace tideline::model
