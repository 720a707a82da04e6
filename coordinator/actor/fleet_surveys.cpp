#include "coordinator/actor/fleet_surveys.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "coordinator/actor/cluster_parts.h"
#include "coordinator/reclaim/account_sum.h"
#include "messages/clock/clock.h"

namespace tideline::coordinator {
namespace {

using model::NodeName;
using Views = std::vector<fleet::NodeView>;

/// Where the next slice begins behind these.
std::optional<NodeName> last_of(const std::vector<NodeName>& names, std::size_t most) {
  return names.size() < most ? std::nullopt : std::optional(names.back());
}

SurveyDesk::Survey survey_views(const fleet::FleetView& fleet, std::function<void(Views)> give) {
  auto views = std::make_shared<Views>();
  return {[&fleet, views](const NodeName& after, std::size_t most) -> std::optional<NodeName> {
            auto slice = fleet.nodes(clock::mono_now(), after, most);
            if (slice.empty()) return std::nullopt;
            const auto last = slice.size() < most ? std::nullopt : std::optional(slice.back().name);
            views->insert(views->end(), std::make_move_iterator(slice.begin()), std::make_move_iterator(slice.end()));
            return last;
          },
          [views, give = std::move(give)] { give(std::move(*views)); }};
}

model::Error too_many_pods(const fleet::FleetView& fleet, std::size_t rows) {
  return {model::ErrorCode::kOverloaded,
          fmt::format("{} pods on {} nodes are more than the {} of one answer: narrow to --node", rows, fleet.size(),
                      admin::AdminLimits::kMaxPods)};
}

/// Of a slice of the ledger's rows, `take` each account.
template <class Take>
std::optional<NodeName> each_account(const LedgerBook& ledger, const NodeName& after, std::size_t most, Take&& take) {
  const auto now = clock::mono_now();
  auto slice = ledger.accounts(now, after, most);
  if (slice.empty()) return std::nullopt;
  const auto last = slice.size() < most ? std::nullopt : std::optional(slice.back().node);
  for (auto& account : slice)
    take(std::move(account), now);
  return last;
}

}  // namespace

SurveyDesk::Survey survey_nodes(const fleet::FleetView& fleet, admin::Reply<Views> reply) {
  return survey_views(fleet, [reply = std::move(reply)](Views views) { reply(std::move(views)); });
}

SurveyDesk::Survey survey_policy(const fleet::FleetView& fleet, admin::PolicyState state,
                                 admin::Reply<admin::PolicyStatus> reply) {
  return survey_views(fleet, [state = std::move(state), reply = std::move(reply)](Views views) {
    reply(admin::PolicyStatus{state, std::move(views)});
  });
}

SurveyDesk::Survey survey_pods(const fleet::FleetView& fleet, admin::Reply<std::vector<fleet::PodView>> reply) {
  // Counting them takes no time, and reading 20,000 in vain does.
  const std::size_t now = fleet.pod_count();
  auto rows = std::make_shared<std::vector<fleet::PodView>>();
  const auto is_full = [now, rows] { return std::max(now, rows->size()) > admin::AdminLimits::kMaxPods; };
  return {[&fleet, rows, is_full](const NodeName& after, std::size_t most) -> std::optional<NodeName> {
            const auto names = fleet.names(after, most);
            for (const auto& name : names) {
              if (is_full()) return std::nullopt;
              auto pods = fleet.pods(name);
              rows->insert(rows->end(), std::make_move_iterator(pods.begin()), std::make_move_iterator(pods.end()));
            }
            return last_of(names, most);
          },
          [&fleet, now, rows, is_full, reply = std::move(reply)] {
            if (is_full()) {
              reply(too_many_pods(fleet, std::max(now, rows->size())));
            } else {
              reply(std::move(*rows));
            }
          }};
}

SurveyDesk::Survey survey_accounts(const fleet::FleetView& fleet, const LedgerBook& ledger,
                                   admin::Reply<admin::ReclaimedReport> reply) {
  struct Rows {
    std::vector<model::Reclaimed> nodes;
    reclaim::AccountSum sum;
  };
  auto rows = std::make_shared<Rows>();
  return {[&fleet, &ledger, rows](const NodeName& after, std::size_t most) {
            return each_account(ledger, after, most, [&](model::Reclaimed account, model::MonoTime now) {
              if (fleet.liveness(account.node, now) != fleet::Liveness::kGone) rows->sum.add(account);
              rows->nodes.push_back(std::move(account));
            });
          },
          [rows, reply = std::move(reply)] {
            reply(admin::ReclaimedReport{rows->sum.total(), std::move(rows->nodes)});
          }};
}

SurveyDesk::Survey survey_cluster(const fleet::FleetView& fleet, const LedgerBook& ledger,
                                  const std::vector<std::string>& labels, admin::Reply<model::ClusterReport> reply) {
  auto parts = std::make_shared<ClusterParts>(labels, model::ClusterLimits::kMaxGroups);
  return {[&fleet, &ledger, parts](const NodeName& after, std::size_t most) {
            return each_account(ledger, after, most, [&](const model::Reclaimed& account, model::MonoTime now) {
              parts->add(account, fleet, now);
            });
          },
          [parts, reply = std::move(reply)] {
            auto report = parts->take();
            report.at = clock::wall_now();
            reply(std::move(report));
          }};
}

SurveyDesk::Survey survey_label(const fleet::FleetView& fleet, model::ClusterPart label,
                                admin::Reply<std::vector<NodeName>> reply) {
  auto found = std::make_shared<std::vector<NodeName>>();
  return {[&fleet, label = std::move(label), found](const NodeName& after, std::size_t most) {
            const auto names = fleet.names(after, most);
            for (const auto& name : names) {
              const auto status = fleet.status(name);
              if (status == nullptr) continue;
              const auto told = status->labels.find(label.label);
              const bool is_so = told == status->labels.end() ? label.value.empty() : told->second == label.value;
              if (is_so) found->push_back(name);
            }
            return last_of(names, most);
          },
          [found, reply = std::move(reply)] { reply(std::move(*found)); }};
}

}  // namespace tideline::coordinator
