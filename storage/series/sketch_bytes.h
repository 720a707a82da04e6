#pragma once
// Sketches as the bytes that are compressed, and what is around these. docs/history-format.md.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/series/table.h"

namespace tideline::series {

inline constexpr std::uint8_t kSketchVersion = 1;
/// As many as a block of the finest tier.
inline constexpr std::size_t kMaxSketchRows = 360;
inline constexpr std::size_t kMaxSketchFields = 16;

/// Of columns by the rules of encode_sketches(), of which each has something in some row.
std::string sketch_content(const std::vector<const SketchColumn*>& sketches);
/// The most that it can be.
std::size_t max_sketch_content(std::size_t rows);
model::Result<std::vector<SketchColumn>> sketches_from(std::string_view content, std::size_t rows);

/// The bytes of that frame.
std::string sealed_sketches(std::string_view frame);

}  // namespace tideline::series
