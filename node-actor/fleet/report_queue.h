#pragma once
// A node's reports between their making and their ack: numbered, kept, and in which order they go out. As
// tideline-node's link actor has it: the newest first while it is news, then the backlog from its old end.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/spool/spool.h"

namespace tideline::rehearsal {

/// Where they are kept is the derived class's. Destruction is a clean close.
class ReportQueue {
 public:
  virtual ~ReportQueue() = default;
  ReportQueue(const ReportQueue&) = delete;
  ReportQueue& operator=(const ReportQueue&) = delete;

  virtual model::Incarnation incarnation() const = 0;
  /// Gives the report its incarnation, number and gap, and keeps it. kUnavailable: the disk refused, and nothing is
  /// used up. Any other error: it can never be kept, and counts as gap.
  virtual model::Result<void> store(model::Report& report) = 0;
  /// The report to be sent now, in its lane; nullopt: there is none, or it was unreadable and let go. `error`: why.
  std::optional<model::Report> next(model::MonoTime now, std::optional<model::Error>& error);
  virtual void ack(model::Seq seq) = 0;
  virtual void ack_through(model::Seq seq) = 0;
  virtual void drop(model::Seq seq) = 0;
  virtual std::size_t pending() const = 0;
  /// Reports dropped since this was opened.
  virtual std::uint64_t dropped() const = 0;
  virtual const std::vector<std::string>& notes() const = 0;
  /// See Spool::abandon.
  virtual void abandon() = 0;

 protected:
  explicit ReportQueue(std::string boot_id) : boot_id_(std::move(boot_id)) {}
  /// The number the next report gets.
  virtual model::Seq next_seq() const = 0;
  /// The oldest one that is kept, with a number of at least `from`.
  virtual std::optional<model::Report> stored(model::Seq from, std::optional<model::Error>& error) = 0;

 private:
  model::Lane lane_of(const model::Report& report, model::MonoTime now) const;

  std::string boot_id_;
};

/// In a spool on disk, which is what tideline-node has.
class SpooledReports final : public ReportQueue {
 public:
  /// Of one node's spool: there are thousands.
  static constexpr spool::SpoolLimits kLimits{.max_bytes = 8U << 20, .max_reports = 2'000, .segment_bytes = 2U << 20};

  /// Errors: those of Spool::open.
  static model::Result<std::unique_ptr<ReportQueue>> open(const std::string& dir, const std::string& boot_id,
                                                          const spool::SpoolLimits& limits = kLimits);

  model::Incarnation incarnation() const override { return spool_.incarnation(); }
  model::Result<void> store(model::Report& report) override;
  void ack(model::Seq seq) override { spool_.ack(seq); }
  void ack_through(model::Seq seq) override { spool_.ack_through(seq); }
  void drop(model::Seq seq) override { spool_.drop(seq); }
  std::size_t pending() const override { return spool_.pending(); }
  std::uint64_t dropped() const override { return spool_.dropped(); }
  const std::vector<std::string>& notes() const override { return spool_.notes(); }
  void abandon() override { spool_.abandon(); }

 private:
  SpooledReports(spool::Spool spool, std::string boot_id) : ReportQueue(std::move(boot_id)), spool_(std::move(spool)) {}
  model::Seq next_seq() const override { return spool_.next_seq(); }
  std::optional<model::Report> stored(model::Seq from, std::optional<model::Error>& error) override;

  spool::Spool spool_;
};

}  // namespace tideline::rehearsal
