#pragma once
// From when on a replay that began after its coordinator did knows of a node what the coordinator knew.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "messages/model/ids.h"
#include "messages/model/report.h"

namespace tideline::ledger {

/// Of one node. Averages rest on the reports of one span, and so does nearly all that lasts longer than a report; but
///  * a pod that goes is taken to have used its average through the report that no longer lists it, and that counts for
///    a span from there on, also where the pod comes back meanwhile, and goes into its average when it goes once more;
///  * of pods that are gone and of host applications that are no longer told of so many are kept, the newest: which
///    those are is sure where not more than that were seen to go;
///  * which zones there are, and how large, is what the last report said that told of zones, however long ago.
class Settling {
 public:
  /// A live report of the node, the newest, taken at `slot` of the fleet view's averages.
  void take(const model::Report& report, std::int64_t slot);
  /// By the report taken last all but the zones rests on reports that were taken here. It stays so.
  bool is_settled() const { return settled_; }
  /// Where it is settled: the zones, too. That stays so.
  bool knows_zones() const { return knows_zones_; }

 private:
  void begin(const model::Report& report, std::int64_t slot);
  void take_pods(const model::Report& report, std::int64_t slot);
  bool is_known_at(std::int64_t slot) const;

  bool settled_ = false;
  bool knows_zones_ = false;
  // The slot of the first report, which may lack what came in it before; nullopt = there was none.
  std::optional<std::int64_t> begun_;
  std::set<model::PodUid> listed_;              // by the newest report
  std::map<model::PodUid, std::int64_t> went_;  // since begun_; to which slot its average may lack something
  std::set<std::string> applications_;          // told of since begun_
};

}  // namespace tideline::ledger
