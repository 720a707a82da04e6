#include "coordinator/policy/check.h"

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/policy/diff.h"
#include "coordinator/policy/features.h"
#include "coordinator/policy/node_annotations.h"
#include "coordinator/policy/source.h"

namespace tideline::policy {
namespace {

using model::NodePolicy;
using Changes = std::vector<SettingChange>;

/// How much work it is to match one node against the policy, and by which labels.
struct SelectorUse {
  std::size_t terms = 0;
  std::set<std::string> labels;
};

void add_use(const ClusterPolicy& policy, SelectorUse& use) {
  for (const auto& [document, member] : kSections) {
    for (const NodeEntry& entry : (policy.*member).nodes) {
      ++use.terms;
      if (!entry.selector) continue;
      for (const auto& [label, value] : entry.selector->match_labels) {
        ++use.terms;
        use.labels.insert(label);
      }
      for (const Requirement& requirement : entry.selector->match_expressions) {
        use.terms += 1 + requirement.values.size();
        use.labels.insert(requirement.key);
      }
    }
  }
}

/// Entries of one section that match, as far as they are told.
struct Matches {
  std::size_t section = 0;  // of kSections
  std::vector<std::size_t> first;
  std::size_t count = 0;
  friend auto operator<=>(const Matches&, const Matches&) = default;
};

/// Nodes whose labels and annotations are the same as far as the two policies look at them.
struct Kind {
  NodePolicy now;
  NodePolicy then;
  /// Lists that each of its nodes belongs to.
  std::vector<NodeList*> lists;
};

class Checker {
 public:
  Checker(const ClusterPolicy& now, const ClusterPolicy& then)
      : now_(now), then_(then), asks_for_cpu_(now.normalization != Section{} || then.normalization != Section{}) {}

  model::Result<CheckReport> run(std::span<const CheckNode> nodes, bool all) {
    SelectorUse use;
    add_use(now_, use);
    add_use(then_, use);
    auto sorted = sort(nodes, use.labels);
    if (!kinds_.empty() && use.terms > CheckLimits::kMaxTerms / kinds_.size()) {
      return model::Error(
          model::ErrorCode::kOverloaded,
          fmt::format("{} kinds of nodes times {} terms of selectors are more than {}: ask for one node", kinds_.size(),
                      use.terms, CheckLimits::kMaxTerms));
    }
    for (auto& [facts, kind] : kinds_)
      judge(facts, kind);
    for (const auto& [node, kind] : sorted)
      count(*node, *kind);
    return report(all);
  }

 private:
  using Sorted = std::vector<std::pair<const CheckNode*, Kind*>>;

  Sorted sort(std::span<const CheckNode> nodes, const std::set<std::string>& by) {
    Sorted sorted;
    for (const CheckNode& node : nodes) {
      if (node.status == nullptr) {
        report_.unknown.add(node.name);
        continue;
      }
      NodeFacts facts;
      for (const auto& [label, value] : node.status->labels) {
        if (by.contains(label) || is_ratio_label(label)) facts.labels.emplace(label, value);
      }
      facts.annotations = strategy_of(node.status->annotations);
      if (asks_for_cpu_) facts.cpu = node.status->cpu;
      sorted.emplace_back(&node, &kinds_[std::move(facts)]);
    }
    report_.nodes = sorted.size();
    return sorted;
  }

  void judge(const NodeFacts& facts, Kind& kind) {
    std::vector<std::string> problems;
    kind.now = effective_on(now_, facts);
    kind.then = effective_on(then_, facts, &problems);
    Winners winners;
    for (std::size_t i = 0; i < kSections.size(); ++i) {
      auto matches = matches_of(i, facts.labels);
      if (matches.count == 0) continue;
      winners[i] = matches.first.front();
      winners_[i].insert(matches.first.front());
      if (matches.count > 1) kind.lists.push_back(list_of(overlaps_, std::move(matches)));
    }
    Changes changes = changes_of(diff(kind.now, kind.then), facts, winners);
    kind.lists.push_back(changes.empty() ? &unchanged_ : list_of(groups_, std::move(changes)));
    for (auto& problem : problems)
      kind.lists.push_back(list_of(label_problems_, std::move(problem)));
  }

  Matches matches_of(std::size_t section, const Labels& labels) {
    const auto& entries = (then_.*kSections[section].second).nodes;
    Matches matches{section, {}, 0};
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!entries[i].selector || !entries[i].selector->matches(labels)) continue;
      if (matches.count++ <= CheckLimits::kMaxOthers) matches.first.push_back(i);
      matched_[section].insert(i);
    }
    return matches;
  }

  /// Of more than CheckLimits::kMaxKept different rows the later ones go to a list that nobody reads.
  template <class Key>
  NodeList* list_of(std::map<Key, NodeList>& lists, Key key) {
    const auto found = lists.find(key);
    if (found != lists.end()) return &found->second;
    if (lists.size() < CheckLimits::kMaxKept) return &lists[std::move(key)];
    report_.cut = true;
    return &left_out_;
  }

  Changes changes_of(const std::vector<Difference>& differences, const NodeFacts& facts, const Winners& winners) const {
    Changes changes;
    changes.reserve(differences.size());
    for (const Difference& difference : differences) {
      const KeySpec& key = *difference.key;
      changes.push_back({std::string(key.document), std::string(key.path), text_of(difference.before),
                         text_of(difference.after), source_of(then_, facts, winners, key)});
    }
    return changes;
  }

  void count(const CheckNode& node, const Kind& kind) {
    for (NodeList* list : kind.lists)
      list->add(node.name);
    for (auto& problem : annotation_problems(node.status->annotations))
      list_of(label_problems_, std::move(problem))->add(node.name);
    const auto before = lacks(kind.now, *node.status);
    for (auto& lack : lacks_after(kind.now, kind.then, *node.status)) {
      // Also what the node says by itself, whose reason the policy in force does not explain.
      const auto& told = node.status->features;
      const bool already =
          std::any_of(before.begin(), before.end(), [&](const Lack& known) { return known.feature == lack.feature; }) ||
          std::any_of(told.begin(), told.end(), [&](const model::FeatureState& state) {
            return state.feature == lack.feature && state.state == model::FeatureState::State::kUnsupported;
          });
      list_of(lacks_, Lacking(std::move(lack.feature), std::move(lack.why), already))->add(node.name);
    }
  }

  CheckReport report(bool all) {
    CheckReport& report = report_;
    report.same = now_.documents == then_.documents;
    for (const Document& document : now_.documents) {
      if (std::none_of(then_.documents.begin(), then_.documents.end(),
                       [&](const Document& kept) { return kept.name == document.name; })) {
        report.dropped.push_back(document.name);
      }
    }
    report.notices = then_.notices;
    report.fleet = changes_of(diff(fleet_policy(now_), fleet_policy(then_)), {}, {});
    report.unchanged = unchanged_.count;
    for (auto& [changes, list] : groups_)
      report.groups.push_back({changes, std::move(list)});
    for (auto& [matches, list] : overlaps_)
      report.overlaps.push_back(overlap_of(matches, std::move(list)));
    if (all) report.unused = unused();
    for (auto& [text, list] : label_problems_)
      report.label_problems.push_back({text, std::move(list)});
    for (auto& [lack, list] : lacks_) {
      const auto& [feature, why, already] = lack;
      report.lacks.push_back({feature, why, already, std::move(list)});
    }
    bound_by_nodes(report.groups);
    bound_by_nodes(report.overlaps);
    bound_by_nodes(report.label_problems);
    bound_by_nodes(report.lacks);
    bound(report.notices);
    bound(report.unused);
    return std::move(report_);
  }

  Overlap overlap_of(const Matches& matches, NodeList nodes) const {
    const auto& [document, member] = kSections[matches.section];
    Overlap overlap{std::string(document), {}, {}, matches.count - 1, std::move(nodes)};
    for (const std::size_t entry : matches.first)
      overlap.others.push_back(entry_text(document, then_.*member, entry));
    overlap.taken = std::move(overlap.others.front());
    overlap.others.erase(overlap.others.begin());
    return overlap;
  }

  std::vector<UnusedEntry> unused() const {
    std::vector<UnusedEntry> entries;
    for (std::size_t s = 0; s < kSections.size(); ++s) {
      const auto& [document, member] = kSections[s];
      const Section& section = then_.*member;
      for (std::size_t i = 0; i < section.nodes.size(); ++i) {
        if (winners_[s].contains(i)) continue;
        const auto why = !section.nodes[i].selector ? UnusedEntry::Why::kNoSelector
                         : matched_[s].contains(i)  ? UnusedEntry::Why::kBehind
                                                    : UnusedEntry::Why::kNoMatch;
        entries.push_back({std::string(document), entry_text(document, section, i), why});
      }
    }
    return entries;
  }

  template <class Row>
  void bound(std::vector<Row>& rows) {
    if (rows.size() <= CheckLimits::kMaxRows) return;
    rows.resize(CheckLimits::kMaxRows);
    report_.cut = true;
  }
  template <class Row>
  void bound_by_nodes(std::vector<Row>& rows) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row& a, const Row& b) { return a.nodes.count > b.nodes.count; });
    bound(rows);
  }

  using Lacking = std::tuple<std::string, std::string, bool>;

  const ClusterPolicy& now_;
  const ClusterPolicy& then_;
  const bool asks_for_cpu_;  // else each model would be a kind of node
  CheckReport report_;
  std::map<NodeFacts, Kind> kinds_;
  NodeList unchanged_;
  NodeList left_out_;
  std::map<Changes, NodeList> groups_;
  std::map<std::string, NodeList> label_problems_;
  std::map<Matches, NodeList> overlaps_;
  std::map<Lacking, NodeList> lacks_;
  std::array<std::set<std::size_t>, kSections.size()> winners_;
  std::array<std::set<std::size_t>, kSections.size()> matched_;
};

}  // namespace

void NodeList::add(const model::NodeName& name) {
  ++count;
  if (names.size() < CheckLimits::kMaxNames) names.push_back(name);
}

model::Result<CheckReport> check(const ClusterPolicy* now, const ClusterPolicy& then, std::span<const CheckNode> nodes,
                                 bool all) {
  static const ClusterPolicy kNone{};
  return Checker(now == nullptr ? kNone : *now, then).run(nodes, all);
}

}  // namespace tideline::policy
