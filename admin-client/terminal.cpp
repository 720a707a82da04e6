#include "admin-client/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace tideline::tidectl {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool utf8_locale() {
  // The first of them that is set decides, as setlocale(3) has it.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

Terminal terminal_of_stdout() {
  constexpr long kMinWidth = 40;
  constexpr long kMaxWidth = 400;
  Terminal terminal;
  terminal.is_tty = ::isatty(STDOUT_FILENO) == 1;
  terminal.progress = ::isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb";
  terminal.utf8 = utf8_locale();
  terminal.color = terminal.is_tty && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  long width = std::strtol(std::string(variable("COLUMNS")).c_str(), nullptr, 10);
  winsize size{};
  if (width <= 0 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  if (width > 0) terminal.width = static_cast<std::size_t>(std::clamp(width, kMinWidth, kMaxWidth));
  return terminal;
}

}  // namespace tideline::tidectl
