#pragma once
// Invariant 4 of DESIGN §7: a report that was acked is in history exactly once, and what was dropped is a counted gap.
// Reports are remembered until they were acked and read back, so that memory does not grow with the time simulated.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/report.h"
#include "storage/store/history_store.h"
#include "test/sim/offer_check.h"

namespace tideline::sim {

/// One state directory, over all incarnations that it saw.
struct Lineage {
  std::uint64_t counted = 0;  // gaps that reports in history tell of
};

class HistoryCheck {
 public:
  /// Times are ns since the begin of the simulation.
  void made(const model::Report& report, const std::shared_ptr<Lineage>& lineage);
  void acked(const model::NodeName& node, const ReportId& id, std::int64_t now);
  /// All of the incarnation up to `seq`: a session began with it.
  void acked_through(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq, std::int64_t now);

  /// Reads what history has of the node from before `until` and was not dropped from it. nullopt, or what is wrong.
  std::optional<std::string> verify(const store::HistoryStore& store, const model::NodeName& node, std::int64_t until);

  struct Missing {
    ReportId id;
    std::shared_ptr<Lineage> lineage;
  };
  /// Made, and neither seen in history nor acked.
  std::vector<Missing> missing(const model::NodeName& node) const;

  std::uint64_t made_ever() const { return made_; }
  std::uint64_t verified_ever() const { return verified_; }
  /// Reports that are remembered.
  std::size_t size() const;

 private:
  struct Made {
    std::uint64_t fingerprint = 0;
    std::int64_t acked_at = -1;  // -1: not yet
    bool seen = false;
  };
  struct Life {  // of an incarnation
    std::shared_ptr<Lineage> lineage;
    std::uint64_t highest = 0;
    std::map<std::uint64_t, Made> open;  // by seq
  };
  using Lives = std::map<std::uint64_t, Life>;
  static std::uint64_t fingerprint_of(const model::Report& report);
  std::optional<std::string> see(Lives& lives, const model::Report& report);

  std::map<model::NodeName, Lives> nodes_;
  std::uint64_t made_ = 0;
  std::uint64_t verified_ = 0;
};

}  // namespace tideline::sim
