#include "messages/log/log.h"

#include <memory>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace tideline::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(std::string_view program, Level level) {
  auto logger =
      std::make_shared<spdlog::logger>(std::string(program), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(program.empty() ? "%Y-%m-%dT%H:%M:%S.%e%z %l %v" : "%Y-%m-%dT%H:%M:%S.%e%z %l %n[%P] %v");
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::debug);
  return logger;
}

/// A line of ours must not hold what a peer's text begins a line of its own with, or moves a terminal with.
std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

std::shared_ptr<spdlog::logger>& current() {
  static std::shared_ptr<spdlog::logger> logger = make_logger("", Level::kInfo);
  return logger;
}

}  // namespace

std::optional<Level> level_from(std::string_view text) {
  if (text == "debug") return Level::kDebug;
  if (text == "info") return Level::kInfo;
  if (text == "warn") return Level::kWarn;
  if (text == "error") return Level::kError;
  if (text == "off") return Level::kOff;
  return std::nullopt;
}

model::Result<void> init(std::string_view program, std::string_view level) {
  const auto known = level_from(level);
  if (!known) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("{}: want debug, info, warn, error or off", level));
  }
  current() = make_logger(program, *known);
  return {};
}

void write(Level level, std::string_view event, std::string_view text) {
  current()->log(to_spdlog(level), "{}: {}", event, one_line(text));
}

}  // namespace tideline::log
