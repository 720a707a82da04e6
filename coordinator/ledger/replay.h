#pragma once
// The ledger once more, from what was recorded: the same reports, sessions and policies into the same code, and each
// account held against the one that was published, byte for byte.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/ledger/recording.h"
#include "coordinator/ledger/settling.h"
#include "coordinator/policy/rollout.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::ledger {

/// An account that is not the recorded one, or a report that was taken live and is not taken in the replay.
struct Difference {
  model::NodeName node;
  model::WallTime at;
  model::MonoTime mono;
  /// The node's newest report by then: what changed is in it, in one before it, or in the policy. 0 = none.
  model::Incarnation incarnation;
  model::Seq report;
  model::PolicyVersion policy;     // by which it was computed here
  std::vector<std::string> terms;  // "cpu.prodUsed: recorded 1200, computed 1300", the first of them
  friend bool operator==(const Difference&, const Difference&) = default;
};

struct Verdict {
  std::uint64_t lives = 0;      // of coordinators
  std::uint64_t stretches = 0;  // that begin without what was before them
  std::uint64_t lost = 0;       // records that were not written
  std::uint64_t policies = 0;
  std::uint64_t sessions = 0;
  std::uint64_t reports = 0;
  std::uint64_t accounts = 0;
  std::uint64_t held = 0;       // of them: held against the replay's
  std::uint64_t unsettled = 0;  // of them: they rest on reports that are not in the recording
  std::uint64_t different = 0;  // of those that were held, and reports that were not taken
  std::uint64_t unknown = 0;    // records of kinds that this build does not know
  std::optional<model::WallTime> first;
  std::optional<model::WallTime> last;
  std::vector<Difference> differences;  // the first kMostDifferences
};

/// Where the begin of a coordinator's life is in the recording all accounts are held; else those of a node from the
/// report on with which it is settled (settling.h), without their zones until those are known. Predictions rest on
/// days, and are taken as they were recorded; which accounts are computed when is taken from the recording, too.
class Replay {
 public:
  static constexpr std::size_t kMostDifferences = 100;
  static constexpr std::size_t kMostTerms = 12;
  /// As many as a store of history holds.
  static constexpr std::size_t kMostNodes = 50'000;
  /// Reads a report from Record::body.
  using ReadReport = std::function<model::Result<model::Report>(std::string_view bytes)>;

  explicit Replay(ReadReport read_report);

  /// The records of a file in their order, and files in theirs. kMalformed, kUnsupported or kOverloaded names what
  /// cannot be taken in; the replay is of no use from then on.
  model::Result<void> take(const Record& record);
  /// The file is at its end. `whole`: not torn; else the next one does not go on from here.
  void file_ended(bool whole) { goes_on_ = whole; }

  const Verdict& verdict() const { return verdict_; }

 private:
  /// Of a node, in the recording.
  struct Known {
    bool whole = false;  // nothing was known of it before
    Settling settling;   // where it is not
    model::Incarnation incarnation;
    model::Seq report;
  };

  model::Result<void> begin(const BeginTold& begin);
  model::Result<void> take_policy(const PolicyTold& told);
  model::Result<void> open(const NodeTold& told, const fleet::Arrival& at);
  model::Result<void> close(const NodeTold& told, const fleet::Arrival& at);
  model::Result<void> take_report(const Record& record, const fleet::Arrival& at);
  void forget(const NodeTold& told);
  void hold(const AccountTold& told, const Record& record);
  Known& known(const model::NodeName& node);
  void add_difference(const model::NodeName& node, const Record& record, model::PolicyVersion policy,
                      std::vector<std::string> terms);

  ReadReport read_report_;
  std::optional<BeginTold> begun_;
  bool goes_on_ = false;  // the file before was whole
  bool whole_ = false;    // the stretch begins with the life
  fleet::FleetOptions options_;
  fleet::FleetView fleet_;
  policy::Rollout rollout_;
  std::map<model::NodeName, Known> nodes_;
  Verdict verdict_;
};

}  // namespace tideline::ledger
