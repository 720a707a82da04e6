#include "coordinator/planner_program/sealed_text.h"

#include <utility>

#include "coordinator/planner_program/fingerprint.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

constexpr std::size_t kMostHeadBytes = std::size_t{8} << 20;
constexpr std::size_t kMostHeadDepth = 8;
constexpr const char* kSum = "sum";

}  // namespace

std::string sealed_text(nlohmann::ordered_json head, std::string_view body) {
  head[kSum] = fingerprint_of(body);
  std::string text = head.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text += '\n';
  text += body;
  return text;
}

model::Result<OpenedText> open_text(std::string_view text) {
  const auto bad = [](const char* why) { return model::Error(model::ErrorCode::kMalformed, why); };
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return bad("has no line that says what it is");
  auto head = model::parse_json(text.substr(0, end), {.max_bytes = kMostHeadBytes, .max_depth = kMostHeadDepth});
  if (!head) return head.error();
  if (!head->is_object()) return bad("its first line is no object");
  const auto sum = head->find(kSum);
  const auto body = text.substr(end + 1);
  if (sum == head->end() || !sum->is_string() || sum->get_ref<const std::string&>() != fingerprint_of(body)) {
    return bad("what follows its first line is not what was written there");
  }
  head->erase(kSum);
  return OpenedText{*std::move(head), body};
}

}  // namespace tideline::planner_program
