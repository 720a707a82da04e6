#pragma once
// Sequence numbers of a node as its reports tell of them.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <map>
#include <optional>

#include "storage/store/node_index.h"

namespace tideline::rocks {

/// The highest of an incarnation's numbers, and the newest time it was seen at.
struct SeenNumber {
  std::uint64_t highest = 0;
  std::int64_t newest_ms = 0;
};
using SeenNumbers = std::map<std::uint64_t, SeenNumber>;  // by incarnation

void see(SeenNumbers& seen, model::Incarnation incarnation, std::uint64_t number, model::WallTime at);

/// For one node.
class SalvageNumbers {
 public:
  /// `known`: what is remembered; nullopt: that is lost, and `seen` is what else tells of its numbers.
  SalvageNumbers(std::optional<store::NodeIndex> known, SeenNumbers seen);

  void add(const store::StoredReport& stored);
  /// What is to be remembered; nullopt: what was is enough. Where it was lost no number up to the highest that was seen
  /// is taken again: which of them were stored nobody knows.
  std::optional<store::NodeIndex> changed() const;

 private:
  store::NodeIndex made_anew() const;

  std::optional<store::NodeIndex> known_;
  SeenNumbers seen_;
  model::Duration longest_window_{0};
  model::WallTime last_received_;
  bool lacked_some_ = false;
};

}  // namespace tideline::rocks
