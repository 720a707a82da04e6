#pragma once
// Where in a text of JSON a key stands: its parser does not tell.

#include <cstddef>
#include <span>
#include <string_view>

namespace tideline::traces {

/// The line, from 1, of the key at the end of `path`, which are keys of nested objects from the outermost one, or of
/// the last one of them that is there. `text` is JSON. Keys that are spelled with escapes are not found.
std::size_t line_of_key(std::string_view text, std::span<const std::string_view> path);

}  // namespace tideline::traces
