#pragma once
// The memory side at work by real programs on the real kernel, in a kubepods group of so much memory that there is
// none for all.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "test/e2e/mechanism.h"

namespace tideline::test {

class MemoryMechanism : public Mechanism {
 protected:
  static constexpr int kTreeMib = 512;
  void SetUp() override;

  /// The pods file: a service that asks for 64 MiB and may have 512, and a batch pod with this much batch-memory as its
  /// limit, 0: none.
  static std::string memory_pods(int batch_mib = 0);
  /// Eviction and relief at this percent of memory used; relief begins `margin` below it.
  void set_thresholds(int percent, int lower, int margin, bool emergency_kill = false) const;
  void set_memory_qos(bool enable) const;

  /// A memory_load in this group; it ends with the test.
  Process load(const char* group, std::vector<std::string> arguments);
  static bool says(const Process& load, const std::string& word);

  bool has_bytes(const std::string& group, const std::string& v1_file, const std::string& v2_file,
                 std::int64_t bytes) const {
    return tree_->read(group, v1_file, v2_file) == std::to_string(bytes);
  }
  std::string be_limit() const { return tree_->read(kBeRoot, "memory.limit_in_bytes", "memory.high"); }
  bool is_tightened() const { return be_limit() != original("memory.limit_in_bytes", "memory.high"); }
  std::string original(const char* v1_file, const char* v2_file) const {
    return originals_.at(std::string(kBeRoot) + "/" + (tree_->v1() ? v1_file : v2_file));
  }
  bool is_empty(const char* group) const { return tree_->read(group, "cgroup.procs", "cgroup.procs").empty(); }
  /// All events of this node, as one text.
  std::string events() const;
  bool events_have_one_of(const std::vector<std::string>& reasons) const;
  bool is_explained(const std::string& reason) const;
  std::string explained() const { return cluster_->tidectl({"explain", "node", "n1"}).output; }
  /// The newest value of a metric; nullopt: there is none.
  std::optional<double> newest(const std::string& metric) const;

 private:
  int loads_ = 0;
};

}  // namespace tideline::test
