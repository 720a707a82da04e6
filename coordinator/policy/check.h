#pragma once
// What a policy would change on the nodes that are known, before it is in force anywhere. A plain function.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "coordinator/policy/policy.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::policy {

struct CheckLimits {
  static constexpr std::size_t kMaxNames = 20;          // of one list of nodes; the rest is counted
  static constexpr std::size_t kMaxOthers = 8;          // of one overlap's entries; the rest is counted
  static constexpr std::size_t kMaxRows = 256;          // of each list of a report
  static constexpr std::size_t kMaxKept = 2048;         // different rows that are counted; later ones are left out
  static constexpr std::size_t kMaxTerms = 20'000'000;  // of selectors, over all kinds of nodes
};

struct CheckNode {
  model::NodeName name;
  const model::NodeStatus* status = nullptr;  // of its newest live report; null: its labels are not known
};

/// Nodes that something is said of.
struct NodeList {
  std::uint64_t count = 0;
  std::vector<model::NodeName> names;  // the first CheckLimits::kMaxNames, in the order they came
  void add(const model::NodeName& name);
  friend bool operator==(const NodeList&, const NodeList&) = default;
};

/// Values as text_of(Scalar) has them.
struct SettingChange {
  std::string document;  // data key
  std::string key;       // its path within a strategy, "beClass.cpuQOS.groupIdentity"
  std::string before;
  std::string after;
  std::string by;  // source_of() under the new policy
  friend auto operator<=>(const SettingChange&, const SettingChange&) = default;
};

/// Nodes whose effective policy changes in the same way.
struct ChangeGroup {
  std::vector<SettingChange> changes;
  NodeList nodes;
  friend bool operator==(const ChangeGroup&, const ChangeGroup&) = default;
};

/// Nodes that several entries of one document match, of which the first applies.
struct Overlap {
  std::string document;
  std::string taken;                // entry_text()
  std::vector<std::string> others;  // the first CheckLimits::kMaxOthers
  std::uint64_t other_count = 0;
  NodeList nodes;
  friend bool operator==(const Overlap&, const Overlap&) = default;
};

/// An entry that applies to no node. Values travel: never renumber.
struct UnusedEntry {
  enum class Why : std::uint8_t {
    kNoSelector = 0,  // it has none, and so matches no node
    kNoMatch = 1,     // its selector matches no node whose labels are known
    kBehind = 2,      // wherever it matches, an entry before it does, too
  };
  std::string document;
  std::string entry;  // entry_text()
  Why why = Why::kNoMatch;
  friend bool operator==(const UnusedEntry&, const UnusedEntry&) = default;
};

struct LabelProblem {
  std::string text;  // of a label or an annotation
  NodeList nodes;
  friend bool operator==(const LabelProblem&, const LabelProblem&) = default;
};

/// A feature that the new policy asks for and these nodes cannot do.
struct NodeLack {
  std::string feature;
  std::string why;
  bool already = false;  // they lack it under the policy in force, too
  NodeList nodes;
  friend bool operator==(const NodeLack&, const NodeLack&) = default;
};

struct CheckReport {
  bool same = false;                 // the documents are those in force, to the byte
  std::vector<std::string> dropped;  // documents in force that are not among the new ones: their keys go to defaults
  std::vector<Notice> notices;       // of the new policy
  std::vector<SettingChange> fleet;  // keys of the whole fleet
  std::uint64_t nodes = 0;           // whose labels are known
  std::uint64_t unchanged = 0;       // of them
  std::vector<ChangeGroup> groups;   // most nodes first
  NodeList unknown;                  // labels not known: what they would get is not
  std::vector<Overlap> overlaps;
  std::vector<UnusedEntry> unused;  // empty where not all nodes were looked at
  std::vector<LabelProblem> label_problems;
  std::vector<NodeLack> lacks;
  bool cut = false;  // a list had more than CheckLimits::kMaxRows; the numbers above are of all nodes
  friend bool operator==(const CheckReport&, const CheckReport&) = default;
};

/// `nodes` by name; `all` says that these are all there are. `now` in force, null = none: the defaults. kOverloaded,
/// naming both factors, where kinds of nodes times terms of selectors are more than CheckLimits::kMaxTerms.
model::Result<CheckReport> check(const ClusterPolicy* now, const ClusterPolicy& then, std::span<const CheckNode> nodes,
                                 bool all);

}  // namespace tideline::policy
