#pragma once
// Whether a store is whole, and copies of it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::series {

struct Finding {
  std::string where;  // "report, node n1, 2026-12-01T10:00:00Z, incarnation 7, report 12"; file and offset if known
  std::string what;   // what is wrong there
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// One slice of a walk over everything.
struct VerifySlice {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::vector<Finding> findings;  // the first 64 of the slice
  std::uint64_t more_findings = 0;
  std::string next;  // where the next slice begins; "" = it was the last
};

struct BackupInfo {
  std::uint32_t id = 0;
  std::int64_t at_s = 0;    // s since the epoch
  std::uint64_t bytes = 0;  // of all its files
  std::uint64_t files = 0;
};

class StoreCare {
 public:
  virtual ~StoreCare() = default;
  /// Reads rows of every kind, every block past its checksum and each row decoded whole, about `bytes` of them from
  /// `from` on ("" = the beginning; else a `next`: kInvalidArgument for another text). Damage is a finding, and the
  /// walk goes on behind it.
  virtual model::Result<VerifySlice> verify_slice(const std::string& from, std::uint64_t bytes) const = 0;
  /// A consistent copy in `directory`, made where it is not there; files that an earlier backup there has are not
  /// copied again. The store goes on meanwhile. `progress`: bytes copied so far, from the caller's thread or another.
  /// false from it ends the backup with kUnavailable, and nothing of it stays.
  virtual model::Result<BackupInfo> backup(const std::string& directory,
                                           const std::function<bool(std::uint64_t bytes)>& progress) = 0;
};

}  // namespace tideline::series
