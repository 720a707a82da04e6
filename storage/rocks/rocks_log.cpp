#include "storage/rocks/rocks_log.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "messages/log/log.h"

namespace tideline::rocks {
namespace {

/// Of a line; the rest is cut.
constexpr std::size_t kMaxLogText = 1024;

}  // namespace

void RocksLog::LogHeader(const char* /*format*/, std::va_list /*arguments*/) {}

void RocksLog::Logv(const char* format, std::va_list arguments) {
  Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
}

void RocksLog::Logv(rocksdb::InfoLogLevel level, const char* format, std::va_list arguments) {
  if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
  std::array<char, kMaxLogText> text{};
  const int wanted = std::vsnprintf(text.data(), text.size(), format, arguments);
  if (wanted <= 0) return;
  std::string_view line(text.data(), std::min(static_cast<std::size_t>(wanted), text.size() - 1));
  while (line.ends_with('\n'))
    line.remove_suffix(1);
  const bool is_error = level >= rocksdb::InfoLogLevel::ERROR_LEVEL;
  log::write(is_error ? log::Level::kError : log::Level::kWarn, "rocksdb", line);
}

}  // namespace tideline::rocks
