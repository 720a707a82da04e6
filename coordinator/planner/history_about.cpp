#include "coordinator/planner/history_about.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kHistoryMark = "history";
constexpr std::uint64_t kHistoryVersion = 1;
constexpr std::array<std::pair<std::string_view, std::int64_t>, 3> kHistoryTiers = {
    std::pair{"10s", 10}, std::pair{"1m", 60}, std::pair{"15m", 900}};

/// The members of the root that are asked for; false from any of its calls ends the reading.
class RootReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 1 && key_ == "version") version = value;
    return !is_done();
  }
  bool number_float(number_float_t /*value*/, const string_t& /*spelling*/) override { return true; }
  bool string(string_t& value) override {
    if (depth_ == 1 && key_ == "tideline") mark = value;
    if (depth_ == 1 && key_ == "tier") tier = value;
    return !is_done();
  }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*count*/) override {
    ++depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t /*count*/) override {
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return false;
  }

  std::optional<std::string> mark;
  std::optional<std::string> tier;
  std::optional<std::uint64_t> version;

 private:
  bool is_done() const { return mark && tier && version; }

  std::size_t depth_ = 0;  // objects and lists that are open
  std::string key_;        // the last of the root
};

model::Error bad_about(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("what the archive says of itself: {}", why)};
}

}  // namespace

model::Result<std::optional<HistoryAbout>> history_about(std::string_view about) {
  RootReader root;
  // Whether all of it is JSON is the archive's own affair.
  static_cast<void>(nlohmann::json::sax_parse(about, &root));
  if (root.mark != kHistoryMark) return std::optional<HistoryAbout>();
  if (!root.version) return bad_about("its version is missing");
  if (*root.version != kHistoryVersion) {
    return model::Error(
        model::ErrorCode::kUnsupported,
        fmt::format("an export of history of version {}; this program reads {}", *root.version, kHistoryVersion));
  }
  if (!root.tier) return bad_about("its tier is missing");
  for (const auto& [name, step_s] : kHistoryTiers) {
    if (*root.tier == name) return std::optional(HistoryAbout{step_s});
  }
  return bad_about(fmt::format("its tier \"{}\" is none", model::printable(*root.tier, 80)));
}

}  // namespace tideline::planner
