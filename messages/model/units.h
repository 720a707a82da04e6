#pragma once
// Strong units. CPU in millicores, memory in bytes, durations in ns, stamps in ms since the epoch or ns since boot:
// quantities of different units do not mix, and a plain integer becomes one only where it is spelled out.

#include <chrono>
#include <cmath>
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

/// A factor with two decimals, as Koordinator writes its ratios: 1.25 is Ratio(125).
class Ratio {
 public:
  constexpr Ratio() = default;  // 1.00
  constexpr explicit Ratio(std::int64_t hundredths) : hundredths_(hundredths) {}
  /// 0 < value < 10^6.
  static Ratio nearest(double value) { return Ratio(std::llround(value * 100.0)); }

  constexpr std::int64_t hundredths() const { return hundredths_; }
  constexpr double value() const { return static_cast<double>(hundredths_) / 100.0; }

  /// quantity * ratio, truncated; exact where the result fits 63 bits. quantity >= 0.
  template <class Tag>
  constexpr Quantity<Tag> times(Quantity<Tag> quantity) const {
    const std::int64_t whole = quantity.value() / 100;
    return Quantity<Tag>(whole * hundredths_ + quantity.value() % 100 * hundredths_ / 100);
  }
  /// quantity / ratio, rounded up. quantity >= 0.
  template <class Tag>
  constexpr Quantity<Tag> into(Quantity<Tag> quantity) const {
    const std::int64_t whole = quantity.value() / hundredths_;
    return Quantity<Tag>(whole * 100 + (quantity.value() % hundredths_ * 100 + hundredths_ - 1) / hundredths_);
  }

  friend constexpr auto operator<=>(Ratio, Ratio) = default;

 private:
  std::int64_t hundredths_ = 100;
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

/// ns on the host's clock that goes on while the host is suspended (CLOCK_BOOTTIME): for what another host counts as
/// well meanwhile, such as the time that a lease has left. Comparable as MonoTime is, and never with one.
struct BootTime {
  std::int64_t ns = 0;
  friend constexpr auto operator<=>(BootTime, BootTime) = default;
  friend constexpr Duration operator-(BootTime a, BootTime b) { return Duration(a.ns - b.ns); }
  friend constexpr BootTime operator+(BootTime a, Duration d) { return BootTime{a.ns + d.count()}; }
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
