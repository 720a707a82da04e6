#include "storage/rocks/log_check.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/columns/crc32c.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kLogBlockBytes = 32 << 10;
constexpr std::size_t kRecordHeadBytes = 7;
constexpr std::size_t kWriteHeadBytes = 12;

enum class RecordType : std::uint8_t { kNone = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = value << 8U | static_cast<std::uint8_t>(bytes[i - 1]);
  return value;
}

/// As RocksDB keeps a CRC in its files.
std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = columns::crc32c(bytes);
  return ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U;
}

struct LogRecord {
  RecordType type = RecordType::kNone;
  std::string_view data;
};

bool begins_write(RecordType type) {
  return type == RecordType::kFull || type == RecordType::kFirst;
}
bool ends_write(RecordType type) {
  return type == RecordType::kFull || type == RecordType::kLast;
}
bool is_of_write(RecordType type) {
  return type >= RecordType::kFull && type <= RecordType::kLast;
}

std::uint32_t crc_at(std::string_view block, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(block.substr(at, 4)));
}
RecordType type_at(std::string_view block, std::size_t at) {
  return static_cast<RecordType>(block[at + 6]);
}

/// The block has a record's head there. nullopt: no good record.
std::optional<LogRecord> record_at(std::string_view block, std::size_t at) {
  const auto length = static_cast<std::size_t>(little_endian(block.substr(at + 4, 2)));
  if (length > block.size() - at - kRecordHeadBytes) return std::nullopt;
  if (masked_crc(block.substr(at + 6, 1 + length)) != crc_at(block, at)) return std::nullopt;
  return LogRecord{type_at(block, at), block.substr(at + kRecordHeadBytes, length)};
}

/// A good record of which the type is damaged, or the length where it ends with the block.
bool is_whole_but_for_head(std::string_view block, std::size_t at) {
  const std::uint64_t length = little_endian(block.substr(at + 4, 2));
  std::string bytes(block.substr(at + 6));
  for (const auto type : {RecordType::kFull, RecordType::kFirst, RecordType::kMiddle, RecordType::kLast}) {
    bytes[0] = static_cast<char>(type);
    if (masked_crc(bytes) == crc_at(block, at)) return true;
    if (length < bytes.size() && masked_crc(std::string_view(bytes).substr(0, 1 + length)) == crc_at(block, at)) {
      return true;
    }
  }
  return false;
}

/// Where the next good record of a write begins; the end of the block: nowhere.
std::size_t next_record(std::string_view block, std::size_t at) {
  for (; at + kRecordHeadBytes <= block.size(); ++at) {
    if (is_of_write(type_at(block, at)) && record_at(block, at)) return at;
  }
  return block.size();
}

/// All logs of a database, in order; or its manifest.
class LogWalk {
 public:
  explicit LogWalk(bool has_sequences) : has_sequences_(has_sequences) {}

  void read_file(const std::string& directory, const std::string& name);
  /// Where what was durable would be passed over.
  const std::optional<DamagedLog>& loss() const { return loss_; }

 private:
  struct Place {
    std::string file;
    std::uint64_t offset = 0;
  };
  void read_block(std::string_view block, const std::string& file, std::uint64_t offset);
  void damaged_at(const std::string& file, std::uint64_t offset) {
    in_write_ = false;
    if (!damage_) damage_ = Place{file, offset};
  }
  void take(const LogRecord& record, const std::string& file, std::uint64_t offset);
  void begun(const std::string& file);
  /// In that file there is what would be passed over.
  void lost(const std::string& file) {
    if (damage_ && !loss_) loss_ = DamagedLog{damage_->file, damage_->offset, file};
  }
  std::uint64_t sequence() const { return little_endian(std::string_view(head_).substr(0, 8)); }

  const bool has_sequences_;
  std::optional<Place> damage_;
  std::optional<std::uint64_t> next_;  // sequence number that the next write must have
  bool in_write_ = false;
  bool is_head_read_ = false;  // of the write
  std::uint64_t write_offset_ = 0;
  std::string head_;  // of the write
  std::optional<DamagedLog> loss_;
};

void LogWalk::read_file(const std::string& directory, const std::string& name) {
  std::string block(kLogBlockBytes, '\0');
  std::ifstream file(directory + "/" + name, std::ios::binary);
  for (std::uint64_t offset = 0; file; offset += kLogBlockBytes) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto got = static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0));
    read_block(std::string_view(block).substr(0, got), name, offset);
  }
  if (in_write_) damaged_at(name, write_offset_);
}

void LogWalk::read_block(std::string_view block, const std::string& file, std::uint64_t offset) {
  for (std::size_t at = 0; block.size() - at >= kRecordHeadBytes;) {
    if (const auto record = record_at(block, at)) {
      take(*record, file, offset + at);
      at += kRecordHeadBytes + record->data.size();
      continue;
    }
    // Or room that was taken ahead, behind which there is nothing.
    damaged_at(file, offset + at);
    if (loss_) return;
    if (is_whole_but_for_head(block, at)) lost(file);
    // Where its neighbour begins its length need not say.
    at = next_record(block, at + 1);
  }
}

void LogWalk::take(const LogRecord& record, const std::string& file, std::uint64_t offset) {
  if (!is_of_write(record.type)) return;
  if (begins_write(record.type)) {
    if (in_write_) damaged_at(file, write_offset_);
    in_write_ = true;
    is_head_read_ = false;
    write_offset_ = offset;
    head_.clear();
  }
  if (!in_write_) {
    // Its begin is damaged.
    damaged_at(file, offset);
    return;
  }
  head_.append(record.data.substr(0, std::min(record.data.size(), kWriteHeadBytes - head_.size())));
  const bool has_head = head_.size() == kWriteHeadBytes;
  // That it began is enough: the one before it was durable by then.
  if (!is_head_read_ && (has_head || !has_sequences_)) {
    is_head_read_ = true;
    begun(file);
  }
  if (!ends_write(record.type)) return;
  in_write_ = false;
  if (has_sequences_ && has_head) next_ = sequence() + little_endian(std::string_view(head_).substr(8, 4));
}

void LogWalk::begun(const std::string& file) {
  if (damage_) {
    // After a write that failed the next goes into another log, and has its number: nothing is missing then. In the
    // same file nothing behind the damage is read.
    const bool is_gap = damage_->file == file || (next_ && sequence() > *next_);
    if (is_gap) lost(file);
    damage_.reset();
  }
  if (loss_) loss_->last_file = file;
}

/// Names of the logs by their numbers.
std::vector<std::string> logs_in(const std::string& directory) {
  std::vector<std::pair<std::uint64_t, std::string>> logs;
  std::error_code failed;
  for (auto it = std::filesystem::directory_iterator(directory, failed);
       !failed && it != std::filesystem::directory_iterator(); it.increment(failed)) {
    const std::filesystem::path& path = it->path();
    const std::string stem = path.stem().string();
    const bool is_number = !stem.empty() && stem.size() <= 18 &&
                           std::all_of(stem.begin(), stem.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (is_number && path.extension() == ".log") logs.emplace_back(std::stoull(stem), path.filename().string());
  }
  std::sort(logs.begin(), logs.end());
  std::vector<std::string> names;
  names.reserve(logs.size());
  for (auto& [number, name] : logs)
    names.push_back(std::move(name));
  return names;
}

}  // namespace

std::optional<DamagedLog> find_damaged_log(const std::string& directory) {
  constexpr int kMostTries = 20;
  for (int tries = 0; tries < kMostTries; ++tries) {
    LogWalk logs(true);
    const auto names = logs_in(directory);
    for (const std::string& name : names)
      logs.read_file(directory, name);
    if (!logs.loss()) return std::nullopt;
    // Between those that are there, some may be gone already.
    const bool is_as_it_was = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      std::error_code ignored;
      return std::filesystem::exists(std::filesystem::path(directory) / name, ignored);
    });
    if (is_as_it_was) return logs.loss();
  }
  return std::nullopt;
}

std::string current_manifest(const std::string& directory) {
  constexpr std::size_t kMostBytes = 64;
  std::ifstream current(directory + "/CURRENT", std::ios::binary);
  std::string name(kMostBytes, '\0');
  current.read(name.data(), static_cast<std::streamsize>(name.size()));
  name.resize(static_cast<std::size_t>(std::max<std::streamsize>(current.gcount(), 0)));
  while (!name.empty() && name.back() == '\n')
    name.pop_back();
  const bool is_name =
      name.starts_with("MANIFEST-") && name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  return is_name ? name : std::string();
}

std::optional<DamagedLog> find_damaged_manifest(const std::string& directory) {
  const std::string name = current_manifest(directory);
  if (name.empty()) return std::nullopt;
  LogWalk manifest(false);
  manifest.read_file(directory, name);
  return manifest.loss();
}

}  // namespace tideline::rocks
