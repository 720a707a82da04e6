#pragma once
// Writes recordings of the ledger, on a thread of its own: whoever tells it something never waits for the disk.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "coordinator/ledger/witness.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::ledger_recorder {

struct RecorderConfig {
  std::string directory;  // must be there
  /// Of all recordings there, those of earlier lives included: the oldest files go. A file has an eighth of it.
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  std::size_t queue_bytes = 64 << 20;                // of what waits for the disk, about
  model::Duration retry = std::chrono::seconds(10);  // after the disk refused
  model::Duration stop_within = std::chrono::seconds(5);
};
/// Less has no room for files that are of use.
inline constexpr std::uint64_t kLeastRecordingBytes = std::uint64_t{16} << 20;

struct RecorderCounts {
  std::uint64_t written = 0;  // records that were told, and are in a file
  std::uint64_t lost = 0;     // that are not: the queue was full, or the disk refused
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  bool failing = false;  // the disk refused, and nothing could be written since
};

/// What does not fit into the queue, or onto the disk, is lost with all that follows until the queue was empty, or the
/// disk takes something again: from there on a recording begins anew, and says how many it lost. A file that could not
/// be begun is removed. Nothing is synced.
class LedgerRecorder final : public ledger::Witness {
 public:
  /// kUnavailable names the directory.
  static model::Result<std::shared_ptr<LedgerRecorder>> start(RecorderConfig config);
  ~LedgerRecorder() override;  // stop()

  void began(model::Epoch epoch, const fleet::FleetOptions& options, const fleet::Arrival& at) override;
  void policy_loaded(const std::shared_ptr<const policy::ClusterPolicy>& policy, model::PolicyVersion version,
                     const fleet::Arrival& at) override;
  void opened(const model::NodeName& node, model::Incarnation incarnation, const fleet::Arrival& at) override;
  void closed(const model::NodeName& node, const fleet::Arrival& at) override;
  void reported(const std::shared_ptr<const model::Report>& report, const fleet::Arrival& at) override;
  void forgot(const model::NodeName& node, const fleet::Arrival& at) override;
  void accounted(const model::Reclaimed& account, const profile::Reclaimable& predicted,
                 const fleet::Arrival& at) override;

  RecorderCounts counts() const;
  /// Writes what waits, for stop_within at most, then ends the thread. What is told from then on is dropped unseen. A
  /// thread that the disk holds up is left to itself: what it had, and what waited for it, counts as lost, also what of
  /// it reaches a file by then or later; the file may end within a record, and no count changes any more. Again: no
  /// effect.
  void stop();

 private:
  class Impl;
  explicit LedgerRecorder(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;  // its thread's, too, where that was left to itself
};

}  // namespace tideline::ledger_recorder
