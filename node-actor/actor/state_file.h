#pragma once
// Small files of the state directory that are replaced whole.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::node {

/// nullopt: there is none. kMalformed: not a regular file, or over `max_bytes`; kUnavailable: the disk. All name it.
model::Result<std::optional<std::string>> read_state_file(const std::string& path, std::size_t max_bytes);
/// Durable when it returns, and either the old or the new one is there after a crash.
model::Result<void> replace_state_file(const std::string& state_dir, const std::string& name, std::string_view bytes,
                                       unsigned mode = 0640);

}  // namespace tideline::node
