#pragma once
// One conversation with a coordinator, blocking.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin-client/answers.h"
#include "admin-client/history_answers.h"
#include "messages/link/tls_files.h"
#include "messages/model/cluster.h"
#include "messages/model/explained.h"
#include "messages/model/result.h"

namespace tideline::tidectl {

struct Target {
  std::string address;                                 // "host:port" or "unix:/path"
  std::string server_name;                             // DNS SAN the coordinator must prove; TLS only
  link::TlsFiles tls;                                  // TLS only
  model::Duration timeout = std::chrono::seconds(10);  // per question
};

struct HistoryQuestion {
  std::string node;
  std::vector<model::Metric> metrics;
  model::WallTime from;  // inclusive
  model::WallTime to;    // exclusive
};

struct ExplainQuestion {
  std::string node;
  std::optional<model::WallTime> at;  // nullopt = now, by the coordinator's clock
  std::string file_part;
};

struct ClusterQuestion {
  model::WallTime from;             // of the trend, inclusive
  model::WallTime to;               // exclusive
  std::uint32_t points = 0;         // at most
  std::vector<std::string> labels;  // keys to group by
  std::string trend_of = {};        // LABEL=VALUE; "" = the whole cluster
};

/// Errors: kUnavailable when the coordinator cannot be reached or does not prove itself, own TLS files are unusable, or
/// the connection is lost (the text names address and file); anything else is the coordinator's own answer.
class Connection {
 public:
  static model::Result<std::unique_ptr<Connection>> open(const Target& target);
  virtual ~Connection() = default;

  /// As the coordinator sees this client; asked for at open.
  virtual const Identity& identity() const = 0;
  virtual model::Result<std::vector<Node>> nodes() = 0;
  virtual model::Result<Node> node(const std::string& name) = 0;
  /// Empty name = all nodes.
  virtual model::Result<std::vector<Pod>> pods(const std::string& node) = 0;
  virtual model::Result<ReclaimedAnswer> reclaimed() = 0;
  /// Asks page by page until the range is complete or a series has kMaxPoints.
  virtual model::Result<std::vector<Series>> history(const HistoryQuestion& question) = 0;
  /// One page of history in tiers, from `page_from_s` on (0 = the first). kMalformed where the next one is no later.
  virtual model::Result<SeriesPage> query(const SeriesQuestion& question, std::int64_t page_from_s) = 0;
  virtual model::Result<std::vector<series::PodInfo>> history_pods(const std::string& node, std::int64_t from_s,
                                                                   std::int64_t to_s) = 0;
  virtual model::Result<HistoryState> history_state() = 0;
  /// A slice of about so many bytes, from "" = the beginning, then the slice's `next` until it is "".
  virtual model::Result<series::VerifySlice> history_verify(const std::string& from, std::uint64_t bytes) = 0;
  /// Waits until the backup is whole, however long that takes.
  virtual model::Result<HistoryBackup> history_backup() = 0;
  virtual model::Result<EventsAnswer> events(const std::string& node, model::WallTime from, model::WallTime to) = 0;
  virtual model::Result<PolicyAnswer> policy(const std::string& node) = 0;
  virtual model::Result<PolicyApplied> apply(const std::vector<PolicyDocument>& documents, bool dry_run) = 0;
  virtual model::Result<PolicyStatus> policy_status() = 0;
  /// Empty name = all nodes.
  virtual model::Result<PolicyCheck> check(const std::vector<PolicyDocument>& documents, const std::string& node) = 0;
  /// Empty name = all nodes. Gives how often each reports at least for so long.
  virtual model::Result<model::Duration> watch(const std::string& node, std::uint32_t seconds) = 0;
  virtual model::Result<Explanation> explain(const ExplainQuestion& question) = 0;
  /// at nullopt = now, by the live view; else as history has it.
  virtual model::Result<model::ExplainedAccount> explain_reclaimed(const std::string& node,
                                                                   std::optional<model::WallTime> at) = 0;
  virtual model::Result<model::ClusterReport> cluster(const ClusterQuestion& question) = 0;
  virtual model::Result<void> hands_off_begin(const std::string& node, const std::string& group,
                                              model::Duration duration, const std::string& reason) = 0;
  /// Empty name = all nodes.
  virtual model::Result<std::vector<HandsOffEntry>> hands_off_list(const std::string& node) = 0;
  virtual model::Result<void> hands_off_end(const std::string& node, const std::string& group) = 0;
  virtual model::Result<void> release(const std::string& node, const std::string& reason) = 0;
  virtual model::Result<void> resume(const std::string& node) = 0;
  /// Waits, serving the connection; an error if it is lost meanwhile.
  virtual model::Result<void> sleep(model::Duration duration) = 0;

  static constexpr std::size_t kMaxPoints = 1'000'000;
};

}  // namespace tideline::tidectl
