#pragma once
// When a node's extended resources are written to its status, and what: falls at once, rises with hysteresis and a
// least interval, withdrawal where there is nothing to say; never what is already there. A plain value: every time
// comes in, nothing goes out but return values.
//
// What is wanted: of batch `published` of the account, of mid `mid`; nothing where the rule is kDisabled or kStale, and
// 0 under all other rules that offer nothing. Each resource is judged by itself against what is published:
// what was written last, or what the Node had when it was first seen here. Capacity and allocatable are written alike.
//  * Nothing is wanted and something is published: it is withdrawn at once.
//  * A fall is written at once where it is more than diff_threshold of what is published; where less is wanted than
//    pods requested there already and more is published, so that schedulers would add to it; where the node's safe
//    capacity (capacity - margin) shrank since the last write; and where pods request more by batch's other names than
//    at the last write. A smaller one waits for least_interval: noise of what is measured must not be a write each.
//  * A rise is written where it is more than diff_threshold, for rise_stable without a break, and rise_interval after
//    the rise before it. From nothing to something is a rise, and so is any from 0. But what is not on the Node and
//    was never written here is written at once, unless it is 0: a node that begins is of use within seconds.
//  * Any other difference is written least_interval after the write before it, or after the Node was first seen.
//  * A write takes with it all that is smaller than published, and small rises. It never takes a rise that waits.
//  * Between any two writes of a node there is fall_interval, and at most one is in flight. A write that failed may
//    have been done: one is made again, of what holds by then, until one succeeds.
//  * A value that is neither what is published nor what is wanted is somebody else's, kubelet's 0 when it registers
//    anew included, and is told. That resource is then written at the pace of foreign_max only, whatever is wanted;
//    the others go on. The answer is what was published, or less if less is wanted. A value from before a write of
//    ours is nobody else's, for as long as the watch may be behind.
// A node that the ledger is silent of keeps what it has for start_grace, so that a restart withdraws nothing that is
// true: one without an offer, one whose account was stale ever since (its agent did not come back yet), and one that is
// off under policy 0 (there is no policy yet). Then it is withdrawn, where Tideline's annotation says who wrote it.
// Batch's older names (PublishOptions) are resources like the others. The scheduler counts each name by itself, so of
// what is offered a name has what pods do not request by the others, whether those are published, were, or never were
// here: nothing is sold twice. Until requested() said so of a node, the ledger counts as silent of it where older names
// are published or were. The annotation says which older names were written; one that it says, and that is not to be
// published any more, is withdrawn. Others are nobody's here.
// Annotations of Koordinator's (values.h) are written with whatever is written, and least_interval after the write
// before where they alone are others; removed where there is nothing to say.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "k8s-bridge/publish/node_row.h"
#include "k8s-bridge/publish/publication.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/ids.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::publish {

class Publisher {
 public:
  explicit Publisher(PublishOptions options = {}) : options_(options) {}

  /// The ledger's newest account of a node.
  void offer(const Offer& offer, model::MonoTime now);
  /// What the API server has, from the list or the watch; gives what is foreign in it. A value that a write of ours in
  /// flight sets, or one older than the last write (the watch lags), is not. Another uid is another Node.
  std::optional<Foreign> observed(const k8s::NodeObject& node, model::MonoTime now);
  /// What pods of a node request of batch by each of its names; counts of a Node that was observed.
  void requested(const model::NodeName& node, const k8s::BatchRequests& requests, model::MonoTime now);
  /// The Node object is gone.
  void forget(const model::NodeName& node);

  /// Writes that are due, falls and withdrawals first, then those that wait longest; each node has at most one in
  /// flight until written() or failed(). Of nodes without a Node object none.
  /// Of other reasons than falls and withdrawals at most `most_others`, which the API server may hold up.
  std::vector<Write> due(model::MonoTime now, std::size_t most, std::size_t most_others = SIZE_MAX);
  /// `resource_version`: of the answer.
  void written(const model::NodeName& node, const std::string& resource_version, model::MonoTime now);
  /// Tried again after `retry_in`.
  void failed(const model::NodeName& node, model::Duration retry_in, model::MonoTime now);
  /// When due() may have something again if nothing is said till then, not before `now`.
  std::optional<model::MonoTime> next_due(model::MonoTime now) const;

  /// Nodes with a published value above what is wanted by so much that it is to be written at once, or somebody else's
  /// such value, and since when the worst is: for metrics.
  struct Above {
    std::size_t nodes = 0;
    model::Duration longest{0};
  };
  Above above(model::MonoTime now) const;

 private:
  PublishOptions options_;
  std::map<model::NodeName, NodeRow> rows_;
};

}  // namespace tideline::publish
