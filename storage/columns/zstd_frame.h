#pragma once
// One zstd frame (RFC 8878) that says how large its content is.

#include <cstddef>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::columns {

/// level: 1 to max_level().
model::Result<std::string> compress(std::string_view content, int level);
int max_level();

/// Of its frame at the fastest level, to compare with others: what it would take, more or less.
std::size_t compressed_size(std::string_view content);

/// kMalformed unless `frame` is one whole frame and has up to `most` bytes of content. Takes no memory for a content
/// larger than any frame of that size can have.
model::Result<std::string> decompress(std::string_view frame, std::size_t most);

}  // namespace tideline::columns
