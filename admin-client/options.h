#pragma once
// The command line, parsed and checked.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admin-client/connection.h"
#include "admin-client/query_options.h"
#include "admin-client/trend_view.h"
#include "messages/model/metric.h"
#include "messages/model/units.h"

namespace tideline::tidectl {

enum ExitCode : int { kOk = 0, kRefused = 1, kUsage = 2, kUnreachable = 3, kDenied = 4 };

enum class Command {
  kNodes,
  kNode,
  kPods,
  kReclaimed,
  kCluster,
  kHistory,
  kHistoryState,
  kHistoryVerify,
  kHistoryBackup,
  kQuery,
  kEvents,
  kPolicyGet,
  kPolicyApply,
  kPolicyStatus,
  kPolicyCheck,
  kPolicyKeys,
  kWatch,
  kExplain,
  kExplainReclaimed,
  kRelease,
  kResume,
  kHandsOffBegin,
  kHandsOffList,
  kHandsOffEnd,
  kWhoami,
  kVersion,
};

struct Options {
  Command command = Command::kVersion;
  Target target;
  bool json = false;
  std::string node;
  std::vector<model::Metric> metrics;
  model::WallTime from;
  model::WallTime to;
  bool plot = false;
  bool csv = false;
  bool ascii = false;
  std::size_t height = 12;
  std::vector<std::string> labels;  // keys to group by
  std::uint32_t points = 240;       // of a trend, at most
  TrendView trend;
  std::vector<std::string> files;
  bool dry_run = false;
  model::Duration interval{0};
  std::uint32_t count = 0;  // 0 = until interrupted
  bool capabilities = false;
  std::optional<model::WallTime> at;  // nullopt = now
  std::string file_part;
  std::string cgroup;
  model::Duration duration{0};
  std::string reason;
  QueryOptions query;
};

/// Nothing to run: print and leave.
struct Leave {
  int exit_code = kOk;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

/// Relative times are counted from `now`.
std::variant<Options, Leave> parse_options(int argc, const char* const* argv, model::WallTime now);

/// True for commands that need no coordinator.
bool offline(Command command);

}  // namespace tideline::tidectl
