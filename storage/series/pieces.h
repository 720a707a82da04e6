#pragma once
// Several values one behind the other, as a table has them that still grows: an hour is put behind those before it, and
// nothing of these is read, unpacked and packed anew for it. docs/history-format.md has the bytes.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::series {

/// As many as a reader takes.
inline constexpr std::size_t kMaxPieces = 255;

/// Whether the value begins as several do.
bool is_in_pieces(std::string_view value);
/// The pieces of a value, in order; of one that is not of several: itself. They point into it. kMalformed where it is
/// cut short or has none or too many; kUnsupported for a newer version.
model::Result<std::vector<std::string_view>> pieces_of(std::string_view value);
/// One value of them: itself where it is one. 1 to kMaxPieces of them, each below 4 GiB; one alone does not begin as
/// several do.
std::string joined_pieces(const std::vector<std::string_view>& pieces);

}  // namespace tideline::series
