#include "storage/history_program/session.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace tideline::history_program {

StatusLine::StatusLine() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void StatusLine::show(const std::string& text) {
  if (!is_terminal_) return;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now < due_) return;
  due_ = now + std::chrono::milliseconds(100);
  is_drawn_ = true;
  std::fputs(("\r" + text + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
}

void StatusLine::clear() {
  const std::lock_guard lock(mutex_);
  if (!is_drawn_) return;
  is_drawn_ = false;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

model::Result<void> Session::go_on() const {
  if (!stop) return {};
  return model::Error(model::ErrorCode::kUnavailable, "a signal ended it");
}

model::Result<void> print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  if (errno == EPIPE) return {};
  return model::Error(model::ErrorCode::kUnavailable, fmt::format("stdout: {}", std::strerror(errno)));
}

model::Result<void> print_json(const nlohmann::ordered_json& json) {
  return print(json.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

nlohmann::ordered_json stamp_json(const std::optional<model::WallTime>& at) {
  return at ? nlohmann::ordered_json(at->ms) : nlohmann::ordered_json();
}

}  // namespace tideline::history_program
