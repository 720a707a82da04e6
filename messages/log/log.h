#pragma once
// Structured log lines on stderr: a stable kebab-case event id, then text. Only edges, actors and programs log; pure
// rooms return reasons. Thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "messages/model/result.h"

namespace tideline::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };
std::optional<Level> level_from(std::string_view text);

/// Sets program name and least level shown, by its name; kInvalidArgument for a text that is none. Before it, lines of
/// kInfo and above are shown without a program name.
model::Result<void> init(std::string_view program, std::string_view level);

/// One line, whatever `text` holds: a newline is written as \n, any other control character as \x1b.
void write(Level level, std::string_view event, std::string_view text);

template <class... Args>
void debug(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, event, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, event, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarn, event, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, event, fmt::format(format, std::forward<Args>(args)...));
}

/// Lets one line an interval through and counts the rest, for noise that a peer can cause.
class RateLimit {
 public:
  explicit RateLimit(std::int64_t interval_ns) : interval_ns_(interval_ns) {}
  /// Number of lines held back since the last one shown, or nullopt: hold this one back too.
  std::optional<std::uint64_t> admit(std::int64_t now_ns) {
    if (last_ns_ && now_ns - *last_ns_ < interval_ns_) {
      ++held_;
      return std::nullopt;
    }
    last_ns_ = now_ns;
    return std::exchange(held_, 0);
  }

 private:
  std::int64_t interval_ns_;
  std::optional<std::int64_t> last_ns_;
  std::uint64_t held_ = 0;
};

}  // namespace tideline::log
