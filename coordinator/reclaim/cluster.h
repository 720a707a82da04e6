#pragma once
// The cluster's account, its parts by node label, and who is in deficit; and its course in so many points.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/reclaim/account_sum.h"
#include "messages/model/cluster.h"

namespace tideline::reclaim {

/// Takes the cluster's nodes one by one.
class ClusterReporter {
 public:
  /// Label keys to group by, a few, and how many groups of each are given at most: those of the most CPU capacity.
  explicit ClusterReporter(std::vector<std::string> labels, std::size_t most_groups = model::ClusterLimits::kMaxGroups);
  /// `values`: the node's, of the labels in their order; "" = it has none.
  void add(const model::Reclaimed& account, const std::vector<std::string>& values);
  /// All but `at`, `gone` and `trend`.
  model::ClusterReport take();

 private:
  struct Part {
    std::uint32_t nodes = 0;
    AccountSum sum;
  };
  static void add_to(Part& part, const model::Reclaimed& account);
  static model::ClusterGroup group_of(std::string value, const Part& part);

  std::vector<std::string> labels_;
  std::size_t most_groups_;
  Part total_;
  std::vector<std::map<std::string, Part>> parts_;  // by label, by value
  std::vector<model::Reclaimed> in_deficit_;
  std::optional<model::ClusterZones> zones_;
};

/// A course of accounts over [from, to), in at most `points` equal stretches: of each the mean of every amount, and a
/// deficit as its rule if it has one. Stretches without an account give no point.
class Trend {
 public:
  Trend(model::WallTime from, model::WallTime to, std::size_t points);
  /// Oldest first; what lies outside of the range is ignored.
  void add(const model::AccountAt& row);
  std::vector<model::AccountAt> take();

 private:
  void close();

  std::int64_t from_ms_;
  std::int64_t to_ms_;
  std::int64_t stretch_ms_;
  std::int64_t stretch_ = -1;  // of the rows below
  std::vector<model::AccountAt> rows_;
  std::vector<model::AccountAt> points_;
};

}  // namespace tideline::reclaim
