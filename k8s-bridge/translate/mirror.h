#pragma once
// Nodes and pods as the API server told last, and which nodes' sets are others than before. A plain value.

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/node_objects.h"

namespace tideline::k8s {

class Mirror {
 public:
  // A list begins; an object was listed or came by a watch; the list is whole: objects that did not come since
  // begin_*() are gone.
  void begin_nodes();
  void take(NodeObject node);
  void node_gone(const std::string& name);
  void end_nodes();
  void begin_pods();
  void take(PodObject pod);
  void pod_gone(const std::string& uid);
  void end_pods();

  /// Both were listed at least once: before that no set is told to anyone.
  bool complete() const;

  const NodeObject* node(const model::NodeName& name) const;
  std::size_t nodes() const;
  std::size_t pods() const;
  /// nullptr: not known. By uid.
  const PodObject* pod(const model::PodUid& uid) const;

  /// Names whose objects() differ from when they were last given here, of nodes that are known; none before complete().
  std::vector<model::NodeName> changed();
  /// Of a node that is known. number and epoch are 0: the caller stamps them. More pods than a report may hold are left
  /// out, those that ended first, then the newest; `problems` of it then says so.
  model::NodeObjects objects(const model::NodeName& name) const;

 private:
  struct NodeRow;
  struct PodRow;
  std::map<model::NodeName, std::unique_ptr<NodeRow>> nodes_;
  std::unordered_map<std::string, PodRow> pods_;
};

}  // namespace tideline::k8s
