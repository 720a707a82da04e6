#pragma once
// Where a command's answer goes.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::planner_program {

/// Text is printed, unless JSON is.
struct OutputOptions {
  bool json = false;           // printed
  std::string json_file = {};  // "" = none; likewise the others
  std::string html_file = {};
  std::string report_file = {};  // of the text
};

/// Each is made where it is wanted.
struct Answer {
  std::function<std::string()> text;
  std::function<std::string()> json;
  std::function<std::string()> page = {};  // empty: it has none
};

/// Files first, each whole or not at all, then what is printed. A reader that goes away is no error.
model::Result<void> deliver(const OutputOptions& output, const Answer& answer);

/// kInvalidArgument where a file that is to be written is one of `inputs`, by whatever path, or another that is to be
/// written, or is there and lies in a folder of `inputs`.
model::Result<void> check_outputs(const OutputOptions& output, const std::vector<std::string>& inputs);

model::Result<void> print(std::string_view text);

}  // namespace tideline::planner_program
