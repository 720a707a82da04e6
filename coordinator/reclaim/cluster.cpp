#include "coordinator/reclaim/cluster.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/reclaim/amounts.h"

namespace tideline::reclaim {
namespace {

using model::AccountAt;
using model::ClusterLimits;
using model::Shortfall;

template <class Unit>
void add_offer(model::ZoneOffer<Unit>& sum, Unit zone) {
  saturating_add(sum.in_zones, zone);
  sum.most_in_one = std::max(sum.most_in_one, zone);
}

void add_zones(std::optional<model::ClusterZones>& sum, const model::Reclaimed& account) {
  if (!sum) sum.emplace();
  ++sum->nodes;
  sum->zones += static_cast<std::uint32_t>(account.zones.size());
  saturating_add(sum->cpu.of_nodes, account.cpu.offered);
  saturating_add(sum->memory.of_nodes, account.memory.offered);
  for (const auto& zone : account.zones) {
    add_offer(sum->cpu, zone.cpu.offered);
    add_offer(sum->memory, zone.memory.offered);
  }
}

template <class Unit>
double deficit_share(const model::ReclaimTerms<Unit>& terms) {
  const auto capacity = std::max<std::int64_t>(terms.capacity.value(), 1);
  return static_cast<double>(terms.deficit.value()) / static_cast<double>(capacity);
}

double deficit_share(const model::Reclaimed& account) {
  return std::max(deficit_share(account.cpu), deficit_share(account.memory));
}

/// The nearest whole number; sums at their upper bound stay there.
std::int64_t whole(double value) {
  constexpr double kBeyond = 9.2e18;
  if (value >= kBeyond) return std::numeric_limits<std::int64_t>::max();
  if (value <= -kBeyond) return std::numeric_limits<std::int64_t>::min();
  return std::llround(value);
}

template <class Unit, class TermsOf>
void set_means(model::ReclaimTerms<Unit>& mean, const std::vector<AccountAt>& rows, TermsOf terms_of) {
  const auto average = [&](auto amount_of) {
    double sum = 0;
    std::size_t known = 0;
    for (const auto& row : rows) {
      const std::optional<Unit> amount = amount_of(terms_of(row.account));
      if (!amount) continue;
      sum += static_cast<double>(amount->value());
      ++known;
    }
    return known == 0 ? std::optional<Unit>() : Unit(whole(sum / static_cast<double>(known)));
  };
  for (const auto amount : kAmounts<Unit>)
    mean.*amount = average([&](const auto& terms) { return std::optional<Unit>(terms.*amount); }).value_or(Unit{0});
  mean.used = average([](const auto& terms) { return terms.used; });
  const auto shortfall = [&](Unit Shortfall<Unit>::*tier) {
    return average([tier](const auto& terms) {
      return terms.shortfall ? std::optional<Unit>((*terms.shortfall).*tier) : std::nullopt;
    });
  };
  const auto mid = shortfall(&Shortfall<Unit>::mid);
  const auto batch = shortfall(&Shortfall<Unit>::batch);
  mean.shortfall.reset();
  if (mid && batch) mean.shortfall = Shortfall<Unit>{*mid, *batch};
}

AccountAt mean_of(const std::vector<AccountAt>& rows) {
  AccountSum sum;
  std::int64_t offset_ms = 0;
  for (const auto& row : rows) {
    sum.add(row.account);
    offset_ms += row.at.ms - rows.front().at.ms;
  }
  // Rules, age and policy version are the sum's; its amounts give way to the means.
  AccountAt mean{{rows.front().at.ms + offset_ms / static_cast<std::int64_t>(rows.size())}, sum.total()};
  set_means(
      mean.account.cpu, rows, [](const model::Reclaimed& of) -> const auto& { return of.cpu; });
  set_means(
      mean.account.memory, rows, [](const model::Reclaimed& of) -> const auto& { return of.memory; });
  return mean;
}

}  // namespace

ClusterReporter::ClusterReporter(std::vector<std::string> labels, std::size_t most_groups)
    : labels_(std::move(labels)), most_groups_(most_groups) {
  parts_.resize(labels_.size());
}

void ClusterReporter::add_to(Part& part, const model::Reclaimed& account) {
  ++part.nodes;
  part.sum.add(account);
}

void ClusterReporter::add(const model::Reclaimed& account, const std::vector<std::string>& values) {
  add_to(total_, account);
  if (!account.zones.empty()) add_zones(zones_, account);
  for (std::size_t i = 0; i < labels_.size(); ++i)
    add_to(parts_[i][values[i]], account);
  if (account.cpu.deficit > model::MilliCpu(0) || account.memory.deficit > model::Bytes(0)) {
    in_deficit_.push_back(account);
  }
}

model::ClusterGroup ClusterReporter::group_of(std::string value, const Part& part) {
  const auto& account = part.sum.total();
  return {std::move(value), part.nodes, account, account.cpu.shortfall.value_or(Shortfall<model::MilliCpu>{}),
          account.memory.shortfall.value_or(Shortfall<model::Bytes>{})};
}

model::ClusterReport ClusterReporter::take() {
  model::ClusterReport report;
  report.total = group_of("", total_);
  report.zones = zones_;
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    model::ClusterGrouping grouping;
    grouping.label = labels_[i];
    auto& groups = grouping.groups;
    for (const auto& [value, part] : parts_[i])
      groups.push_back(group_of(value, part));
    if (groups.size() > most_groups_) {
      std::stable_sort(groups.begin(), groups.end(),
                       [](const auto& a, const auto& b) { return a.account.cpu.capacity > b.account.cpu.capacity; });
      grouping.left_out = static_cast<std::uint32_t>(groups.size() - most_groups_);
      groups.resize(most_groups_);
      std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    }
    report.groupings.push_back(std::move(grouping));
  }
  std::stable_sort(in_deficit_.begin(), in_deficit_.end(),
                   [](const auto& a, const auto& b) { return deficit_share(a) > deficit_share(b); });
  report.deficit_nodes = static_cast<std::uint32_t>(in_deficit_.size());
  for (const auto& account : in_deficit_) {
    if (report.deficits.size() == ClusterLimits::kMaxDeficits) break;
    report.deficits.push_back({account.node, account.cpu.deficit, account.memory.deficit});
  }
  return report;
}

Trend::Trend(model::WallTime from, model::WallTime to, std::size_t points)
    : from_ms_(std::max<std::int64_t>(from.ms, 0)), to_ms_(to.ms) {
  const auto most = std::max<std::int64_t>(static_cast<std::int64_t>(points), 1);
  const std::int64_t span = std::max<std::int64_t>(to_ms_ - from_ms_, 1);
  stretch_ms_ = span / most + (span % most != 0 ? 1 : 0);
}

void Trend::add(const AccountAt& row) {
  if (row.at.ms < from_ms_ || row.at.ms >= to_ms_) return;
  const std::int64_t stretch = (row.at.ms - from_ms_) / stretch_ms_;
  if (stretch != stretch_) close();
  stretch_ = stretch;
  rows_.push_back(row);
}

void Trend::close() {
  if (!rows_.empty()) points_.push_back(mean_of(rows_));
  rows_.clear();
}

std::vector<AccountAt> Trend::take() {
  close();
  return std::move(points_);
}

}  // namespace tideline::reclaim
