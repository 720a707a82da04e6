#pragma once
// A recording of what the ledger rested on and what came of it: a file is a head and records, one after the other.
// docs/ledger-recording.md has the bytes, and golden bytes hold them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "coordinator/policy/policy.h"
#include "coordinator/profile/node_profile.h"
#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::ledger {

using Json = nlohmann::json;

inline constexpr std::uint32_t kRecordingVersion = 1;
inline constexpr std::size_t kRecordingHeadBytes = 16;
inline constexpr std::size_t kRecordHeadBytes = 25;  // length, CRC, kind and two times
/// Of a body. A policy's documents, one a key and a MiB each, take twice that where all of it is escaped; a report
/// takes one MiB.
inline constexpr std::size_t kMaxRecordBytes = 20 << 20;

/// The numbers are in files and never change; a reader passes over those that it does not know.
enum class RecordKind : std::uint8_t {
  kBegin = 1,      // of a file, or where records are missing: BeginTold
  kPolicy = 2,     // PolicyTold
  kOpened = 3,     // NodeTold
  kClosed = 4,     // NodeTold
  kReport = 5,     // a report, in the bytes of whoever wrote the recording
  kForgotten = 6,  // NodeTold
  kAccount = 7     // AccountTold, computed at Record::mono
};

struct Record {
  RecordKind kind{};
  model::MonoTime mono;  // the coordinator's clocks, when it took or computed it
  model::WallTime wall;
  std::string body;
  friend bool operator==(const Record&, const Record&) = default;
};

/// One piece follows another, of the same life of a coordinator and the same stretch, without a record between them;
/// the first piece of the first stretch begins with that life, when nothing was known of any node. All others then have
/// the policy in force and a kOpened of each open session.
struct BeginTold {
  model::Epoch epoch;            // of the life
  std::uint64_t stretch = 1;     // from 1; one more where records were lost
  std::uint64_t piece = 1;       // number of the file, from 1
  std::uint64_t lost = 0;        // records, just before this one
  model::Duration aggregate{0};  // FleetOptions::aggregate
  friend bool operator==(const BeginTold&, const BeginTold&) = default;
};
struct PolicyTold {
  model::PolicyVersion version;
  std::vector<policy::Document> documents;
  friend bool operator==(const PolicyTold&, const PolicyTold&) = default;
};
struct NodeTold {
  model::NodeName node;
  model::Incarnation incarnation;  // of a session that opened; 0 = not told
  friend bool operator==(const NodeTold&, const NodeTold&) = default;
};
struct AccountTold {
  model::NodeName node;
  profile::Reclaimable predicted;
  Json account;  // account_json()
  friend bool operator==(const AccountTold&, const AccountTold&) = default;
};

std::string body_of(const BeginTold& begin);
std::string body_of(const PolicyTold& policy);
std::string body_of(const NodeTold& node);
std::string body_of(const model::Reclaimed& account, const profile::Reclaimable& predicted);

/// kMalformed names what is wrong in it.
model::Result<BeginTold> begin_from(std::string_view body);
model::Result<PolicyTold> policy_from(std::string_view body);
model::Result<NodeTold> node_from(std::string_view body);
model::Result<AccountTold> account_from(std::string_view body);

std::string recording_head();
/// The body has at most kMaxRecordBytes.
std::string bytes_of(const Record& record);

/// Over a file's bytes, which must outlive it.
class RecordReader {
 public:
  /// kMalformed: no recording, or its head is damaged; kUnsupported with both versions for a newer one.
  static model::Result<RecordReader> open(std::string_view file);

  /// nullopt: there is none any more. kMalformed names the offset of what is damaged, for good.
  model::Result<std::optional<Record>> next();
  /// The file ends within a record: it is being written, or its writer was killed.
  bool torn() const { return torn_; }

 private:
  explicit RecordReader(std::string_view file) : file_(file), at_(kRecordingHeadBytes) {}

  std::string_view file_;
  std::size_t at_ = 0;
  bool torn_ = false;
};

}  // namespace tideline::ledger
