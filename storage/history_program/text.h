#pragma once
// Numbers, times and tables for people. Pure; names out of files are made harmless.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::history_program {

/// "3.2 GiB", "512 B".
std::string size_text(std::uint64_t bytes);
/// "2026-03-01T12:00:00Z" of s since the epoch; "-" of none.
std::string time_text(std::optional<std::int64_t> seconds);
/// On one line, of bounded length, without control characters.
std::string name_text(std::string_view name);

/// Cells beside each other, two blanks between columns; the first row is the titles.
std::string columns_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace tideline::history_program
