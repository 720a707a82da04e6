#pragma once
// Directories whose files are not for everybody.

#include <string>

#include "messages/model/result.h"

namespace tideline::files {

/// Makes it where it is not there, with mode 0750, and those above it as the umask has it. kUnavailable names it, also
/// where something else is there.
model::Result<void> make_directory(const std::string& directory);

}  // namespace tideline::files
