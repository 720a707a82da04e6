#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {

/// One mechanism at work by real programs on the real kernel: a coordinator and a node, an LS pod with a limit of half
/// a CPU, and a BE pod.
class Mechanism : public testing::Test {
 protected:
  void SetUp() override;

  /// The pods file. `ls` and `be`: more fields of the pod, each begun by a comma; `batch`: the BE container's batch-cpu
  /// as request and limit, 0: none.
  static std::string pods_json(const std::string& ls = "", int batch = 0);
  /// Starts coordinator and node, and waits until the node has its policy.
  void start(const std::string& pods);
  /// Replaces the pods file, as an operator would.
  void change_pods(const std::string& pods) const;
  /// Stops the node, after which all files are as they were.
  void stop();

  bool reads(const char* group, const std::string& v1_file, const std::string& v2_file, const std::string& value) const;
  /// The group's quota: -1 for none.
  long quota_us(const char* group) const;
  std::string cpus(const char* group) const { return tree_->read(group, "cpuset.cpus", "cpuset.cpus"); }
  std::string original_cpus(const std::string& group) const { return originals_.at(group + "/cpuset.cpus"); }
  /// Files of the tree that are not as they were before the node began.
  std::string changed() const { return difference(originals_, tree_->files()); }
  bool events_say(const std::string& text, const std::string& or_text = "") const;
  std::string why() const { return node_ ? node_->output() : ""; }

  static constexpr const char* kBeRoot = "kubepods/besteffort";
  std::unique_ptr<PodTree> tree_;
  Snapshot originals_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Process> node_;
};

}  // namespace tideline::test
