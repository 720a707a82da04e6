#pragma once
// What the coordinator answers, as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/policy/check.h"
#include "messages/model/action.h"
#include "messages/model/hands_off.h"
#include "messages/model/ids.h"
#include "messages/model/metric.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"

namespace tideline::tidectl {

struct Node {
  std::string name;
  std::string liveness;  // "never", "live", "late", "gone"
  bool connected = false;
  std::optional<model::Duration> report_age;
  std::optional<model::Duration> clock_offset;
  std::uint64_t incarnation = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t gap_reports = 0;
  std::uint64_t policy_wanted = 0;
  std::uint64_t policy_applied = 0;
  model::PolicyContent policy_content;          // of the wanted one; 0 = not known
  model::PolicyContent policy_content_applied;  // likewise of the applied one
  std::string policy_problem;
  std::optional<model::NodeStatus> status;
  std::optional<model::NodeSample> last;
  std::optional<model::Reclaimed> reclaimed;
  std::uint32_t pods = 0;
};

struct Pod {
  std::string node;
  model::PodSummary summary;
  std::optional<model::MilliCpu> cpu_average;
  std::optional<model::Bytes> memory_average;
};

struct ReclaimedAnswer {
  model::Reclaimed cluster;
  std::vector<model::Reclaimed> nodes;
};

struct Point {
  model::WallTime at;
  double value = 0;
};

struct Series {
  model::Metric metric = model::Metric::kNodeCpu;
  std::vector<Point> points;  // oldest first
  bool truncated = false;
};

struct NodeEvent {
  std::string node;
  model::Event event;
};

struct EventsAnswer {
  std::vector<NodeEvent> events;
  bool truncated = false;
};

struct PolicyDocument {
  std::string key;
  std::string json;
};

struct PolicyState {
  std::string source;
  std::uint64_t version = 0;
  std::uint64_t epoch = 0;
  model::WallTime loaded;
  std::string problem;
  std::vector<PolicyDocument> documents;
};

struct PolicyAnswer {
  PolicyState state;
  model::NodePolicy effective;
  model::PolicyContent content;  // 0 = not known
};

struct PolicyCheck {
  std::uint64_t version = 0;  // compared with
  policy::CheckReport report;
};

struct PolicyApplied {
  std::uint64_t version = 0;
  std::string report;
};

struct PolicyStatus {
  PolicyState state;
  std::vector<Node> nodes;
};

/// The last change of one kernel file at or before the instant asked for.
struct FileState {
  std::string file;  // relative to the tree's root
  std::string value;
  std::string old_value;
  model::Controller controller = model::Controller::kNone;
  model::Reason reason = model::Reason::kNone;
  model::WallTime at;
  std::uint32_t changes_last_hour = 0;
  std::uint32_t drifts_last_hour = 0;  // of them, by somebody else
  bool original = false;               // the agent put back what was there before it
  bool events_lost_since = false;      // this change may not be the last
};

/// What a mechanism would have in a file, and it is not there.
struct UnwrittenValue {
  std::string file;
  std::string value;  // and, in brackets, the mechanism's reason
  std::string held;   // what the file held then
  model::Controller controller = model::Controller::kNone;
  model::Reason reason = model::Reason::kNone;  // kDryRun or kOverruled
  model::WallTime at;
};

struct PodEviction {
  std::string pod;
  model::WallTime at;
  model::Reason reason = model::Reason::kNone;
  std::string detail;
};

struct HandsOffNote {
  std::string group;
  model::WallTime at;
  model::Controller by = model::Controller::kNone;
  std::string text;
  bool over = false;
};

struct Explanation {
  model::WallTime at;
  std::vector<FileState> files;           // by name
  std::vector<UnwrittenValue> unwritten;  // by file, then mechanism
  std::vector<PodEviction> evictions;     // newest first
  std::vector<HandsOffNote> hands_off;    // the newest of each group
  std::optional<model::WallTime> events_from;
  std::optional<model::WallTime> history_from;
  bool events_cut = false;
  bool rows_cut = false;
  std::optional<model::WallTime> events_lost;  // up to when events of the node are known to be lost
  std::optional<model::NodeStatus> status;
  model::WallTime status_at;
};

struct HandsOffEntry {
  std::string node;
  model::HandsOff hands_off;
  bool told = false;
  std::string problem;
};

struct Identity {
  std::string role;
  std::string name;
};

}  // namespace tideline::tidectl
