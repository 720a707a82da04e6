#include "messages/http/retry_after.h"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace tideline::http {
namespace {

constexpr std::uint64_t kMaxRetryAfterSeconds = 24 * 3600;

}  // namespace

std::optional<model::Duration> retry_after_from(std::string_view text) {
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds > kMaxRetryAfterSeconds) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace tideline::http
