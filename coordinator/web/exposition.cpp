#include "coordinator/web/exposition.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace tideline::web {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

}  // namespace

void Exposition::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} ", name);
  append_escaped(text_, help, false);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", name, type == Type::kCounter ? "counter" : "gauge");
}

void Exposition::sample(double value, Labels labels) {
  text_ += name_;
  char before = '{';
  for (const auto& [label, text] : labels) {
    text_ += before;
    text_ += label;
    text_ += "=\"";
    append_escaped(text_, text, true);
    text_ += '"';
    before = ',';
  }
  if (before == ',') text_ += '}';
  if (std::isnan(value)) {
    text_ += " NaN\n";
  } else if (std::isinf(value)) {
    text_ += value > 0 ? " +Inf\n" : " -Inf\n";
  } else {
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }
}

void Exposition::one(std::string_view name, Type type, std::string_view help, double value) {
  family(name, type, help);
  sample(value);
}

std::string Exposition::take() {
  name_.clear();
  return std::exchange(text_, {});
}

}  // namespace tideline::web
