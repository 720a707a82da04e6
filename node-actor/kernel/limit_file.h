#pragma once

#include <string>
#include <string_view>

#include "messages/model/knob.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/knob.h"

namespace tideline::kernel {

/// A group's quota or burst, read again and again from files that stay open; two of them, for its period may be one of
/// its own. From a file of a group that was removed the kernel reads no more (ENODEV), so that a group made again under
/// the name is always read anew.
class LimitFile {
 public:
  /// `knob`: kCpuQuota or kCpuBurst. The tree must outlive it. Opens nothing yet.
  LimitFile(const CgroupTree& tree, std::string group, model::Knob knob);

  /// What read_knob() gives, errors and all.
  model::Result<KnobReading> read();

 private:
  model::Result<std::string> text_of(KeptFile& file);

  const CgroupTree* tree_;
  std::string group_;
  model::Knob knob_;
  model::Result<std::string> directory_;
  KeptFile limit_;
  KeptFile period_;  // not used where `limit_` says the period, too
};

}  // namespace tideline::kernel
