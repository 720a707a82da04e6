#pragma once
// Why each kernel file of a node is at its value, and why pods were evicted, from the events that the node sent. A
// plain function of them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/reason.h"
#include "messages/model/units.h"

namespace tideline::fleet {

/// The last change of one file at or before the instant that is explained.
struct FileState {
  std::string file;  // relative to the tree's root
  std::string value;
  std::string old_value;  // what it held before
  model::Controller controller = model::Controller::kNone;
  /// kDrift: somebody else's value, found by the agent and not (yet) overcome; the rest is the agent's.
  model::Reason reason = model::Reason::kNone;
  model::WallTime at;
  std::uint32_t changes_last_hour = 0;  // in the hour before the instant, this one included if it is in it
  std::uint32_t drifts_last_hour = 0;   // of them, by somebody else
  bool original = false;                // the agent put back what was there before it: is_put_back(reason)
  bool events_lost_since = false;       // this change may not be the last
  friend bool operator==(const FileState&, const FileState&) = default;
};

/// What a mechanism would have in a file, and it is not there: by the last word on it at or before the instant.
struct UnwrittenValue {
  std::string file;
  std::string value;  // "<text> (<reason>)"
  std::string held;   // what the file held then
  model::Controller controller = model::Controller::kNone;
  /// kDryRun: it would be written were the mechanism not in dry run. kOverruled: another mechanism goes first.
  model::Reason reason = model::Reason::kNone;
  model::WallTime at;
  friend bool operator==(const UnwrittenValue&, const UnwrittenValue&) = default;
};

/// What the node did, or what the coordinator said of it.
struct PodEviction {
  std::string pod;
  model::WallTime at;
  model::Reason reason = model::Reason::kNone;
  std::string detail;
  friend bool operator==(const PodEviction&, const PodEviction&) = default;
};

/// What was last said of a group that the agent is to leave alone.
struct HandsOffNote {
  std::string group;  // "/" = the whole tree
  model::WallTime at;
  model::Controller by = model::Controller::kNone;  // kGuard: the node, of what it does; kCoordinator: what was ordered
  std::string text;
  bool over = false;
  friend bool operator==(const HandsOffNote&, const HandsOffNote&) = default;
};

struct Explanation {
  std::vector<FileState> files;         // by name
  std::vector<PodEviction> evictions;   // newest first
  std::vector<HandsOffNote> hands_off;  // by group
  bool rows_cut = false;                // a bound of ExplainLimits was reached: the ones left out are the oldest
  /// Up to when events of the node, or whole reports, are known to be lost; nullopt: none is.
  std::optional<model::WallTime> events_lost = {};
  std::vector<UnwrittenValue> unwritten = {};  // by file, then mechanism
  friend bool operator==(const Explanation&, const Explanation&) = default;
};

struct ExplainLimits {
  static constexpr std::size_t kMaxFiles = 4096;
  static constexpr std::size_t kMaxEvictions = 256;
  static constexpr std::size_t kMaxGroups = 256;
  static constexpr std::size_t kMaxUnwritten = 4096;
};

/// Reasons after which a file holds what it held before the agent's first write: restore, release, no-longer-wanted,
/// disabled, and safe-state. After safe-state on a host whose kernel ordering is not verified it is the declared safe
/// value instead, which the event's value shows.
bool is_put_back(model::Reason reason);

/// Events are given from the newest stretch of time to the oldest, so that a reader may stop early. What is later than
/// the instant, an eviction in dry run, or about no file, pod or group is left out.
class Explainer {
 public:
  /// `file_part`: only files, pods and groups whose name has it; "" = all. Lost events may be of any of them.
  Explainer(model::WallTime at, std::string file_part) : at_(at), part_(std::move(file_part)) {}
  /// Oldest first, as history gives them; all of them before the stretch added last.
  void add_older(const std::vector<model::Event>& events);
  Explanation take();

 private:
  void add(const model::Event& event);
  void add_file(const model::Event& event);
  void add_unwritten(const model::Event& event);

  model::WallTime at_;
  std::string part_;
  std::map<std::string, FileState, std::less<>> files_;
  std::map<std::string, HandsOffNote, std::less<>> groups_;
  std::map<std::tuple<std::string, model::Controller, model::Reason>, UnwrittenValue> unwritten_;  // "": no longer
  std::vector<PodEviction> evictions_;
  bool rows_cut_ = false;
  std::optional<model::WallTime> lost_;
};

/// All of it in one stretch, oldest first.
Explanation explain(const std::vector<model::Event>& events, model::WallTime at, std::string_view file_part = "");

}  // namespace tideline::fleet
