#pragma once
// Columns by the names that a file gives them.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::traces {

/// Where in `header` each of `wanted` stands. kInvalidArgument begins with `place`, and names the column that is
/// missing and what is there instead, or the one that is there twice.
model::Result<std::vector<std::size_t>> find_columns(std::string_view place, std::span<const std::string_view> header,
                                                     std::span<const std::string_view> wanted);

}  // namespace tideline::traces
