#pragma once
// What RocksDB says of itself, as lines of our log. Its own LOG file would be on the disk that it speaks of: where that
// is full, the second line after one that was not written ends the process (an assertion that Debian's build has on).
// Only the .cpp files of this room include this header.

#include <cstdarg>

#include <rocksdb/env.h>

namespace tideline::rocks {

/// Warnings and errors.
class RocksLog final : public rocksdb::Logger {
 public:
  RocksLog() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  void LogHeader(const char* format, std::va_list arguments) override;
  void Logv(const char* format, std::va_list arguments) override;
  void Logv(rocksdb::InfoLogLevel level, const char* format, std::va_list arguments) override;
};

}  // namespace tideline::rocks
