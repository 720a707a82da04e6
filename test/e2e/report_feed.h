#pragma once
// Reports that somebody makes up, over the real link: each node its own, one after the other, as backfill, so that they
// count as of the time that they say. What has no answer when a session ends is sent again.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "messages/model/report.h"

namespace tideline::test {

struct FeedConfig {
  std::string coordinator;  // host:port
  std::string certs;        // directory that `tideline-fleet certs` filled
  std::size_t nodes = 1;
  std::string prefix = "sim-";
  std::size_t first = 0;          // number of the first node
  std::uint64_t incarnation = 1;  // of all of them; another one for each feed, whose numbers begin again
};

/// The next report of the feed's node `index`, 0 on; nullopt: it has no more. Node, incarnation, number, lane and gap
/// are the feed's to fill in. Called on the feed's thread.
using NextReport = std::function<std::optional<model::Report>(std::size_t index)>;

struct Fed {
  std::uint64_t made = 0;
  std::uint64_t acked = 0;
  std::uint64_t refused = 0;  // for good
  std::uint64_t put_off = 0;  // refusals that are not for good, after each of which it tried again
  std::uint64_t open = 0;     // made, and without an answer at the end
  std::uint64_t sessions_lost = 0;
  std::vector<std::uint64_t> acked_by_node;  // the newest number
  std::string last_refusal;
  std::string problem;  // why it could not go on; "" = it could
};

class ReportFeed {
 public:
  ReportFeed(FeedConfig config, NextReport next);
  ~ReportFeed();
  ReportFeed(const ReportFeed&) = delete;
  ReportFeed& operator=(const ReportFeed&) = delete;

  std::uint64_t acked() const { return acked_; }
  std::uint64_t put_off() const { return put_off_; }
  /// Each node's last report has its answer, or there is a problem.
  bool finished() const { return finished_; }
  /// Makes no more reports, waits so long for the answers that are under way, and tells.
  Fed stop(std::chrono::milliseconds drain);

 private:
  class Run;
  void run();

  const FeedConfig config_;
  const NextReport next_;
  std::atomic<std::uint64_t> acked_{0};
  std::atomic<std::uint64_t> put_off_{0};
  std::atomic<bool> finished_{false};
  std::atomic<bool> stop_{false};
  std::atomic<std::int64_t> drain_ms_{0};
  Fed fed_;
  std::thread thread_;  // last: it uses all of them
};

}  // namespace tideline::test
