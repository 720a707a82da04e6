#pragma once
// The counters of host applications: cgroups outside of any pod, which the policy names.

#include <cstddef>
#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/host_application.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/group_files.h"

namespace tideline::kernel {

/// The application's group on this host, relative to the hierarchies.
std::string group_of(const CgroupTree& tree, const model::HostApplication& application);

class ApplicationReader {
 public:
  /// `memory_every`: as PodReaderOptions has it. The tree must outlive the reader.
  ApplicationReader(const CgroupTree& tree, std::size_t memory_every) : tree_(tree), memory_every_(memory_every) {}

  /// What is read from now on; of an application that stays as it is the files stay open. One whose group lies at,
  /// above or in a pod, at or above a QoS class's group, or at or above another application's, whether that one is
  /// there or not, is listed as such and not read: no use is counted twice. Two that are one group are both not read.
  void set(const std::vector<model::HostApplication>& applications, const std::vector<model::Pod>& pods);
  bool empty() const { return entries_.empty(); }

  /// CPU time and memory, in the order given; files stay open. A group that is not there has empty counters,
  /// which is no error; what cannot be read is `failed`, and its error is added to `errors`.
  std::vector<model::ApplicationCounters> read(model::MonoTime now, std::vector<model::Error>& errors);

 private:
  struct Entry {
    model::HostApplication application;
    model::ApplicationCounters counters;  // but for what is read
    GroupFiles files;
  };

  const CgroupTree& tree_;
  std::size_t memory_every_;
  std::size_t reads_ = 0;
  std::vector<Entry> entries_;
  ReadBuffer buffer_;
};

}  // namespace tideline::kernel
