#include "admin-client/say.h"

#include <cstdio>

#include <fmt/format.h>

#include "admin-client/human.h"

namespace tideline::tidectl {

bool print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

void say(const std::string& message) {
  std::fflush(stdout);
  const std::string line = fmt::format("tidectl: {}\n", safe_text(message));
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int fail(int code, const std::string& message) {
  say(message);
  return code;
}

int fail(const model::Error& error) {
  switch (error.code()) {
    case model::ErrorCode::kPermissionDenied:
      return fail(kDenied, "permission denied: " + error.message());
    case model::ErrorCode::kUnavailable:
      return fail(kUnreachable, error.message());
    default:
      return fail(kRefused, error.message());
  }
}

}  // namespace tideline::tidectl
