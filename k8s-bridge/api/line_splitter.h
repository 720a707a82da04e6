#pragma once
// Lines out of pieces as they come, with a bound.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tideline::k8s_api {

class LineSplitter {
 public:
  enum class Outcome : std::uint8_t { kMore, kStopped, kTooLong };

  explicit LineSplitter(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Calls `bool take(std::string_view line)` for each line that has come to its end, but for empty ones. kStopped:
  /// take said false. kTooLong: a line, at its end or not, has more than the bound. Not to be called again after
  /// either.
  template <class Take>
  Outcome push(std::string_view bytes, Take&& take) {
    for (;;) {
      const auto end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      if (rest_.size() + piece.size() > max_bytes_) return Outcome::kTooLong;
      if (end == std::string_view::npos) {
        rest_.append(piece);
        return Outcome::kMore;
      }
      bytes.remove_prefix(end + 1);
      std::string whole;
      std::string_view line = piece;
      if (!rest_.empty()) {
        whole = std::exchange(rest_, {});
        whole.append(piece);
        line = whole;
      }
      if (!line.empty() && !take(line)) return Outcome::kStopped;
    }
  }

  /// The beginning of a line whose end has not come.
  bool has_rest() const { return !rest_.empty(); }

 private:
  std::size_t max_bytes_;
  std::string rest_;
};

}  // namespace tideline::k8s_api
