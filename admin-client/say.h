#pragma once
// Answers on stdout, errors on stderr, and what they mean for the exit code.

#include <string>
#include <utility>

#include "admin-client/json_out.h"
#include "admin-client/options.h"
#include "messages/model/result.h"

namespace tideline::tidectl {

/// False when the reader went away: `tidectl … | head` is no fault.
bool print(const std::string& text);
/// A line of its own on stderr, "tidectl: ...".
void say(const std::string& message);
/// Both say the message and give the ExitCode.
int fail(int code, const std::string& message);
int fail(const model::Error& error);

/// One answer, as JSON or for people.
template <class T, class Json, class Text>
int show(const Options& options, const model::Result<T>& answer, Json&& json, Text&& text) {
  if (!answer) return fail(answer.error());
  print(options.json ? dump(json(*answer), 2) : text(*answer));
  return kOk;
}

template <class T, class Text>
int show(const Options& options, const model::Result<T>& answer, Text&& text) {
  return show(
      options, answer, [](const T& value) { return to_json(value); }, std::forward<Text>(text));
}

}  // namespace tideline::tidectl
