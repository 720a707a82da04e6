#pragma once
// A file of two parts: a line of JSON that says what it is, and a body that the line has a checksum of.

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::planner_program {

/// `head` gets "sum", of the body.
std::string sealed_text(nlohmann::ordered_json head, std::string_view body);

struct OpenedText {
  nlohmann::json head;  // an object, without "sum"
  std::string_view body;
};
/// kMalformed: it is none, or its body is not the one that was sealed.
model::Result<OpenedText> open_text(std::string_view text);

}  // namespace tideline::planner_program
