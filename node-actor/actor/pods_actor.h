#pragma once
// Watches the pods file. A file that is gone or bad leaves the last good pods in force and is named in the log, and so
// is each label and annotation that cannot be used.

#include <optional>
#include <string>
#include <vector>

#include "node-actor/actor/messages.h"
#include "node-actor/actor/pods_file.h"

namespace tideline::node {

class PodsActor : public caf::event_based_actor {
 public:
  PodsActor(caf::actor_config& config, std::string path, caf::actor tick);
  caf::behavior make_behavior() override;

 private:
  struct Stamp {
    std::int64_t ctime_ns = 0;  // moves with the content and with the mode: a file made readable is read again
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  void look();
  void trouble(const std::string& what);
  void tell(const PodsFile& file);

  std::string path_;
  caf::actor tick_;
  std::optional<Stamp> seen_;
  std::string last_trouble_;
  std::vector<PodProblem> told_problems_;
};

/// Reads and parses the pods file; the error names it. Files over 4 MiB are refused.
model::Result<PodsFile> read_pods_file(const std::string& path);

}  // namespace tideline::node
