#include "coordinator/actor/tier_history.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace tideline::coordinator {
namespace {

using model::Result;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLatestMs = admin::AdminLimits::kMaxSeriesTime * 1000;

const std::vector<series::Subject>& the_node() {
  static const std::vector<series::Subject> kNodeItself{series::Subject{}};
  return kNodeItself;
}

/// The next multiple of `unit_s` from there on, in ms.
std::int64_t up_to_ms(std::int64_t ms, std::int64_t unit_s) {
  const std::int64_t unit = unit_s * 1000;
  const std::int64_t floor = series::floor_to(ms, unit);
  return floor == ms ? ms : floor + unit;
}

/// Which part of a range a tier answers for.
struct TierPart {
  series::Tier tier{};
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

/// Adds points up to each series' bound.
class MetricRows {
 public:
  explicit MetricRows(const admin::HistoryQuery& query) : most_(query.max_points) {
    for (const model::Metric metric : query.metrics) {
      admin::Series one;
      one.metric = metric;
      all_.push_back(std::move(one));
    }
  }

  void add(const series::Table& table) {
    for (auto& one : all_) {
      const series::Field field = series::field_of(one.metric);
      const auto column = std::find_if(table.fields.begin(), table.fields.end(),
                                       [field](const series::FieldColumn& of) { return of.field == field; });
      if (column == table.fields.end()) continue;
      const auto scale = static_cast<double>(series::scale_of(field));
      for (std::size_t row = 0; row < table.times.size(); ++row) {
        const series::Summary& cell = column->cells[row];
        if (cell.count == 0) continue;
        const double mean = static_cast<double>(cell.sum) / static_cast<double>(cell.count) / scale;
        add(one, {{table.times[row] * 1000}, mean});
      }
    }
  }

  /// Nothing that is younger can change the answer.
  bool full() const {
    return std::all_of(all_.begin(), all_.end(), [](const admin::Series& one) { return one.truncated; });
  }

  Result<void> add_reports(const store::HistoryStore& store, const model::NodeName& node, std::int64_t from_ms,
                           std::int64_t to_ms) {
    for (auto& one : all_) {
      if (one.truncated) continue;
      // One more than there is room for says whether there are more.
      const auto page = store.series(node, one.metric, {from_ms}, {to_ms}, most_ - one.points.size() + 1);
      if (!page) return page.error();
      for (const auto& point : page->rows)
        add(one, {point.at, point.value});
      one.truncated = one.truncated || page->truncated;
    }
    return {};
  }

  std::vector<admin::Series> take() && { return std::move(all_); }

 private:
  void add(admin::Series& one, const admin::Point& point) const {
    if (one.truncated) return;
    if (one.points.size() < most_) {
      one.points.push_back(point);
      return;
    }
    one.truncated = true;
    // Who asks on begins a millisecond behind the last point.
    const auto same = std::find_if(one.points.begin(), one.points.end(),
                                   [&point](const admin::Point& of) { return of.at == point.at; });
    if (same != one.points.begin()) one.points.erase(same, one.points.end());
  }

  std::size_t most_;
  std::vector<admin::Series> all_;
};

/// When the tier's first row of the node in the range begins; nullopt: it has none.
Result<std::optional<std::int64_t>> first_row_ms(const series::SeriesStore& tables, const model::NodeName& node,
                                                 const TierPart& part) {
  std::optional<std::int64_t> first;
  const auto read =
      tables.read({node, part.tier, {part.from_ms}, {part.to_ms}}, &the_node(), [&first](series::Table&& table) {
        if (!table.empty()) first = table.times.front() * 1000;
        return !first;
      });
  if (!read) return read.error();
  return first;
}

/// Coarsest first, so that rows come oldest first.
Result<std::vector<TierPart>> parts_of(const series::SeriesStore& tables, const model::NodeName& node,
                                       const HistoryRetention& kept, std::int64_t from_ms, std::int64_t to_ms,
                                       model::WallTime now) {
  std::vector<TierPart> parts;
  for (std::size_t i = 0; i < series::kTiers.size() && from_ms < to_ms; ++i) {
    const series::Tier tier = series::kTiers[i];
    // A step that goes on behind the end is of what is told more finely there.
    TierPart part{tier, from_ms, series::floor_to(to_ms, series::step_s(tier) * 1000)};
    if (i + 1 == series::kTiers.size()) {
      if (part.from_ms < part.to_ms) parts.push_back(part);
      break;
    }
    const std::int64_t coarser = series::step_s(series::kTiers[i + 1]);
    // What is older is dropped block by block, and soon.
    part.from_ms = std::max(from_ms, up_to_ms(instant_before(now, kept.tiers[i]).ms, coarser));
    if (part.from_ms >= part.to_ms) continue;
    const auto first = first_row_ms(tables, node, part);
    if (!first) return first.error();
    if (!*first) continue;
    // Less than one step of the coarser tier missing at the begin is no reason to ask it.
    if (**first - from_ms >= coarser * 1000) part.from_ms = std::max(part.from_ms, up_to_ms(**first, coarser));
    if (part.from_ms >= part.to_ms) continue;
    parts.push_back(part);
    to_ms = part.from_ms;
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

/// Where reports take over from tables.
struct Reach {
  std::int64_t reports_from_ms = 0;
  std::int64_t tables_to_ms = 0;
};

Result<Reach> reach_of(const store::HistoryStore& store, const model::NodeName& node, const HistoryRetention& kept,
                       model::WallTime now) {
  constexpr std::int64_t kStep = series::step_s(series::Tier::kTenSeconds);
  const auto oldest = store.reports(node, {0}, {kNever}, 1);
  if (!oldest) return oldest.error();
  if (oldest->rows.empty()) return Reach{kNever, kNever};
  const auto& report = oldest->rows.front();
  const std::int64_t first = report.at.ms - model::to_ms(report.report.window);
  const std::int64_t dropped = up_to_ms(instant_before(now, kept.reports).ms, kStep);
  // What is older may be here and there still, as it came late, and is dropped soon.
  if (first <= dropped) return Reach{dropped, dropped};
  return Reach{first, series::floor_to(first, kStep * 1000)};
}

}  // namespace

Result<std::vector<admin::Series>> read_metrics(const store::HistoryStore& store, const series::SeriesStore* tables,
                                                const HistoryRetention& kept, const admin::HistoryQuery& query,
                                                model::WallTime now) {
  MetricRows rows(query);
  std::int64_t reports_from = query.from.ms;
  if (tables != nullptr) {
    const auto reach = reach_of(store, query.node, kept, now);
    if (!reach) return reach.error();
    reports_from = std::max(reports_from, reach->reports_from_ms);
    const std::int64_t from = std::clamp<std::int64_t>(query.from.ms, 0, kLatestMs);
    const std::int64_t to = std::min({query.to.ms, reach->tables_to_ms, kLatestMs});
    const auto parts = parts_of(*tables, query.node, kept, from, to, now);
    if (!parts) return parts.error();
    for (const TierPart& part : *parts) {
      if (rows.full()) break;
      const auto read = tables->read({query.node, part.tier, {part.from_ms}, {part.to_ms}}, &the_node(),
                                     [&rows](series::Table&& table) {
                                       rows.add(table);
                                       return !rows.full();
                                     });
      if (!read) return read.error();
    }
  }
  if (reports_from < query.to.ms) {
    if (const auto read = rows.add_reports(store, query.node, reports_from, query.to.ms); !read) return read.error();
  }
  return std::move(rows).take();
}

}  // namespace tideline::coordinator
