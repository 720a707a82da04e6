#include "coordinator/actor/coordinator.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "coordinator/actor/backend.h"
#include "coordinator/actor/backup_actor.h"
#include "coordinator/actor/bridge.h"
#include "coordinator/actor/fleet_actor.h"
#include "coordinator/actor/fleet_memory.h"
#include "coordinator/actor/history_actor.h"
#include "coordinator/actor/link_events.h"
#include "coordinator/actor/policy_actor.h"
#include "coordinator/actor/prediction_keeper.h"
#include "coordinator/actor/series_keeper.h"
#include "coordinator/actor/series_reader.h"
#include "coordinator/actor/session_actor.h"
#include "coordinator/actor/watch_actor.h"
#include "coordinator/actor/web_backend.h"
#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::coordinator {
namespace {

constexpr std::string_view kEpochSetting = "epoch";
/// Events outlive reports by far, and nodes that are only named in them need not be in the fleet's lists for so long:
/// names that come and go would fill those.
constexpr model::Duration kLongestInLists = std::chrono::hours(14 * 24);

/// One more than the last start's, and never below the Unix time in seconds: so it still rises for nodes that have seen
/// higher ones when the store was lost.
model::Result<model::Epoch> draw_epoch(store::HistoryStore& store) {
  const auto stored = store.setting(kEpochSetting);
  if (!stored) return stored.error().in("reading the epoch");
  std::uint64_t last = 0;
  if (*stored) {
    const auto& text = **stored;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), last);
    if (problem != std::errc{} || end != text.data() + text.size()) {
      return model::Error(model::ErrorCode::kMalformed, fmt::format("stored epoch \"{}\" is not a number", text));
    }
  }
  const auto floor = static_cast<std::uint64_t>(std::max<std::int64_t>(clock::wall_now().ms / 1000, 0));
  const auto epoch = std::max(last + 1, floor);
  const auto kept = store.put_setting(kEpochSetting, std::to_string(epoch));
  if (!kept) return kept.error().in("keeping the epoch");
  return model::Epoch(epoch);
}

model::Result<std::optional<PolicyMemory>> remembered_policy(const store::HistoryStore& store) {
  const auto text = store.setting(kPolicyMemorySetting);
  if (!text) return text.error().in("reading the stored policy");
  if (!*text) return std::optional<PolicyMemory>();
  auto memory = policy_memory_from(**text);
  if (!memory) return memory.error();
  return std::optional<PolicyMemory>(std::move(*memory));
}

model::Result<fleet::HandsOffBook> remembered_hands_off(const store::HistoryStore& store) {
  const auto text = store.setting(kHandsOffSetting);
  if (!text) return text.error().in("reading the stored hands-off orders");
  if (!*text) return fleet::HandsOffBook();
  return fleet::HandsOffBook::from_text(**text, {clock::mono_now(), clock::wall_now()});
}

model::Result<fleet::EvictionArbiter> remembered_evictions(const store::HistoryStore& store, model::Epoch epoch) {
  const auto text = store.setting(kEvictionsSetting);
  if (!text) return text.error().in("reading the stored evictions");
  if (!*text) return fleet::EvictionArbiter(epoch);
  return fleet::EvictionArbiter::from_text(epoch, **text, {clock::mono_now(), clock::wall_now()});
}

std::vector<RememberedNode> remember_fleet(const store::HistoryStore& store, std::size_t most,
                                           model::Duration heard_within) {
  const fleet::Arrival now{clock::mono_now(), clock::wall_now()};
  auto nodes = remembered_fleet(store, now, most, heard_within);
  const auto accounts =
      std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.account.has_value(); });
  log::info("fleet-remembered", "{} nodes and {} accounts, read in {} ms", nodes.size(), accounts,
            model::to_ms(clock::mono_now() - now.mono));
  return nodes;
}

caf::actor_system_config& quiet_scheduler(caf::actor_system_config& config) {
  // Work stealing, the default, burns ~0.8 % of a core when idle.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{2});
  // Else an actor keeps a thread until it has no more messages: sessions with one each would wait for all that end at
  // once.
  config.set("scheduler.max-throughput", std::size_t{50});
  return config;
}

}  // namespace

struct Coordinator::Impl {
  std::shared_ptr<store::HistoryStore> store;
  model::Epoch epoch;
  caf::actor_system_config actor_config;
  caf::actor_system system{quiet_scheduler(actor_config)};
  LinkPortPtr link = std::make_shared<LinkPort>();
  std::shared_ptr<Bridge> bridge_part;
  caf::actor history, reader, keeper, bridge, fleet, policy, sessions, watch;
  SeriesActors series;
  std::unique_ptr<LinkEvents> events;
  std::unique_ptr<ActorBackend> backend;
  std::unique_ptr<ActorWebBackend> web;
  std::unique_ptr<link::NodeServer> server;

  ~Impl() {
    if (server) server->stop();
    // Its answers and watches come on a thread that knows nothing of actors that have ended.
    if (bridge_part) bridge_part->stop();
    // Who copies, or reads a node's tables, hears of nothing else meanwhile.
    series.door->close();
    for (const auto& actor :
         {watch, bridge, policy, sessions, fleet, reader, series.reader, series.backup, keeper, history}) {
      if (actor) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    }
    backend.reset();
    web.reset();
    for (auto* actor :
         {&watch, &bridge, &policy, &sessions, &fleet, &reader, &series.reader, &series.backup, &keeper, &history})
      *actor = nullptr;
    system.await_all_actors_done();
    link->server = nullptr;
  }
};

model::Result<std::unique_ptr<Coordinator>> Coordinator::start(CoordinatorConfig config,
                                                               std::shared_ptr<store::HistoryStore> store) {
  const auto epoch = draw_epoch(*store);
  if (!epoch) return epoch.error();
  auto memory = remembered_policy(*store);
  if (!memory) return memory.error();
  auto hands_off = remembered_hands_off(*store);
  if (!hands_off) return hands_off.error();
  auto evictions = remembered_evictions(*store, *epoch);
  if (!evictions) return evictions.error();
  auto profiles = remembered_predictions(*store, {clock::mono_now(), clock::wall_now()});
  if (!profiles) return profiles.error();

  auto impl = std::make_unique<Impl>();
  impl->store = store;
  impl->epoch = *epoch;
  HistoryOptions history;
  history.kept = config.retention;
  history.retention_every = config.drop_every;
  history.commit_window = config.commit_window;
  history.on_stored = std::move(config.on_stored);
  config.fleet.forget_after =
      std::max({config.retention.reports, std::min(config.retention.events, kLongestInLists), config.fleet.gone_after});
  auto& system = impl->system;
  const auto history_counts = std::make_shared<HistoryCounts>();
  const std::shared_ptr<const store::HistoryStore> read_only = store;
  impl->history = system.spawn<HistoryActor, caf::detached>(store, std::move(history), history_counts);
  impl->reader = system.spawn<HistoryReader, caf::detached>(read_only, config.retention);
  if (const auto tables = std::dynamic_pointer_cast<series::SeriesStore>(store)) {
    SeriesKeeperOptions keeping;
    keeping.kept = config.retention;
    keeping.fold_every = config.fold_every;
    keeping.drop_every = config.drop_every;
    impl->keeper = system.spawn<SeriesKeeper, caf::detached>(tables, std::move(keeping), history_counts);
  }
  SeriesReaderOptions reading;
  reading.kept = config.retention;
  reading.backup_directory = config.backup_directory;
  reading.gives_up = [door = impl->series.door] { return door->is_closed(); };
  impl->series.reader = system.spawn<SeriesReader, caf::detached>(read_only, std::move(reading),
                                                                  std::shared_ptr<const HistoryCounts>(history_counts));
  impl->series.backup =
      system.spawn<BackupActor, caf::detached>(store, config.backup_directory, impl->series.door, history_counts);
  if (config.bridge) {
    impl->bridge_part = config.bridge;
    impl->bridge = config.bridge->spawn(system, *epoch, impl->link);
  }
  // Its answers are about all nodes, and long: on a thread of its own they take none from the sessions.
  // Gone nodes of history must not shut new ones out.
  const std::size_t most_remembered = config.fleet.max_nodes - config.fleet.max_nodes / 4;
  impl->fleet = system.spawn<FleetActor, caf::detached>(
      *epoch, config.fleet, impl->history, impl->link, std::move(*hands_off), std::optional(std::move(*evictions)),
      std::move(*profiles), remember_fleet(*store, most_remembered, config.fleet.forget_after), impl->bridge,
      std::move(config.ledger_witness));
  impl->sessions = system.spawn<SessionsActor>(impl->fleet, impl->history, impl->link, impl->bridge);
  impl->policy =
      system.spawn<PolicyActor, caf::detached>(config.policy, *epoch, std::move(*memory), impl->fleet, impl->history);
  std::vector<std::pair<std::string, caf::actor>> watched{
      {"history", impl->history},      {"reader", impl->reader}, {"series", impl->series.reader},
      {"backup", impl->series.backup}, {"fleet", impl->fleet},   {"sessions", impl->sessions},
      {"policy", impl->policy}};
  if (impl->keeper) watched.emplace_back("keeper", impl->keeper);
  if (impl->bridge) watched.emplace_back("bridge", impl->bridge);
  impl->watch = system.spawn<WatchActor>(
      std::move(watched), [told = std::move(config.on_actor_ended)](const std::string& actor, const std::string& why) {
        log::error("actor-ended", "{}: {}", actor, why);
        if (told) told();
      });
  impl->events = std::make_unique<LinkEvents>(impl->sessions);
  impl->backend = std::make_unique<ActorBackend>(impl->fleet, impl->reader, impl->policy, impl->series);
  impl->web = std::make_unique<ActorWebBackend>(WebSources{impl->fleet, impl->link, history_counts, store,
                                                           config.bridge ? config.bridge->board() : nullptr,
                                                           std::move(config.bootstrap)});
  if (impl->bridge) caf::anon_send(impl->bridge, BridgeBegins{impl->policy, impl->fleet});

  link::NodeServerConfig server;
  server.listen = config.listen;
  server.tls = config.tls;
  server.denied_names_file = config.denied_names_file;
  server.accept = config.accept;
  server.session = config.session;
  server.term = config.term;
  server.enroll = [store, link = impl->link,
                   epoch = *epoch](const link::Hello& hello) -> model::Result<link::EnrollAnswer> {
    // An ack or a policy for a session older than the actors' way to it would get lost, and be waited for.
    if (link->server == nullptr) return model::Error(model::ErrorCode::kUnavailable, "the coordinator is starting");
    return link::EnrollAnswer{epoch, store->acked_through(hello.node, hello.incarnation)};
  };
  auto started = link::NodeServer::start(std::move(server), *impl->events);
  if (!started) return started.error();
  impl->server = std::move(*started);
  impl->link->server = impl->server.get();
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(impl)));
}

Coordinator::Coordinator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Coordinator::~Coordinator() = default;
std::uint16_t Coordinator::node_port() const {
  return impl_->server->port();
}
model::Epoch Coordinator::epoch() const {
  return impl_->epoch;
}
admin::AdminBackend& Coordinator::backend() {
  return *impl_->backend;
}
web::WebBackend& Coordinator::web_backend() {
  return *impl_->web;
}

}  // namespace tideline::coordinator
