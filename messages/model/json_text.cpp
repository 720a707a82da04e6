#include "messages/model/json_text.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tideline::model {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxShownKeyBytes = 80;

class TreeBuilder final : public nlohmann::json_sax<json> {
 public:
  TreeBuilder(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& /*spelling*/) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return fail("binary values are not JSON"); }

  bool start_object(std::size_t /*count*/) override { return open(json::object()); }
  bool start_array(std::size_t /*count*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) {
      return fail(fmt::format("key \"{}\" comes twice in one object", printable(name, kMaxShownKeyBytes)));
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const json::exception& error) override {
    // nlohmann spells "[json.exception.parse_error.101] parse error at line 1, column 2: what was wrong".
    std::string_view what = error.what();
    if (const auto column = what.find(", column "); column != std::string_view::npos) {
      if (const auto colon = what.find(": ", column); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    } else if (const auto bracket = what.find("] "); bracket != std::string_view::npos) {
      what.remove_prefix(bracket + 2);
    }
    const std::size_t byte = std::clamp<std::size_t>(position, 1, text_.size() + 1);
    const std::string_view before = text_.substr(0, byte - 1);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto line_start = before.rfind('\n');
    const std::size_t column = line_start == std::string_view::npos ? byte : byte - line_start - 1;
    error_ = Error(ErrorCode::kMalformed, fmt::format("not JSON at line {}, column {} (byte {}): {}", line, column,
                                                      byte, printable(what, 200)));
    return false;
  }

  Result<json> take(bool complete) && {
    if (error_) return *error_;
    if (!complete) return Error(ErrorCode::kMalformed, "not JSON");
    return std::move(root_);
  }

 private:
  bool fail(std::string message, ErrorCode code = ErrorCode::kMalformed) {
    error_ = Error(code, std::move(message));
    return false;
  }

  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(value));
    return &((*open_.back())[key_] = std::move(value));
  }

  template <class T>
  bool put(T&& value) {
    place(json(std::forward<T>(value)));
    return true;
  }

  bool open(json container) {
    if (open_.size() >= max_depth_) {
      return fail(fmt::format("nested deeper than {} levels", max_depth_), ErrorCode::kOverloaded);
    }
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  std::size_t max_depth_;
  json root_;
  // Each points into its parent, which grows only after its open child is closed.
  std::vector<json*> open_;
  std::string key_;
  std::optional<Error> error_;
};

}  // namespace

std::string_view beginning(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end);
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (const char c : beginning(text, max_bytes))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > max_bytes) out += "...";
  return out;
}

Result<json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error(ErrorCode::kOverloaded, fmt::format("{} bytes; at most {} are read", text.size(), limits.max_bytes));
  }
  // The parser would take a NUL for the end of the text and leave the rest unread.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return Error(ErrorCode::kMalformed, fmt::format("not JSON: a NUL at byte {}", nul + 1));
  }
  TreeBuilder builder(text, limits.max_depth);
  const bool complete = json::sax_parse(text, &builder);
  return std::move(builder).take(complete);
}

std::string shown(const json& value, std::size_t max_bytes) {
  return printable(value.dump(-1, ' ', false, json::error_handler_t::replace), max_bytes);
}

}  // namespace tideline::model
