#pragma once
// Tokens and passwords, as files and people hold them. No error shows one.

#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::http {

/// One line without what is around it, up to 64 KiB. kInvalidArgument begins with `where`.
model::Result<std::string> secret_line(const std::string& where, std::string_view text);
/// "Bearer …", the header's value: a line that is one word of printable ASCII. Errors as above.
model::Result<std::string> bearer(const std::string& where, std::string_view text);

}  // namespace tideline::http
