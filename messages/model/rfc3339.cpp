#include "messages/model/rfc3339.h"

#include <chrono>
#include <cstddef>

namespace tideline::model {
namespace {

using namespace std::chrono_literals;

/// What is left to be read of a text.
class Stamp {
 public:
  explicit Stamp(std::string_view text) : left_(text) {}

  bool done() const { return left_.empty(); }
  bool skip(std::string_view any_of) {
    if (left_.empty() || any_of.find(left_.front()) == std::string_view::npos) return false;
    left_.remove_prefix(1);
    return true;
  }
  /// Exactly `width` digits.
  std::optional<int> number(std::size_t width) {
    if (left_.size() < width) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (!is_digit(left_[i])) return std::nullopt;
      value = value * 10 + (left_[i] - '0');
    }
    left_.remove_prefix(width);
    return value;
  }
  std::optional<int> fraction_ms() {
    if (!skip(".")) return 0;
    int ms = 0;
    std::size_t digits = 0;
    while (!left_.empty() && is_digit(left_.front())) {
      if (digits < 3) ms = ms * 10 + (left_.front() - '0');
      ++digits;
      left_.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    for (; digits < 3; ++digits)
      ms *= 10;
    return ms;
  }
  std::optional<std::chrono::minutes> offset() {
    if (skip("Zz")) return 0min;
    const bool negative = !left_.empty() && left_.front() == '-';
    if (!skip("+-")) return std::nullopt;
    const auto hours = number(2);
    if (!hours || !skip(":")) return std::nullopt;
    const auto minutes = number(2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes length = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    return negative ? -length : length;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::string_view left_;
};

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Stamp stamp(text);
  const auto year = stamp.number(4);
  if (!year || !stamp.skip("-")) return std::nullopt;
  const auto month = stamp.number(2);
  if (!month || !stamp.skip("-")) return std::nullopt;
  const auto day = stamp.number(2);
  if (!day || !stamp.skip("Tt ")) return std::nullopt;
  const auto hour = stamp.number(2);
  if (!hour || !stamp.skip(":")) return std::nullopt;
  const auto minute = stamp.number(2);
  if (!minute || !stamp.skip(":")) return std::nullopt;
  const auto second = stamp.number(2);
  if (!second) return std::nullopt;
  const auto ms = stamp.fraction_ms();
  if (!ms) return std::nullopt;
  const auto offset = stamp.offset();
  if (!offset || !stamp.done()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // 60 is a leap second; it counts as the next minute's first.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  const std::chrono::milliseconds total = days + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                                          std::chrono::seconds(*second) + std::chrono::milliseconds(*ms) - *offset;
  return WallTime{total.count()};
}

}  // namespace tideline::model
