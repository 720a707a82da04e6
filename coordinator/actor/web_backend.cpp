#include "coordinator/actor/web_backend.h"

#include "coordinator/actor/process_numbers.h"
#include "coordinator/web/exposition.h"
#include "messages/clock/clock.h"

namespace tideline::coordinator {
namespace {

using Type = web::Exposition::Type;

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

template <class Count>
double number(const Count& count) {
  return static_cast<double>(count);
}

void add_fleet(web::Exposition& out, const FleetReport& report) {
  const auto& summary = report.summary;
  out.family("tideline_nodes", Type::kGauge, "Nodes by the age of their newest live report.");
  for (std::size_t i = 0; i < summary.nodes.size(); ++i) {
    out.sample(number(summary.nodes[i]), {{"liveness", fleet::name_of(static_cast<fleet::Liveness>(i))}});
  }
  out.one("tideline_nodes_connected", Type::kGauge, "Nodes with a session.", number(summary.connected));
  out.one("tideline_nodes_unprotected", Type::kGauge,
          "Live nodes whose kernel does not keep batch from delaying services.", number(summary.unprotected));
  out.family("tideline_nodes_relief", Type::kGauge, "Live nodes by the rung that their memory relief is on.");
  for (std::size_t i = 0; i < summary.relief.size(); ++i)
    out.sample(number(summary.relief[i]), {{"rung", model::name_of(static_cast<model::ReliefRung>(i))}});
  out.one("tideline_nodes_policy_behind", Type::kGauge,
          "Nodes, live or late, that apply another policy than is wanted of them.", number(summary.policy_behind));
  out.one("tideline_nodes_policy_refusing", Type::kGauge, "Nodes that say why they do not apply the wanted policy.",
          number(summary.policy_problems));
  out.one("tideline_pods", Type::kGauge, "Pods of nodes that are live or late.", number(summary.pods));
  out.one("tideline_reports_lost", Type::kGauge, "Reports that known nodes say their full spools dropped.",
          number(summary.gap_reports));
  out.one("tideline_policy_version", Type::kGauge, "Version of the policy in force; 0 before the first.",
          number(report.policy.value()));
}

template <class Unit>
void add_terms(web::Exposition& out, std::string_view name, std::string_view help,
               const model::ReclaimTerms<Unit>& terms, double per_unit) {
  out.family(name, Type::kGauge, help);
  const auto add = [&](std::string_view term, Unit value) {
    out.sample(number(value.value()) / per_unit, {{"term", term}});
  };
  add("capacity", terms.capacity);
  add("margin", terms.margin);
  add("system", terms.system);
  add("high_priority", terms.high_priority);
  add("offered", terms.offered);
  add("deficit", terms.deficit);
  add("committed", terms.committed);
  add("mid", terms.mid);
  add("mid_offered", terms.mid_offered);
  add("mid_charged", terms.mid_charged);
  add("mid_committed", terms.mid_committed);
  add("reservation", terms.reservation);
  add("origin", terms.origin);
  add("third_party", terms.third_party);
  add("published", terms.published);
  add("requested", terms.requested);
  if (terms.used) add("used", *terms.used);
}

/// millicores as cores
double cores(double milli) {
  return milli / 1000;
}

void add_predictions(web::Exposition& out, const profile::Summary& predicted) {
  using profile::Resource;
  out.family("tideline_prediction_pods", Type::kGauge, "Prod pods by whether enough of their use is known.");
  out.sample(number(predicted.warm_pods), {{"state", "warm"}});
  out.sample(number(predicted.cold_pods), {{"state", "cold"}});
  const auto each = [&](const auto& add) {
    for (const auto predictor : profile::kPredictors)
      add(profile::name_of(predictor), predicted.saved.at(predictor), predicted.scores.at(predictor));
  };
  out.family("tideline_prediction_saved_cores", Type::kGauge, "Requested by prod, and predicted not to be needed.");
  each([&](auto name, const auto& saved, const auto&) {
    out.sample(cores(saved.at(Resource::kCpu)), {{"predictor", name}});
  });
  out.family("tideline_prediction_saved_bytes", Type::kGauge, "Requested by prod, and predicted not to be needed.");
  each([&](auto name, const auto& saved, const auto&) {
    out.sample(saved.at(Resource::kMemory), {{"predictor", name}});
  });
  const auto count = [&](std::string_view family, std::string_view help, std::uint64_t profile::Score::*which) {
    out.family(family, Type::kCounter, help);
    each([&](auto name, const auto&, const auto& scores) {
      for (const auto resource : profile::kResources) {
        out.sample(number(scores.at(resource).*which), {{"predictor", name}, {"resource", profile::name_of(resource)}});
      }
    });
  };
  count("tideline_prediction_checks_total", "Minutes of nodes in which prod was predicted not to need something.",
        &profile::Score::checks);
  count("tideline_prediction_violations_total", "Of them, those in which prod needed some of it after all.",
        &profile::Score::violations);
  out.family("tideline_prediction_excess_cores_total", Type::kCounter, "Sum over violations of how much of it.");
  each([&](auto name, const auto&, const auto& scores) {
    out.sample(cores(scores.at(Resource::kCpu).excess), {{"predictor", name}});
  });
  out.family("tideline_prediction_excess_bytes_total", Type::kCounter, "Sum over violations of how much of it.");
  each([&](auto name, const auto&, const auto& scores) {
    out.sample(scores.at(Resource::kMemory).excess, {{"predictor", name}});
  });
}

void add_link(web::Exposition& out, const link::LinkCounts& link) {
  out.one("tideline_sessions", Type::kGauge, "Node sessions that are open.", number(link.sessions.load()));
  out.one("tideline_sessions_opened_total", Type::kCounter, "Node sessions that were opened.",
          number(link.opened.load()));
  out.one("tideline_peers_refused_total", Type::kCounter, "Connections of the node port that never became a session.",
          number(link.refused.load()));
  out.one("tideline_reports_received_total", Type::kCounter, "Reports that were read, bounded and validated.",
          number(link.reports.load()));
  out.one("tideline_calls_rejected_total", Type::kCounter, "Calls of nodes that were malformed or over a bound.",
          number(link.rejected.load()));
  out.one("tideline_link_lag_seconds", Type::kGauge, "How long the node link's loop took to come round.",
          seconds(link.lag_ns.load()));
  out.one("tideline_certificate_expiry_timestamp_seconds", Type::kGauge,
          "End of validity of the certificate in use for nodes.", number(link.certificate_until_ms.load()) / 1000);
}

void add_tiers(web::Exposition& out, const HistoryCounts& history) {
  out.one("tideline_history_folded_hours_total", Type::kCounter, "Hours of nodes whose reports became tables.",
          number(history.folded_hours.load()));
  out.one("tideline_history_folded_reports_total", Type::kCounter, "Reports that became part of tables.",
          number(history.folded_reports.load()));
  out.one("tideline_history_folded_late_total", Type::kCounter,
          "Of them, those that came when their hour was folded already.", number(history.folded_late.load()));
  out.one("tideline_history_fold_failures_total", Type::kCounter, "Attempts to fold that failed, and are made again.",
          number(history.fold_failures.load()));
  out.one("tideline_history_unreadable_reports_total", Type::kCounter,
          "Reports, or stretches of them, that are not what was written, and so part of no table.",
          number(history.unreadable_reports.load()));
  out.one("tideline_history_fold_seconds_total", Type::kCounter, "Time spent in folding.",
          seconds(history.fold_ns.load()));
  out.one("tideline_history_tables_dropped_total", Type::kCounter, "Tables that became too old.",
          number(history.tables_dropped.load()));
  out.one("tideline_history_retention_failures_total", Type::kCounter,
          "Attempts to drop what is too old that failed, and are made again.",
          number(history.retention_failures.load()));
  out.family("tideline_history_backups_total", Type::kCounter, "Backups that were asked for, by what became of them.");
  out.sample(number(history.backups.load()), {{"outcome", "made"}});
  out.sample(number(history.backups_failed.load()), {{"outcome", "failed"}});
}

void add_history(web::Exposition& out, const HistoryCounts& history, const store::StoreSize& store) {
  out.family("tideline_reports_total", Type::kCounter, "Reports by what became of them in the store.");
  out.sample(number(history.stored.load()), {{"outcome", "stored"}});
  out.sample(number(history.duplicates.load()), {{"outcome", "duplicate"}});
  out.sample(number(history.refused.load()), {{"outcome", "refused"}});
  out.one("tideline_commits_total", Type::kCounter, "Group commits of reports.", number(history.commits.load()));
  out.one("tideline_commits_failed_total", Type::kCounter, "Group commits that the store did not take.",
          number(history.failed.load()));
  out.one("tideline_commit_seconds_total", Type::kCounter, "Time spent in group commits.",
          seconds(history.commit_ns.load()));
  out.one("tideline_events_total", Type::kCounter, "Events of the coordinator's own that were stored.",
          number(history.events.load()));
  out.one("tideline_events_lost_total", Type::kCounter, "Events of the coordinator's own that the store did not take.",
          number(history.events_lost.load()));
  out.one("tideline_accounts_total", Type::kCounter, "Accounts of the ledger that were stored.",
          number(history.accounts.load()));
  out.one("tideline_accounts_lost_total", Type::kCounter, "Accounts of the ledger that the store did not take.",
          number(history.accounts_lost.load()));
  out.family("tideline_store_bytes", Type::kGauge, "Size of the history store.");
  out.sample(number(store.disk_bytes), {{"where", "disk"}});
  out.sample(number(store.memory_bytes), {{"where", "memory"}});
  add_tiers(out, history);
}

void add_node_metrics(web::Exposition& out, const BridgeNumbers::NodeMetrics& metrics) {
  out.one("tideline_kubernetes_node_metrics_nodes", Type::kGauge, "Nodes whose NodeMetric is written.",
          number(metrics.nodes));
  out.one("tideline_kubernetes_node_metrics_written_total", Type::kCounter, "Writes of a NodeMetric's status.",
          number(metrics.written));
  out.one("tideline_kubernetes_node_metrics_failed_total", Type::kCounter,
          "Requests about NodeMetrics that were not taken.", number(metrics.failed));
  out.one("tideline_kubernetes_node_metrics_stretch", Type::kGauge,
          "By how much their intervals are stretched for want of requests; 1: they are not.", metrics.stretch);
}

void add_bridge(web::Exposition& out, const BridgeNumbers& bridge, model::MonoTime now) {
  out.family("tideline_kubernetes_requests_total", Type::kCounter, "Requests to the API server by class of answer.");
  for (const auto& [answer, count] : bridge.requests)
    out.sample(number(count), {{"answer", answer}});
  out.one("tideline_kubernetes_requests_waiting", Type::kGauge, "Requests that wait for the budget.",
          number(bridge.requests_waiting));
  out.family("tideline_kubernetes_watch_up", Type::kGauge, "1: the watch is up to date, 0: it is broken.");
  for (const auto& watch : bridge.watches)
    out.sample(watch.is_up ? 1 : 0, {{"resource", watch.resource}});
  out.family("tideline_kubernetes_watch_state_seconds", Type::kGauge, "For how long it has been so.");
  for (const auto& watch : bridge.watches)
    out.sample(seconds((now - watch.since).count()), {{"resource", watch.resource}});
  out.one("tideline_kubernetes_lists_total", Type::kCounter, "Lists that came to their end.", number(bridge.lists));
  out.one("tideline_kubernetes_relists_total", Type::kCounter,
          "Lists begun anew because the watch's place is known no more (410).", number(bridge.relists));
  out.one("tideline_kubernetes_nodes", Type::kGauge, "Nodes that Kubernetes has.", number(bridge.nodes));
  out.one("tideline_kubernetes_pods", Type::kGauge, "Pods that Kubernetes has.", number(bridge.pods));
  out.one("tideline_kubernetes_left_out_total", Type::kCounter, "Nodes and pods that came and were one too many.",
          number(bridge.left_out));
  out.one("tideline_kubernetes_sets_pushed_total", Type::kCounter, "Sets of pods that were sent to nodes.",
          number(bridge.sets_pushed));
  out.one("tideline_kubernetes_sets_unacked", Type::kGauge,
          "Nodes with a session that have not acknowledged the newest set of their pods.", number(bridge.sets_unacked));
  out.family("tideline_kubernetes_writes_total", Type::kCounter, "Writes to Nodes that were made, by reason.");
  for (const auto& [reason, count] : bridge.writes)
    out.sample(number(count), {{"reason", reason}});
  out.one("tideline_kubernetes_writes_failed_total", Type::kCounter, "Writes to Nodes that were not taken.",
          number(bridge.writes_failed));
  out.family("tideline_kubernetes_evictions_total", Type::kCounter, "Evictions through the API by outcome.");
  for (const auto& [outcome, count] : bridge.evictions)
    out.sample(number(count), {{"outcome", outcome}});
  out.one("tideline_kubernetes_evictions_open", Type::kGauge, "Evictions that nodes wait for.",
          number(bridge.evictions_open));
  out.one("tideline_kubernetes_nodes_above_offer", Type::kGauge,
          "Nodes whose published value is above what the ledger offers by now.", number(bridge.nodes_above));
  out.one("tideline_kubernetes_above_offer_seconds", Type::kGauge, "For how long the worst of them has been so.",
          seconds(bridge.longest_above.count()));
  if (bridge.node_metrics) add_node_metrics(out, *bridge.node_metrics);
}

void add_bootstrap(web::Exposition& out, const bootstrap::BootstrapCounts& bootstrap) {
  out.family("tideline_bootstrap_requests_total", Type::kCounter, "Requests for certificates by what became of them.");
  out.sample(number(bootstrap.signed_), {{"outcome", "signed"}});
  out.sample(number(bootstrap.denied), {{"outcome", "denied"}});
  out.sample(number(bootstrap.failed), {{"outcome", "failed"}});
  out.one("tideline_bootstrap_authority_expiry_timestamp_seconds", Type::kGauge,
          "End of validity of the authority that signs certificates.", number(bootstrap.authority_until.ms) / 1000);
}

void add_process(web::Exposition& out) {
  const auto process = read_process_numbers();
  out.one("process_cpu_seconds_total", Type::kCounter, "CPU time used.", process.cpu_seconds);
  out.one("process_resident_memory_bytes", Type::kGauge, "Resident memory.", process.resident_bytes);
  out.one("process_open_fds", Type::kGauge, "Open file descriptors.", process.open_fds);
  out.one("process_max_fds", Type::kGauge, "File descriptors that may be open.", process.max_fds);
  out.one("process_start_time_seconds", Type::kGauge, "Start, since the epoch.", process.start_time_seconds);
}

}  // namespace

std::string metrics_text(const FleetReport& fleet, const link::LinkCounts& link, const HistoryCounts& history,
                         const store::StoreSize& store, const std::optional<BridgeNumbers>& bridge, model::MonoTime now,
                         const std::optional<bootstrap::BootstrapCounts>& bootstrap) {
  web::Exposition out;
  out.family("tideline_build_info", Type::kGauge, "1, with the version.");
  out.sample(1, {{"version", TIDELINE_VERSION}});
  add_fleet(out, fleet);
  add_terms(out, "tideline_cpu_cores", "The ledger's terms over all nodes that are not gone.", fleet.cluster.cpu, 1000);
  add_terms(out, "tideline_memory_bytes", "The ledger's terms over all nodes that are not gone.", fleet.cluster.memory,
            1);
  add_predictions(out, fleet.predicted);
  add_link(out, link);
  add_history(out, history, store);
  if (bridge) add_bridge(out, *bridge, now);
  if (bootstrap) add_bootstrap(out, *bootstrap);
  add_process(out);
  return out.take();
}

/// An actor that has ended lets go of its questions unanswered, and nobody may wait for the answer of one.
class ActorWebBackend::Making {
 public:
  explicit Making(std::shared_ptr<SharedReport> shared) : shared_(std::move(shared)) {}
  ~Making() {
    if (!given_) give(model::Error(model::ErrorCode::kInternal, "the coordinator dropped the question"));
  }
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;

  void give(const model::Result<FleetReport>& report) {
    given_ = true;
    shared_->give(report, clock::mono_now());
  }

 private:
  std::shared_ptr<SharedReport> shared_;
  bool given_ = false;
};

void ActorWebBackend::report(link::Reply<FleetReport> reply) {
  if (!report_->ask(clock::mono_now(), std::move(reply))) return;
  AskFleetReport ask;
  ask.reply = [making = std::make_shared<Making>(report_)](const model::Result<FleetReport>& made) {
    making->give(made);
  };
  caf::anon_send(sources_.fleet, std::move(ask));
}

void ActorWebBackend::metrics(link::Reply<Text> reply) {
  report([sources = sources_, reply = std::move(reply)](const model::Result<FleetReport>& made) {
    if (!made) {
      reply(made.error());
      return;
    }
    reply(Text([sources, fleet = *made] {
      const link::LinkCounts none;
      const link::LinkCounts* link = &none;
      sources.link->with([&](const link::NodeServer& server) { link = &server.counts(); });
      std::optional<BridgeNumbers> bridge;
      if (sources.bridge) bridge = sources.bridge->get();
      std::optional<bootstrap::BootstrapCounts> bootstrap;
      if (sources.bootstrap) bootstrap = sources.bootstrap->get();
      return metrics_text(fleet, *link, *sources.history, sources.store->size(), bridge, clock::mono_now(), bootstrap);
    }));
  });
}

void ActorWebBackend::ready(link::Reply<void> reply) {
  report([history = sources_.history, reply = std::move(reply)](const model::Result<FleetReport>& made) {
    if (!made) {
      reply(made.error());
    } else if (made->policy == model::PolicyVersion()) {
      reply(model::Error(model::ErrorCode::kUnavailable, "no policy is in force yet"));
    } else if (history->failing) {
      reply(model::Error(model::ErrorCode::kUnavailable, "the history store takes no reports; the log says why"));
    } else {
      reply({});
    }
  });
}

}  // namespace tideline::coordinator
