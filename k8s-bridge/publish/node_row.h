#pragma once
// One node's part in publishing: what is wanted, what is published, and when which write is due. The rules are
// publisher.h's.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "k8s-bridge/publish/patch.h"
#include "k8s-bridge/publish/publication.h"
#include "k8s-bridge/publish/values.h"
#include "k8s-bridge/translate/batch_names.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::publish {

class NodeRow {
 public:
  struct Due {
    model::MonoTime at;
    WriteReason reason = WriteReason::kRefresh;
  };

  void offer(const Offer& offer, const PublishOptions& options, model::MonoTime now);
  std::optional<Foreign> observed(const k8s::NodeObject& node, const PublishOptions& options, model::MonoTime now);
  void requested(const k8s::BatchRequests& requests, const PublishOptions& options, model::MonoTime now);
  void forget();
  /// Nothing is known of the node but its name.
  bool is_empty() const { return !offer_ && !is_there_ && !in_flight_; }

  /// The Node is gone, and so are its reports: nothing is lost with the row.
  bool is_departed() const {
    return !is_there_ && !in_flight_ && offer_ && offer_->account.cpu.rule == model::ReclaimRule::kStale;
  }

  /// What the watch told while it was behind counts from the time it cannot be any more.
  void settle(const PublishOptions& options, model::MonoTime now);
  /// The write that is due next; nullopt = none, unless something is said.
  const std::optional<Due>& due() const { return due_; }
  /// When to settle() or write() next.
  std::optional<model::MonoTime> next() const;
  /// Of a row that is due: the write, which is in flight from now on.
  Write write(const model::NodeName& name, const PublishOptions& options, model::MonoTime now);
  void written(const std::string& resource_version, const PublishOptions& options, model::MonoTime now);
  void failed(model::Duration retry_in, const PublishOptions& options, model::MonoTime now);

  /// Since when too much is published; nullopt = it is not.
  std::optional<model::MonoTime> above_since() const { return above_since_; }

 private:
  /// One resource.
  struct Lane {
    std::optional<std::int64_t> published;  // what was written or taken for ours last
    bool was_written = false;               // or withdrawn, since the Node was first seen
    std::optional<std::int64_t> safe;       // at the last write, or the first offer
    std::int64_t by_others = 0;             // at the last write; what was written in an earlier life is not known
    std::optional<model::MonoTime> rises_since;
    bool is_foreign = false;  // the Node has another value
    model::MonoTime answer_at;
    model::Duration answer_after{0};  // 0: never was foreign
    model::MonoTime answered_at;
  };
  /// The Node as it was seen last.
  struct Seen {
    Values allocatable;
    Values capacity;
    bool has_account = false;
    k8s::OlderNames older;  // that it says are ours
    Notes notes;
    std::string resource_version;
  };
  struct Flight {
    WriteReason reason = WriteReason::kRefresh;
    model::MonoTime at;
    Values values;
    std::array<bool, kResources> sets{};  // false: the resource is left alone
    std::array<std::int64_t, kResources> safe{};
    std::array<std::int64_t, kResources> by_others{};
    bool rises = false;
    bool has_account = false;
    k8s::OlderNames older;
    Notes notes;
    bool is_obsolete = false;  // the Node is another by now
    std::vector<std::string> seen_versions;
  };

  /// The ledger said nothing of the node that a write could rest on.
  bool is_silent() const { return !offer_ || !was_heard_ || (!requested_ && (publishes_.any() || older_.any())); }
  /// Of batch's older names those that are published, and those that were.
  bool is_ours(std::size_t resource) const;
  bool is_beyond(std::int64_t difference, std::int64_t published) const;
  /// Wanted, and neither written nor there since the Node was first seen.
  bool is_fresh(std::size_t resource) const;
  bool is_rise(std::size_t resource) const;
  bool must_fall(std::size_t resource, std::int64_t published) const;
  bool is_published() const;
  bool is_another_seen() const;
  /// What stands on the Node now, as far as is known.
  std::optional<std::int64_t> actual(std::size_t resource) const;
  /// To somebody else's value.
  std::optional<std::int64_t> answer(std::size_t resource) const;
  /// In a write that is made whether or not the resource is due.
  std::optional<std::int64_t> value_for(std::size_t resource, bool is_due) const;
  model::MonoTime refresh_at() const;
  /// Not before a retry, nor too soon after the last write.
  model::MonoTime earliest(model::MonoTime at, const PublishOptions& options) const;
  std::optional<Due> due_of(std::size_t resource, const PublishOptions& options) const;
  std::optional<Due> next_write(const PublishOptions& options) const;

  /// Terms by what is known.
  void reckon(const PublishOptions& options);
  void begin_anew(const k8s::NodeObject& node, model::MonoTime now);
  void judge(const PublishOptions& options, model::MonoTime now);
  void judge(std::size_t resource, const PublishOptions& options, model::MonoTime now);
  bool is_off() const;
  Notes wanted_notes() const;
  /// Older names that are on the Node, and ours, once the write is done.
  k8s::OlderNames older_after(const Flight& flight) const;
  void fill_annotations(Flight& flight, Patch& patch, const PublishOptions& options, model::MonoTime now) const;
  std::optional<Foreign> foreign(const model::NodeName& name);
  /// Brings what follows from all else up to date.
  void look(const PublishOptions& options, model::MonoTime now);

  std::optional<Offer> offer_;
  model::MonoTime offered_at_;
  std::array<Terms, kResources> terms_;
  bool was_heard_ = false;  // the ledger said more than kStale of it
  k8s::OlderNames publishes_;
  std::optional<k8s::BatchRequests> requested_;

  bool is_there_ = false;
  std::string uid_;
  model::MonoTime first_seen_;
  Seen seen_;
  std::array<Lane, kResources> lanes_;
  bool has_account_ = false;  // as it was written or taken for ours last, as Lane::published
  k8s::OlderNames older_;     // likewise
  Notes notes_;

  std::optional<Flight> in_flight_;
  std::optional<model::MonoTime> last_write_;
  std::optional<model::MonoTime> last_rise_;
  std::optional<Flight> failed_;  // that may have been done
  model::MonoTime retry_at_;
  std::string awaited_version_;                  // of the last write
  std::optional<model::MonoTime> behind_until_;  // the watch may not be there yet
  bool seen_is_old_ = false;                     // nothing was seen since the last write
  std::optional<Values> told_;                   // of somebody else's

  std::optional<Due> due_;
  std::optional<model::MonoTime> above_since_;
};

}  // namespace tideline::publish
