#pragma once
// A node's reports between their making and their ack: numbered, in its spool on disk, and in which order they go out.
// As tideline-node's link actor has it: the newest first while it is news, then the backlog from its old end.

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

class ReportQueue {
 public:
  /// Errors: those of Spool::open.
  static model::Result<ReportQueue> open(const std::string& dir, const std::string& boot_id);

  model::Incarnation incarnation() const { return spool_.incarnation(); }
  /// Gives the report its incarnation, number and gap, and keeps it. kUnavailable: the disk refused, and nothing is
  /// used up. Any other error: it can never be kept, and counts as gap.
  model::Result<void> store(model::Report& report);
  /// The report to be sent now, in its lane; nullopt: there is none, or it was unreadable and let go. `error`: why.
  std::optional<model::Report> next(model::MonoTime now, std::optional<model::Error>& error);
  void ack(model::Seq seq) { spool_.ack(seq); }
  void ack_through(model::Seq seq) { spool_.ack_through(seq); }
  void drop(model::Seq seq) { spool_.drop(seq); }
  std::size_t pending() const { return spool_.pending(); }
  /// Reports dropped since this was opened.
  std::uint64_t dropped() const { return spool_.dropped(); }
  const std::vector<std::string>& notes() const { return spool_.notes(); }
  /// See Spool::abandon.
  void abandon() { spool_.abandon(); }

 private:
  ReportQueue(spool::Spool spool, std::string boot_id) : spool_(std::move(spool)), boot_id_(std::move(boot_id)) {}
  model::Lane lane_of(const model::Report& report, model::MonoTime now) const;
  std::optional<model::Report> stored(model::Seq from, std::optional<model::Error>& error);

  spool::Spool spool_;
  std::string boot_id_;
};

}  // namespace tideline::rehearsal
