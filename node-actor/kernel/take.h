#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

using Errors = std::vector<model::Error>;
using ReadBuffer = std::array<char, 16 * 1024>;

/// Reads and parses; nullopt when the thing is gone, and when it is unreadable or garbled, which is then listed.
template <class Parse>
auto take(KeptFile& file, ReadBuffer& buffer, Errors& errors, Parse parse) -> decltype(parse(std::string_view())) {
  const auto text = file.read(buffer.data(), buffer.size());
  if (!text) {
    if (text.error().code() != model::ErrorCode::kNotFound) errors.push_back(text.error());
    return std::nullopt;
  }
  auto value = parse(*text);
  if (!value) errors.push_back(malformed(file.path(), *text));
  return value;
}

}  // namespace tideline::kernel
