#pragma once
// Lines of text as fields, numbers, times and names, strictly.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::traces {

/// Beyond the years of four digits no time is one: +/- 253,402,300,799 s.
inline constexpr std::int64_t kMaxTime = 253'402'300'799;

/// Without blanks and tabs at either end.
std::string_view trimmed(std::string_view text);

/// What stands between the separators, into `out`; at least one field.
void split_fields(std::string_view text, char separator, std::vector<std::string_view>& out);

/// A line of CSV by RFC 4180, but that no field holds a line's end.
class CsvFields {
 public:
  /// false: a quote is not closed, or something follows where it is.
  bool read(std::string_view line);
  /// Of the last line, valid as long as that and until the next one.
  const std::vector<std::string_view>& fields() const { return fields_; }

 private:
  std::vector<std::string_view> fields_;
  std::string unquoted_;
};

/// The whole text, but for blanks around it, as one finite decimal number.
std::optional<double> number_from(std::string_view text);

/// epoch_s + seconds, rounded to the nearest; nullopt beyond kMaxTime.
std::optional<std::int64_t> time_from(double seconds, std::int64_t epoch_s);

/// 1 to ChunkLimits::kMaxName bytes of UTF-8 without control characters.
bool is_name(std::string_view text);

/// For people: at most `max_bytes` of it, cut between characters, on one line; what is no text is '?'.
std::string readable(std::string_view text, std::size_t max_bytes);

}  // namespace tideline::traces
