#pragma once
// The fleet's history. One contract, two stores: MemoryStore here, RocksStore in storage/rocks; one test suite runs on
// both.
//
// Time: a report carries the sender's clocks; the receiver adds its own wall time and its estimate of the node's
// offset. All three are kept, and history is keyed by corrected time, in ms of the receiver's wall clock. Threads: one
// writer (append, append_events, append_accounts, drop_slice, put_setting) and any number of readers at once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/metric.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "storage/store/limits.h"

namespace tideline::store {

/// A validated report at the receiver's door.
struct IncomingReport {
  model::Report report;
  model::WallTime received;         // receiver's wall clock at arrival
  model::Duration clock_offset{0};  // estimate: node's wall clock minus the receiver's, at the time of the report
};

/// The same without owning it: reports are large, and there are thousands a second.
struct ReportView {
  ReportView(const model::Report& of, model::WallTime at, model::Duration offset, std::span<const std::byte> as = {},
             std::uint64_t left_out = 0)
      : report(of), received(at), clock_offset(offset), bytes(as), pods_left_out(left_out) {}
  // NOLINTNEXTLINE(google-explicit-constructor): the same thing, looked at.
  ReportView(const IncomingReport& incoming) : ReportView(incoming.report, incoming.received, incoming.clock_offset) {}

  const model::Report& report;
  model::WallTime received;
  model::Duration clock_offset;
  /// Where the caller has it: a message of at most ReportLimits::kMaxWireBytes from which codec::report_from_bytes
  /// reads this report. A store that keeps bytes keeps these, with what a newer sender says that this build does not
  /// know; else it makes its own.
  std::span<const std::byte> bytes;
  /// 0, or `bytes` leaves the report's pods out (Report.podList), and all reports of its node with this number leave
  /// out the same. A store that keeps bytes keeps such pods, as this build knows them, once for many reports; what it
  /// gives back has them.
  std::uint64_t pods_left_out;
};

enum class AppendOutcome : std::uint8_t {
  kStored,     // durable now, for the first time
  kDuplicate,  // was durable before this call, or stands earlier in it: ack it again
  kRefused,    // for good: model::validate or a bound of limits.h says no. Not stored; not to be acked as durable
};

struct StoredReport {
  model::Report report;
  model::WallTime received;
  model::Duration clock_offset{0};
  model::WallTime at;  // corrected_wall(report.wall, clock_offset, received)
  friend bool operator==(const StoredReport&, const StoredReport&) = default;
};

struct StoredSample {
  model::WallTime at;  // corrected; `sample.wall` stays the sender's
  model::NodeSample sample;
  friend bool operator==(const StoredSample&, const StoredSample&) = default;
};

struct StoredEvent {
  model::WallTime at;  // corrected; `event.at` stays the sender's
  model::Event event;
  friend bool operator==(const StoredEvent&, const StoredEvent&) = default;
};

/// An event of the coordinator's own about a node, or about the cluster with an empty name; event.at is its own clock.
struct CoordinatorEvent {
  model::NodeName node;
  model::Event event;
};

struct Point {
  model::WallTime at;
  double value = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// Reports that a node says it dropped, just before the report named.
struct Gap {
  model::WallTime at;  // corrected time of that report
  model::Incarnation incarnation;
  model::Seq before;
  std::uint64_t reports = 0;
  friend bool operator==(const Gap&, const Gap&) = default;
};

/// Rows oldest first. truncated: the limit cut the newest ones off; ask again from the last row's time.
template <class Row>
struct Page {
  std::vector<Row> rows;
  bool truncated = false;
  friend bool operator==(const Page&, const Page&) = default;
};

struct Dropped {
  std::uint64_t reports = 0;
  std::uint64_t events = 0;
  std::uint64_t nodes = 0;  // forgotten, with their sequence numbers: nothing of them was left
  std::uint64_t accounts = 0;
  Dropped& operator+=(const Dropped& more) {
    reports += more.reports;
    events += more.events;
    nodes += more.nodes;
    accounts += more.accounts;
    return *this;
  }
  friend bool operator==(const Dropped&, const Dropped&) = default;
};

/// What retention drops is older than these, in corrected time.
struct DropBefore {
  // NOLINTNEXTLINE(google-explicit-constructor): one time for all of it.
  DropBefore(model::WallTime all) : reports(all), events(all), accounts(all) {}
  DropBefore(model::WallTime of_reports, model::WallTime of_events, model::WallTime of_accounts)
      : reports(of_reports), events(of_events), accounts(of_accounts) {}
  model::WallTime reports;
  model::WallTime events;
  model::WallTime accounts;
  model::WallTime first() const { return std::min({reports, events, accounts}); }
};

struct DroppedSlice {
  Dropped dropped;
  std::optional<model::NodeName> rest;  // where the next slice begins; nullopt: nothing older is left
};

/// The sender's stamp on the receiver's clock, never later than the arrival: so a sender whose clock runs ahead cannot
/// place rows where retention by age never comes.
model::WallTime corrected_wall(model::WallTime sender, model::Duration clock_offset, model::WallTime received);

/// Corrected time of a sample: the report's, less the sample's monotonic distance from the report's end, held within
/// the report's window. Independent of wall-clock jumps inside the window.
model::WallTime sample_time(const StoredReport& stored, const model::NodeSample& sample);

/// What the store takes up; 0 where it does not say.
struct StoreSize {
  std::uint64_t disk_bytes = 0;
  std::uint64_t memory_bytes = 0;  // what is not on disk yet, caches left out
};

class HistoryStore {
 public:
  HistoryStore() = default;
  virtual ~HistoryStore() = default;
  HistoryStore(const HistoryStore&) = delete;
  HistoryStore& operator=(const HistoryStore&) = delete;

  /// Group commit. When it returns a value, every report marked kStored is durable, with its events and its sequence
  /// number, in one atomic step: each (node, incarnation, seq) once, whatever crashed in between. Outcomes are in the
  /// order given. On an error none may be acked; the call may be tried again. Errors: kInvalidArgument beyond
  /// kMaxAppendReports, kUnavailable when the disk refuses, kInternal.
  virtual model::Result<std::vector<AppendOutcome>> append_views(std::span<const ReportView> reports) = 0;
  model::Result<std::vector<AppendOutcome>> append(std::span<const IncomingReport> reports);

  /// Durable when it returns. Coordinator's events are not deduplicated. kInvalidArgument beyond kMaxAppendEvents.
  virtual model::Result<void> append_events(std::span<const CoordinatorEvent> events) = 0;

  /// Accounts as the coordinator's ledger had them; node "" = the cluster's own, "label=value" = a part's. None of them
  /// makes a node. Durable when it returns, all of them or none. One a node and ms: a later one takes its place. Ages
  /// are kept in whole ms. kInvalidArgument beyond kMaxAppendAccounts, for a name beyond kMaxNodeNameBytes and for a
  /// time before the epoch.
  virtual model::Result<void> append_accounts(std::span<const model::AccountAt> accounts) = 0;

  /// Removes reports, events and accounts older than `before` says, then nodes of which neither report nor event is
  /// left and whose last arrival was before all three; of which tables are left, as soon as no report is and the last
  /// arrival was before that time. A report that some table is still to be made of stays (RocksOptions::series). In
  /// slices, so that a writer with better to do has its turn: this one begins at node `from` of the store's own order
  /// ("" = the first), removes at most `most` rows, of a node always its oldest, and looks at no more than `most`
  /// nodes. What is left can be read whole after each. Costs a seek per node and a walk over what it drops, unless that
  /// was counted when it was folded: for every few minutes, not seconds.
  virtual model::Result<DroppedSlice> drop_slice(const DropBefore& before, const model::NodeName& from,
                                                 std::size_t most) = 0;
  /// All of it at once.
  model::Result<Dropped> drop_before(const DropBefore& before);

  /// A small durable key/value area (epoch counter and the like).
  virtual model::Result<void> put_setting(std::string_view key, std::string_view value) = 0;
  virtual model::Result<std::optional<std::string>> setting(std::string_view key) const = 0;

  /// Nodes with reports, events or remembered sequence numbers, by name; not the cluster, whose name is empty.
  virtual std::vector<model::NodeName> nodes() const = 0;
  /// When the newest of its reports arrived, live or not, by the receiver's wall clock; nullopt = none is remembered,
  /// as of a node with events alone. Of one that has reports nothing is read from disk.
  virtual std::optional<model::WallTime> last_received(const model::NodeName& node) const = 0;
  /// Highest n such that 1..n of the incarnation are all stored; 0 = none. Numbers that the node's spool dropped stay
  /// holes, so this may stand still while later reports are stored.
  virtual model::Seq acked_through(const model::NodeName& node, model::Incarnation incarnation) const = 0;
  virtual bool has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const = 0;

  // Range reads over [from, to) of corrected time. limit 0 = the bound of limits.h; a higher one is cut to it. An
  // unknown node or an empty range is an empty page. Errors: kMalformed when a stored record does not parse (named),
  // kUnavailable.

  model::Result<Page<StoredReport>> reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                            std::size_t limit) const;
  model::Result<Page<StoredSample>> samples(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                            std::size_t limit) const;
  /// Samples in which the metric is not known give no point.
  model::Result<Page<Point>> series(const model::NodeName& node, model::Metric metric, model::WallTime from,
                                    model::WallTime to, std::size_t limit) const;
  model::Result<Page<Gap>> gaps(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                std::size_t limit) const;
  /// Events of the node's reports and the coordinator's about it; an empty name gives those about the cluster.
  virtual model::Result<Page<StoredEvent>> events(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                                  std::size_t limit) const = 0;
  /// Accounts of the node, of the cluster with an empty name, of a part with its "label=value".
  virtual model::Result<Page<model::AccountAt>> accounts(const model::NodeName& node, model::WallTime from,
                                                         model::WallTime to, std::size_t limit) const = 0;
  /// The newest of them at or before `at`; nullopt = none.
  virtual model::Result<std::optional<model::AccountAt>> last_account(const model::NodeName& node,
                                                                      model::WallTime at) const = 0;
  virtual StoreSize size() const { return {}; }

  /// The report with the newest corrected time; nullopt = none.
  virtual model::Result<std::optional<StoredReport>> last_report(const model::NodeName& node) const = 0;

 protected:
  /// Called for each report in order of corrected time; false ends the walk.
  using ReportVisitor = std::function<bool(StoredReport&&)>;
  /// Walks reports whose own corrected time lies in [from, to).
  virtual model::Result<void> walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                           const ReportVisitor& visit) const = 0;
  /// Upper bound of the windows of the node's stored reports: how far samples may lie before their report's end.
  virtual model::Duration longest_window(const model::NodeName& node) const = 0;

 private:
  template <class Row, class Add>
  model::Result<Page<Row>> walk_samples(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                        std::size_t limit, const Add& add) const;
};

}  // namespace tideline::store
