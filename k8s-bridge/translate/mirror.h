#pragma once
// Nodes and pods as the API server told last, and which nodes' sets are others than before. A plain value.
//
// Events may come twice, late, for objects that are not known, and not at all: what a list does not name is gone when
// it ends, whoever was deleted. Resource versions are not looked at: what came last holds.

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/node_objects.h"

namespace tideline::k8s {

/// What is kept at most: more than a fleet of ten thousand nodes has, and an end to what an API server can make of it.
struct MirrorLimits {
  std::size_t nodes = 30'000;
  std::size_t pods = 500'000;
  // By an estimate that is rather too high.
  std::size_t node_bytes = std::size_t{256} << 20;
  std::size_t pod_bytes = std::size_t{1} << 30;
};

class Mirror {
 public:
  explicit Mirror(MirrorLimits limits = {}) : limits_(limits) {}
  // Nodes' rows point to pods'.
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // A list begins; an object was listed or came by a watch; the list is whole: objects that did not come since
  // begin_*() are gone. A list that failed on the way begins anew. False: it is beyond the limits and left out, as if
  // it was not there, until it comes again and there is room.
  void begin_nodes();
  bool take(NodeObject node);
  /// Another Node of that name that came since stays, where the uid is given.
  void node_gone(const std::string& name, const std::string& uid = {});
  void end_nodes();
  void begin_pods();
  /// One that is bound to no node is not kept: it comes again when it is.
  bool take(PodObject pod);
  void pod_gone(const std::string& uid);
  void end_pods();

  /// Both were listed at least once: before that no set is told to anyone.
  bool complete() const { return nodes_listed_ && pods_listed_; }

  /// nullptr: not known.
  const NodeObject* node(const model::NodeName& name) const;
  std::size_t nodes() const { return known_nodes_; }
  std::size_t pods() const { return pods_.size(); }
  /// How often one was left out.
  std::uint64_t left_out() const { return left_out_; }
  /// nullptr: not known. By uid.
  const PodObject* pod(const model::PodUid& uid) const;

  /// Names of known nodes with a part of objects() that changed since they were last given here, or that are new or
  /// another Node of the same name; none before complete(). A Node's status and what else is not in objects() is no
  /// change.
  std::vector<model::NodeName> changed();
  /// Of a node that is known, else empty. number and epoch are 0: the caller stamps them. By uid. What a report could
  /// not hold is left out: pods beyond ReportLimits::kMaxPods and kMaxPodsWireBytes, those that ended first, then the
  /// newest; and, in that order, what pods are bound to beyond kMaxBoundCpus.
  model::NodeObjects objects(const model::NodeName& name) const;
  /// What those of its pods that did not end request of batch by each of its names. What the ledger counts of a pod
  /// and none of its names has, an annotation's, is the newest's.
  BatchRequests batch_requests(const model::NodeName& name) const;
  /// For people: what of the Node and its pods cannot be used, and what objects() leaves out; at most kMaxProblems.
  std::vector<std::string> problems(const model::NodeName& name) const;
  static constexpr std::size_t kMaxProblems = 64;

 private:
  struct NodeRow {
    bool known = false;  // false: pods are bound to it, and its Node object did not come yet or is gone
    std::uint64_t listing = 0;
    std::size_t bytes = 0;
    NodeObject node;
    std::set<const PodObject*> pods;
  };
  struct PodRow {
    std::uint64_t listing = 0;
    std::size_t bytes = 0;
    PodObject pod;
  };
  using Nodes = std::map<model::NodeName, NodeRow>;
  using Pods = std::unordered_map<model::PodUid, PodRow>;
  /// Of a node's pods those that a set holds, and what of others is left out.
  struct Choice {
    std::vector<const PodObject*> pods;
    std::size_t left_out = 0;
    std::set<const PodObject*> unbound;  // told without the CPUs they are bound to
  };

  static Choice choice_of(const NodeRow& row);
  void mark(Nodes::iterator node);
  void lose(Nodes::iterator node);
  void bind(PodRow& row);
  void unbind(const PodRow& row);
  Pods::iterator drop(Pods::iterator pod);

  MirrorLimits limits_;
  Nodes nodes_;
  Pods pods_;
  std::size_t node_bytes_ = 0;
  std::size_t pod_bytes_ = 0;
  std::uint64_t left_out_ = 0;
  std::set<model::NodeName> changed_;
  std::size_t known_nodes_ = 0;
  std::uint64_t node_listing_ = 0;
  std::uint64_t pod_listing_ = 0;
  bool nodes_listed_ = false;
  bool pods_listed_ = false;
};

/// The most bytes that the pod takes in a report.
std::size_t wire_bytes(const model::Pod& pod);

}  // namespace tideline::k8s
