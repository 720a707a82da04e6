#include "node-actor/kernel/fast_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/cpu_counter.h"
#include "node-actor/kernel/group_cpu_file.h"
#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

using model::Result;

struct FastReader::State {
  explicit State(const CgroupTree& tree)
      : node(tree), v1(tree.version() == CgroupVersion::kV1), directory(directory_of(tree)) {
    if (directory) best_effort = GroupCpuFile(*directory, group_cpu_file(tree.version()));
    const auto all = tree.directory(tree.kubepods(), group_cpu_file(tree.version()));
    if (all) pods = GroupCpuFile(*all, group_cpu_file(tree.version()));
    if (!v1) return;
    if (const auto stat = tree.path(tree.best_effort(), "cpu.stat")) periods = KeptFile(*stat);
  }
  static Result<std::string> directory_of(const CgroupTree& tree) {
    return tree.directory(tree.best_effort(), group_cpu_file(tree.version()));
  }
  struct Outside {
    std::string directory;
    GroupCpuFile cpu;
  };
  model::GroupCpu cpu_of(GroupCpuFile& group) {
    const auto text = group.read(buffer.data(), buffer.size());
    return {group.inode(), text ? parse_group_cpu(*text, v1) : std::nullopt};
  }

  NodeCpuCounter node;
  bool v1;
  Result<std::string> directory;
  GroupCpuFile best_effort;
  GroupCpuFile pods;
  KeptFile periods;  // v1 only: v2 has them in the same file
  std::vector<Outside> outside;
  std::array<char, 4096> buffer;
};

FastReader::FastReader(const CgroupTree& tree) : state_(std::make_unique<State>(tree)) {}
FastReader::~FastReader() = default;
FastReader::FastReader(FastReader&&) noexcept = default;
FastReader& FastReader::operator=(FastReader&&) noexcept = default;

Result<model::FastCounters> FastReader::read(bool with_pods) {
  State& state = *state_;
  if (!state.directory) return state.directory.error();
  model::FastCounters counters;
  const auto node = state.node.read();
  if (!node) return node.error();
  counters.node_cpu = *node;
  counters.at = monotonic_now();
  for (auto& group : state.outside)
    counters.be_outside.push_back(state.cpu_of(group.cpu));
  if (with_pods) counters.pods = state.cpu_of(state.pods);
  auto& buffer = state.buffer;
  const auto text = state.best_effort.read(buffer.data(), buffer.size());
  if (!text) {
    if (text.error().code() == model::ErrorCode::kNotFound) return counters;
    return text.error();
  }
  const auto used = parse_group_cpu(*text, state.v1);
  if (!used) return malformed(state.best_effort.path(), *text);
  counters.be_cpu = *used;
  counters.be_inode = state.best_effort.inode();
  if (!state.v1) {
    counters.be_periods = parse_keyed(*text, "nr_periods");
  } else if (const auto stat = state.periods.read(buffer.data(), buffer.size())) {
    counters.be_periods = parse_keyed(*stat, "nr_periods");
  }
  return counters;
}

void FastReader::watch_outside(const CgroupTree& tree, const std::vector<std::string>& groups) {
  auto before = std::exchange(state_->outside, {});
  const auto file = group_cpu_file(tree.version());
  for (const auto& group : groups) {
    const auto directory = tree.directory(group, file);
    if (!directory) continue;
    const auto known = std::find_if(before.begin(), before.end(),
                                    [&](const State::Outside& outside) { return outside.directory == *directory; });
    state_->outside.push_back(known != before.end() ? std::move(*known)
                                                    : State::Outside{*directory, GroupCpuFile(*directory, file)});
  }
}

}  // namespace tideline::kernel
