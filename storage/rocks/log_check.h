#pragma once
// Whether RocksDB's write-ahead logs and its manifest are whole, before RocksDB reads them.

#include <cstdint>
#include <optional>
#include <string>

namespace tideline::rocks {

struct DamagedLog {
  std::string file;  // its name
  std::uint64_t offset = 0;
  std::string last_file;  // in which there is a write that would be passed over
};

/// RocksDB reads its logs up to the first place that does not parse. Where the writer was killed there, nothing
/// follows; where another write begins behind it, those before were durable, and would be gone without a word: that is
/// found here. Where the last write of all is damaged nobody can tell the two apart, but where its CRC is good with
/// another type or length than its head says. Nor can it be told what a log had whose only write is damaged where there
/// is no log before it. Bytes of a log: blocks of 32 KiB of records (CRC-32C of type and data, masked; length; type;
/// data), of which one or more hold a write, which begins with its sequence number and how many rows it has. Logs may
/// grow and go meanwhile.
std::optional<DamagedLog> find_damaged_log(const std::string& directory);

/// The same of the manifest, which says what files the database has: a record that reaches beyond the end of the file,
/// or has the type of one of a file that is used again, RocksDB takes for its end, and passes over what follows. It is
/// of such records, without sequence numbers.
std::optional<DamagedLog> find_damaged_manifest(const std::string& directory);

/// Name of the manifest that is in force, as CURRENT says; "" where that says none.
std::string current_manifest(const std::string& directory);

}  // namespace tideline::rocks
