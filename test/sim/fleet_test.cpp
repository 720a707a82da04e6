// A fleet in virtual time: nodes, a network that loses, delays, reorders and doubles, and a coordinator made of the
// real pure rooms, combined as its actors combine them.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/actor/ledger_input.h"
#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/profile/profile_book.h"
#include "coordinator/reclaim/reclaim.h"
#include "storage/store/memory_store.h"
#include "test/sim/campaign.h"

namespace tideline::sim {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::NodeName;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kGi = std::int64_t{1} << 30;
constexpr std::int64_t kWallStartMs = 1'790'000'000'000;
constexpr std::int64_t kNodes = 6;
constexpr std::int64_t kMaxTransit = 15 * kSecond;  // longer than a report's window, so that reports overtake
constexpr std::int64_t kSimulated = 20 * 60 * kSecond;
constexpr std::int64_t kSettle = 6 * 60 * kSecond;  // longer than any time without a session

using ReportId = std::pair<std::uint64_t, std::uint64_t>;  // incarnation, seq

ReportId id_of(const model::Report& report) {
  return {report.incarnation.value(), report.seq.value()};
}

/// What a node is annotated with, as numbers.
struct Annotated {
  MilliCpu reserved_cpu;
  Bytes reserved_memory;
  MilliCpu taken_cpu;
  Bytes taken_memory;
  bool readable = true;
};

struct Node {
  NodeName name;
  std::int64_t mono_base = 0;
  std::int64_t wall_jump_ms = 0;
  bool up = true;
  std::uint64_t life = 1;     // of the process
  std::uint64_t session = 0;  // 0 = none
  std::uint64_t incarnation = 0;
  std::uint64_t seq = 0;
  std::map<std::uint64_t, model::Report> spool;  // not acked, by seq
  std::map<ReportId, model::Report> made;
  std::set<ReportId> acked;
  model::NodeStatus status;
  std::map<std::string, Annotated> annotated;  // by the text of all its annotations: reports may come late
  std::vector<model::PodSummary> pods;
  std::int64_t system_milli = 0;
  std::int64_t system_bytes = 0;
  std::int64_t app_milli = 0;  // a prod host application's use, measured or not
  std::int64_t app_bytes = 0;
  std::optional<model::NodePolicy> policy;
  std::int64_t last_push_at = 0;
};

/// What the newest live report says, kept apart from the code under test.
struct Newest {
  ReportId id;
  std::set<std::uint64_t> left;
  std::int64_t arrived = 0;
  policy::NodeFacts facts;
  MilliCpu charged_cpu;
  Bytes charged_memory;
  MilliCpu taken_cpu;  // of batch, by third parties
  Bytes taken_memory;
  bool readable = true;
};

struct Coordinator {
  Coordinator(std::uint64_t term, profile::ProfileBook profiles)
      : rollout(model::Epoch(term)), ledger(std::move(profiles)) {}
  fleet::FleetView fleet;
  policy::Rollout rollout;
  coordinator::LedgerBook ledger;
  std::map<NodeName, std::uint64_t> sessions;
  std::vector<store::IncomingReport> waiting;
  std::vector<fleet::Arrival> arrivals;
  std::vector<bool> clocks_known;  // of the nodes, as their reports arrived
  std::map<NodeName, Newest> newest;
};

struct Placed {
  NodeName node;
  ReportId id;
  friend auto operator<=>(const Placed&, const Placed&) = default;
};

class World {
 public:
  World(std::uint64_t seed, bool wall_jumps)
      : random_(seed), jump_random_(seed + 77), host_random_(seed + 177), wall_jumps_(wall_jumps) {
    for (std::int64_t i = 0; i < kNodes; ++i)
      add_node(i);
    restart_coordinator();
    change_policy();
    at(kSecond, [this] { ledger(); });
    at(kSecond, [this] { trouble(); });
  }

  void run() {
    while (!events_.empty() && now_ < kSimulated + kSettle && !testing::Test::HasFatalFailure()) {
      auto first = events_.extract(events_.begin());
      now_ = first.key().first;
      first.mapped()();
    }
    if (!testing::Test::HasFatalFailure()) check_history();
    if (!testing::Test::HasFatalFailure()) check_policies();
  }

  int offers = 0;
  int mid_offers = 0;
  int zone_offers = 0;
  int predicted = 0;   // accounts with something that prod is predicted not to need
  int remembered = 0;  // of them, those of a coordinator too young to have learnt it
  int deficits = 0;
  int withdrawn = 0;
  int unreadable = 0;  // accounts of nodes with an annotation that cannot be read
  int shared = 0;      // offers beside third parties
  int acked = 0;
  int coordinators = 0;
  std::vector<std::string> liveness;      // a line per node and change
  std::map<Placed, std::int64_t> placed;  // corrected time of reports whose node's clock was known

 private:
  using Action = std::function<void()>;

  void at(std::int64_t time, Action action) { events_.emplace(std::pair(time, ++event_number_), std::move(action)); }
  void after(std::int64_t delay, Action action) { at(now_ + delay, std::move(action)); }
  bool faulty() const { return now_ < kSimulated; }
  std::int64_t transit() { return random_.between(kMs, faulty() ? kMaxTransit : 100 * kMs); }
  fleet::Arrival arrival() const { return {{now_}, {kWallStartMs + now_ / kMs}}; }

  // --- nodes

  void add_node(std::int64_t index) {
    Node node;
    node.name = NodeName("n" + std::to_string(index));
    node.mono_base = random_.between(1, 1'000'000) * kSecond;
    auto& status = node.status;
    status.cpu_capacity = MilliCpu(random_.between(4, 64) * 1000);
    status.cpu_allocatable = status.cpu_capacity - status.cpu_capacity.percent(5);
    status.memory_capacity = Bytes(random_.between(8, 256) * kGi);
    status.memory_allocatable = status.memory_capacity - status.memory_capacity.percent(5);
    status.boot_id = "boot of " + node.name.str();
    node.system_milli = status.cpu_capacity.percent(static_cast<double>(random_.between(1, 10))).value();
    node.system_bytes = status.memory_capacity.percent(static_cast<double>(random_.between(1, 10))).value();
    node.app_milli = status.cpu_capacity.percent(static_cast<double>(host_random_.between(0, 8))).value();
    node.app_bytes = status.memory_capacity.percent(static_cast<double>(host_random_.between(0, 8))).value();
    status.zones = index % 3 == 0 ? 1 : 2;
    const NodeName name = node.name;
    nodes_[name] = std::move(node);
    start(nodes_[name], true);
    after(random_.between(0, 10 * kSecond), [this, name] { report_tick(nodes_[name]); });
  }

  void start(Node& node, bool spool_lost) {
    node.up = true;
    ++node.life;
    if (spool_lost) {
      node.incarnation = static_cast<std::uint64_t>(random_.between(1, 1'000'000'000));
      node.seq = 0;
      node.spool.clear();
    }
    node.status.labels = {{"pool", random_.percent(50) ? "fast" : "slow"}};
    after(random_.between(kMs, kSecond), [this, &node, life = node.life] {
      if (node.life == life && node.up) connect(node);
    });
  }

  void change_pods(Node& node) {
    if (node.pods.size() > 3 || (!node.pods.empty() && random_.percent(40))) {
      node.pods.erase(node.pods.begin() + random_.between(0, static_cast<std::int64_t>(node.pods.size()) - 1));
      return;
    }
    const auto share = [&](auto capacity) { return capacity.percent(static_cast<double>(random_.between(2, 45))); };
    model::PodSummary pod;
    pod.pod.uid = model::PodUid("pod-" + std::to_string(++pods_made_));
    constexpr model::QosClass kClasses[] = {model::QosClass::kLs, model::QosClass::kLse, model::QosClass::kBe};
    pod.pod.qos = kClasses[random_.between(0, 2)];
    pod.pod.requests.cpu = share(node.status.cpu_capacity);
    pod.pod.requests.memory = share(node.status.memory_capacity);
    if (pod.pod.qos == model::QosClass::kLs && random_.percent(40)) {
      pod.pod.priority = 7500;
      pod.pod.mid_requests = {share(node.status.cpu_capacity), share(node.status.memory_capacity)};
    }
    if (pod.pod.qos == model::QosClass::kBe) pod.pod.requests.batch_cpu = share(node.status.cpu_capacity);
    if (random_.percent(70)) {
      const auto cpu = share(node.status.cpu_capacity).value();
      const auto memory = share(node.status.memory_capacity).value();
      pod.cpu_milli = model::Spread{cpu, cpu, cpu};
      pod.memory_bytes = model::Spread{memory, memory, memory};
    }
    node.pods.push_back(pod);
  }

  static std::string text_of(const model::NodeAnnotations& annotations) {
    std::string text;
    for (const auto& [key, value] : annotations)
      text += key + "=" + value + "\n";
    return text;
  }

  void change_annotations(Node& node) {
    const auto share = [&](auto capacity) { return capacity.percent(static_cast<double>(random_.between(0, 30))); };
    auto& annotations = node.status.annotations;
    annotations.clear();
    Annotated now;
    if (random_.percent(50)) {
      now.reserved_cpu = share(node.status.cpu_capacity);
      now.reserved_memory = share(node.status.memory_capacity);
      annotations[std::string(model::kReservationAnnotation)] =
          fmt::format(R"({{"resources": {{"cpu": "{}m", "memory": "{}"}}}})", now.reserved_cpu.value(),
                      now.reserved_memory.value());
    }
    if (random_.percent(50)) {
      now.taken_cpu = share(node.status.cpu_capacity);
      now.taken_memory = share(node.status.memory_capacity);
      annotations[std::string(model::kThirdPartyAnnotation)] = fmt::format(
          R"({{"allocations": [{{"name": "yarn", "priority": "koord-batch", "resources":
             {{"kubernetes.io/batch-cpu": "{}", "kubernetes.io/batch-memory": "{}"}}}}]}})",
          now.taken_cpu.value(), now.taken_memory.value());
    }
    if (random_.percent(30)) {
      annotations[std::string(model::kColocationStrategyAnnotation)] =
          random_.percent(20) ? "nonsense"
                              : fmt::format(R"({{"cpuReclaimThresholdPercent": {}}})", random_.between(20, 100));
    }
    if (random_.percent(10)) {
      annotations[std::string(model::kReservationAnnotation)] = "nonsense";
      now.reserved_cpu = MilliCpu(0);
      now.reserved_memory = Bytes(0);
      now.readable = false;
    }
    node.annotated[text_of(annotations)] = now;
  }

  model::Report make_report(Node& node) {
    model::Report report;
    report.node = node.name;
    report.incarnation = model::Incarnation(node.incarnation);
    report.seq = model::Seq(++node.seq);
    report.mono = {node.mono_base + now_};
    report.wall = {kWallStartMs + now_ / kMs + node.wall_jump_ms};
    report.window = seconds(10);
    report.status = node.status;
    if (node.policy) report.status.policy_applied = node.policy->version;
    report.pods = node.pods;
    model::NodeSample sample;
    sample.at = report.mono;
    sample.wall = report.wall;
    sample.window = seconds(1);
    std::int64_t memory = node.system_bytes + node.app_bytes;
    for (const auto& pod : node.pods)
      memory += pod.memory_bytes ? pod.memory_bytes->mean : 0;
    sample.node_memory = Bytes(memory);
    const bool told_apart = add_application(node, report);
    if (!random_.percent(10)) sample.system_cpu = MilliCpu(node.system_milli + (told_apart ? 0 : node.app_milli));
    add_zones(report);
    std::int64_t cpu = node.system_milli + node.app_milli;
    for (const auto& pod : node.pods)
      cpu += pod.cpu_milli ? pod.cpu_milli->mean : 0;
    if (!random_.percent(10)) sample.node_cpu = MilliCpu(cpu);
    report.samples.push_back(sample);
    return report;
  }

  /// Whether its use is told apart from the system's.
  bool add_application(const Node& node, model::Report& report) {
    model::HostApplicationSummary application;
    application.name = "app";
    const bool known = !host_random_.percent(20);
    application.state = known ? model::ApplicationState::kMeasured : model::ApplicationState::kUnreadable;
    if (known) {
      application.cpu_milli = model::Spread{node.app_milli, node.app_milli, node.app_milli};
      application.memory_bytes = model::Spread{node.app_bytes, node.app_bytes, node.app_bytes};
    }
    report.applications.push_back(application);
    return known;
  }

  /// Two zones of one CPU capacity, the second of which has three quarters of the memory.
  void add_zones(model::Report& report) {
    if (report.status.zones != 2 || host_random_.percent(20)) return;
    for (int id = 0; id < 2; ++id) {
      const auto part = [&](auto whole) { return whole.percent(static_cast<double>(host_random_.between(0, 100))); };
      model::ZoneUse zone;
      zone.id = id;
      zone.cpu_capacity = report.status.cpu_capacity.percent(50);
      zone.memory_capacity = report.status.memory_capacity.percent(id == 0 ? 25 : 75);
      if (!host_random_.percent(10)) zone.cpu_used = part(zone.cpu_capacity);
      if (!host_random_.percent(10)) zone.memory_used = part(zone.memory_capacity);
      if (zone.cpu_used && host_random_.percent(70)) zone.be_cpu = part(*zone.cpu_used);
      if (zone.memory_used && host_random_.percent(70)) zone.be_memory = part(*zone.memory_used);
      report.zones.push_back(zone);
    }
  }

  void report_tick(Node& node) {
    after(10 * kSecond, [this, &node] { report_tick(node); });
    if (!node.up) return;
    if (random_.percent(20)) change_pods(node);
    if (faulty() && random_.percent(10)) change_annotations(node);
    auto report = make_report(node);
    node.made[id_of(report)] = report;
    node.spool[report.seq.value()] = report;
    if (node.session != 0) send(report);
    // What was not acked for long goes again.
    for (const auto& [seq, old] : node.spool) {
      if (seq + 3 < node.seq && node.session != 0) send_late(old);
    }
  }

  void send_late(model::Report report) {
    report.lane = model::Lane::kBackfill;
    send(report);
  }

  void send(const model::Report& report) {
    const int copies = !faulty() ? 1 : random_.percent(15) ? 0 : random_.percent(15) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      after(transit(), [this, report, term = coordinators] {
        if (term == coordinators) arrive(report);
      });
    }
  }

  void connect(Node& node) {
    node.session = ++sessions_made_;
    node.last_push_at = now_;
    opened(node.name, node.session);
    for (const auto& [seq, report] : node.spool)
      send_late(report);
  }

  void disconnect(Node& node) {
    if (node.session == 0) return;
    // The coordinator may notice long after the node.
    after(random_.between(kMs, 10 * kSecond), [this, name = node.name, session = node.session, term = coordinators] {
      if (term == coordinators) closed(name, session);
    });
    node.session = 0;
  }

  void reconnect_after(Node& node, std::int64_t delay) {
    after(delay, [this, &node, life = node.life] {
      if (node.life == life && node.up && node.session == 0) connect(node);
    });
  }

  void trouble() {
    after(kSecond, [this] { trouble(); });
    for (auto& [name, node] : nodes_) {
      if (wall_jumps_ && jump_random_.percent(2)) node.wall_jump_ms = jump_random_.between(-100'000'000, 100'000'000);
      if (!faulty() || !node.up) continue;
      if (random_.percent(1)) {
        disconnect(node);
        reconnect_after(node,
                        random_.percent(20) ? random_.between(60, 240) * kSecond : random_.between(1, 20) * kSecond);
      }
      if (random_.between(0, 399) == 0) {
        disconnect(node);
        node.up = false;
        ++node.life;
        // Nothing of the life before is still under way when the next one speaks: a session ends with its process.
        after(kMaxTransit + random_.between(2, 30) * kSecond,
              [this, &node, lost = random_.percent(50)] { start(node, lost); });
      }
    }
    if (!faulty()) return;
    if (random_.percent(1)) change_policy();
    if (random_.between(0, 499) == 0) restart_coordinator();
  }

  // --- coordinator, as its actors do it

  void restart_coordinator() {
    ++coordinators;
    restarted_at_ = now_;
    profile::ProfileBook profiles;
    for (const auto& [slice, bytes] : kept_profiles_)
      ASSERT_TRUE(profiles.read(bytes, arrival().mono, arrival().wall).ok());
    coordinator_ = std::make_unique<Coordinator>(static_cast<std::uint64_t>(coordinators), std::move(profiles));
    if (policy_) set_policy();
    for (auto& [name, node] : nodes_) {
      node.session = 0;
      reconnect_after(node, random_.between(1, 20) * kSecond);
    }
  }

  void change_policy() {
    const auto text = fmt::format(
        R"({{"enable": {}, "cpuReclaimThresholdPercent": {}, "memoryReclaimThresholdPercent": {},
            "degradeTimeMinutes": {}, "midUnallocatedPercent": {}, "midReclaimMode": "{}",
            "midStaticCPUReservedPercent": {}, "midStaticMemoryReservedPercent": {}, "nodeConfigs": [{{"name": "fast",
            "nodeSelector": {{"matchLabels": {{"pool": "fast"}}}}, "cpuReclaimThresholdPercent": {}}}]}})",
        !random_.percent(10), random_.between(20, 100), random_.between(20, 100), random_.between(1, 3),
        random_.between(0, 100), random_.percent(50) ? "static" : "", random_.between(0, 100), random_.between(0, 100),
        random_.between(20, 100));
    constexpr const char* kPredictors[] = {"histogram", "recentMax", "none"};
    const auto prediction = fmt::format(
        R"({{"clusterStrategy": {{"prediction": {{"predictor": "{}", "coldStartMinutes": {},
            "safetyMarginPercent": {}}}}}}})",
        kPredictors[random_.between(0, 9) % 3], random_.between(1, 3), random_.between(0, 50));
    auto parsed = policy::parse({{"colocation-config", text}, {"tideline-config", prediction}});
    ASSERT_TRUE(parsed.ok()) << parsed.error().message();
    policy_ = std::make_shared<const policy::ClusterPolicy>(std::move(parsed).value());
    version_ = version_.next();
    set_policy();
    push_due();
  }

  void set_policy() {
    coordinator_->rollout.set(policy_, version_);
    coordinator_->ledger.set_prediction(policy::fleet_policy(*policy_).prediction);
  }

  /// What predictions rest on, as it is kept slice by slice; a coordinator that ends loses what came after.
  void keep_profiles() {
    for (const auto& [name, node] : nodes_) {
      if (!random_.percent(5)) continue;
      const auto slice = profile::ProfileBook::slice_of(name);
      kept_profiles_[slice] = coordinator_->ledger.profiles().write(slice, arrival().mono, arrival().wall).bytes;
    }
  }

  void opened(const NodeName& name, std::uint64_t session) {
    ASSERT_TRUE(coordinator_->fleet.connected(name, arrival()).ok());
    coordinator_->sessions[name] = session;
    coordinator_->rollout.opened(name);
    coordinator_->ledger.touch(name);
    push_due();
  }

  void closed(const NodeName& name, std::uint64_t session) {
    const auto found = coordinator_->sessions.find(name);
    if (found == coordinator_->sessions.end() || found->second != session) return;
    coordinator_->sessions.erase(found);
    coordinator_->rollout.closed(name);
    ASSERT_TRUE(coordinator_->fleet.disconnected(name, arrival()).ok());
  }

  void arrive(const model::Report& report) {
    const auto offset = coordinator_->fleet.clock_offset(report, arrival());
    coordinator_->waiting.push_back({report, arrival().wall, offset});
    coordinator_->arrivals.push_back(arrival());
    coordinator_->clocks_known.push_back(coordinator_->newest.contains(report.node));
    if (coordinator_->waiting.size() > 1) return;
    after(random_.between(0, 500) * kMs, [this, term = coordinators] {
      if (term == coordinators) commit();
    });
  }

  void commit() {
    const auto reports = std::exchange(coordinator_->waiting, {});
    const auto arrivals = std::exchange(coordinator_->arrivals, {});
    const auto clocks_known = std::exchange(coordinator_->clocks_known, {});
    const auto outcomes = store_.append(reports);
    ASSERT_TRUE(outcomes.ok());
    for (std::size_t i = 0; i < reports.size(); ++i) {
      const auto& report = reports[i].report;
      ASSERT_NE((*outcomes)[i], store::AppendOutcome::kRefused);
      if ((*outcomes)[i] == store::AppendOutcome::kStored) take(reports[i], arrivals[i], clocks_known[i]);
      if (faulty() && random_.percent(15)) continue;  // the ack is lost
      after(transit(), [this, name = report.node, id = id_of(report)] { acknowledged(nodes_[name], id); });
    }
  }

  void acknowledged(Node& node, const ReportId& id) {
    acked += node.acked.insert(id).second ? 1 : 0;
    if (id.first == node.incarnation) node.spool.erase(id.second);
  }

  void take(const store::IncomingReport& incoming, const fleet::Arrival& when, bool clock_known) {
    const auto& report = incoming.report;
    auto& newest = coordinator_->newest;
    const bool known = newest.contains(report.node);
    if (clock_known) {
      placed[{report.node, id_of(report)}] =
          store::corrected_wall(report.wall, incoming.clock_offset, incoming.received).ms;
    }
    const auto intake = coordinator_->fleet.intake(report, when);
    ASSERT_TRUE(intake.ok());
    bool expected = report.lane == model::Lane::kLive;
    if (expected && known) {
      const Newest& last = newest[report.node];
      expected = id_of(report).first == last.id.first ? id_of(report).second > last.id.second
                                                      : !last.left.contains(id_of(report).first);
    }
    ASSERT_EQ(intake->outcome == fleet::IntakeOutcome::kLive, expected);
    if (!expected) return;
    Newest& now = newest[report.node];
    if (known && now.id.first != id_of(report).first) now.left.insert(now.id.first);
    now.id = id_of(report);
    now.arrived = when.mono.ns;
    now.facts = policy::facts_of(report.status);
    charge(nodes_[report.node], report, now);
    coordinator_->rollout.told(report.node, policy::facts_of(report.status));
    coordinator_->ledger.reported(report, when.mono);
    push_due();
  }

  /// LSE by request, others but BE by use, or by request without a metric; memory by use; mid at least what it was
  /// promised; the system and the host application together at least what is not allocatable.
  static void charge(const Node& node, const model::Report& report, Newest& newest) {
    const auto& status = report.status;
    const auto found = node.annotated.find(text_of(status.annotations));
    const Annotated annotated = found == node.annotated.end() ? Annotated{} : found->second;
    newest.taken_cpu = annotated.taken_cpu;
    newest.taken_memory = annotated.taken_memory;
    newest.readable = annotated.readable;
    newest.charged_cpu = std::max({MilliCpu(node.system_milli + node.app_milli),
                                   status.cpu_capacity - status.cpu_allocatable, annotated.reserved_cpu});
    newest.charged_memory = std::max({Bytes(node.system_bytes + node.app_bytes),
                                      status.memory_capacity - status.memory_allocatable, annotated.reserved_memory});
    for (const auto& pod : report.pods) {
      if (pod.pod.qos == model::QosClass::kBe) continue;
      const bool by_use = pod.cpu_milli && pod.pod.qos != model::QosClass::kLse;
      const auto cpu = by_use ? MilliCpu(pod.cpu_milli->mean) : *pod.pod.requests.cpu;
      const auto memory = pod.memory_bytes ? Bytes(pod.memory_bytes->mean) : *pod.pod.requests.memory;
      newest.charged_cpu += std::max(cpu, pod.pod.mid_requests.cpu.value_or(MilliCpu(0)));
      newest.charged_memory += std::max(memory, pod.pod.mid_requests.memory.value_or(Bytes(0)));
    }
  }

  void push_due() {
    for (auto& [name, policy] : coordinator_->rollout.take_due()) {
      const auto found = coordinator_->sessions.find(name);
      if (found == coordinator_->sessions.end()) continue;
      ASSERT_TRUE(coordinator_->fleet.policy_wanted(name, policy.version).ok());
      Node& node = nodes_[name];
      // One session keeps its order; what it had under way ends with it.
      node.last_push_at = std::max(node.last_push_at, now_ + transit());
      at(node.last_push_at, [this, &node, session = found->second, pushed = policy] {
        if (node.session == session) apply(node, pushed);
      });
    }
  }

  void apply(Node& node, const model::NodePolicy& pushed) {
    if (node.policy) {
      ASSERT_GE(pushed.epoch, node.policy->epoch);
      ASSERT_GE(pushed.version, node.policy->version) << "an older policy came after a newer one";
    }
    node.policy = pushed;
    after(transit(), [this, name = node.name, version = pushed.version, term = coordinators] {
      if (term == coordinators) coordinator_->fleet.policy_answered(name, version, "");
    });
  }

  void ledger() {
    after(kSecond, [this] { ledger(); });
    keep_profiles();
    (void)coordinator_->ledger.run(coordinator_->fleet, coordinator_->rollout, {now_});
    const auto accounts = coordinator_->ledger.accounts({now_}, [](const NodeName&) { return true; });
    const auto views = coordinator_->fleet.nodes({now_});
    ASSERT_EQ(accounts.size(), views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const auto& view = views[i];
      const auto wanted = coordinator_->rollout.wanted(view.name).value_or(model::NodePolicy{});
      const auto anew =
          reclaim::reclaim(coordinator::ledger_input(view.name, coordinator_->fleet.usage(view.name), wanted,
                                                     coordinator_->ledger.profiles().reclaimable(view.name)),
                           wanted.colocation, {now_});
      ASSERT_EQ(accounts[i], anew) << "what was not computed anew is what it would be";
      check_account(view, accounts[i]);
      if (coordinator_->ledger.profiles().reclaimable(view.name).cpu > MilliCpu(0)) {
        ++predicted;
        if (now_ - restarted_at_ < 60 * kSecond) ++remembered;
      }
      if (testing::Test::HasFatalFailure()) return;
      const auto line = fmt::format("{} {} {} {} {}", view.name.str(), fleet::name_of(view.liveness), view.connected,
                                    view.incarnation.value(), view.last_seq.value());
      if (std::exchange(last_line_[view.name], line) != line) liveness.push_back(fmt::format("{} {}", now_, line));
    }
  }

  template <class Unit>
  void check_terms(const model::ReclaimTerms<Unit>& terms, Unit capacity, int percent, Unit charged, bool stale,
                   bool enabled) {
    const Unit zero(0);
    const Unit safe = capacity.percent(percent) + Unit(1);
    ASSERT_GE(terms.offered, zero);
    ASSERT_GE(terms.mid_offered, zero);
    if (stale || !enabled) {
      ASSERT_EQ(terms.offered, zero) << (stale ? "stale" : "disabled");
      ASSERT_EQ(terms.mid_offered, zero) << (stale ? "stale" : "disabled");
      withdrawn += stale ? 1 : 0;
      return;
    }
    if (charged > safe) {
      ASSERT_EQ(terms.offered, zero) << "offered in a deficit";
      ASSERT_EQ(terms.mid_offered, zero) << "offered in a deficit";
      if (terms.rule != model::ReclaimRule::kUnknownUsage) {
        ASSERT_GT(terms.deficit, zero);
        ++deficits;
      }
    }
    if (terms.offered > zero || terms.mid_offered > zero) {
      ASSERT_LE(charged + terms.mid_offered + terms.offered, safe) << "sold twice";
      ++offers;
    }
    if (terms.mid_offered > zero) {
      ASSERT_LE(charged + terms.mid_offered + terms.committed, safe) << "batch holds it";
      ++mid_offers;
    }
  }

  template <class Unit, class TermsOf>
  void check_zones(const model::Reclaimed& account, Unit offered, TermsOf terms_of) {
    Unit sum(0);
    for (const auto& zone : account.zones) {
      const model::ZoneTerms<Unit>& terms = terms_of(zone);
      ASSERT_GE(terms.offered, Unit(0));
      if (terms.offered > Unit(0)) {
        ASSERT_TRUE(terms.charged) << "offered where use is not known";
        ASSERT_LE(*terms.charged + terms.margin + terms.offered, terms.capacity) << "sold twice in a zone";
        ++zone_offers;
      }
      sum += terms.offered;
    }
    ASSERT_LE(sum, offered) << "zones are offered more than their node";
  }

  void check_account(const fleet::NodeView& view, const model::Reclaimed& account) {
    check_zones(
        account, account.cpu.offered, [](const auto& zone) -> const auto& { return zone.cpu; });
    check_zones(
        account, account.memory.offered, [](const auto& zone) -> const auto& { return zone.memory; });
    ASSERT_TRUE(account.zones.empty() || nodes_[view.name].status.zones == 2);
    const auto found = coordinator_->newest.find(view.name);
    if (found == coordinator_->newest.end()) {
      ASSERT_EQ(account.cpu.offered, MilliCpu(0));
      ASSERT_EQ(account.memory.offered, Bytes(0));
      return;
    }
    const Newest& newest = found->second;
    const auto wanted = policy::effective_on(*policy_, newest.facts).colocation;
    const bool stale = now_ - newest.arrived > wanted.degrade_time_minutes * 60 * kSecond;
    const auto& status = nodes_[view.name].status;
    check_terms(account.cpu, status.cpu_capacity, wanted.cpu_reclaim_threshold_percent, newest.charged_cpu, stale,
                wanted.enable && newest.readable);
    check_terms(account.memory, status.memory_capacity, wanted.memory_reclaim_threshold_percent, newest.charged_memory,
                stale, wanted.enable && newest.readable);
    if (!newest.readable || stale || !wanted.enable) {
      unreadable += newest.readable ? 0 : 1;
      return;
    }
    check_taken(account.cpu, newest.taken_cpu);
    check_taken(account.memory, newest.taken_memory);
  }

  template <class Unit>
  void check_taken(const model::ReclaimTerms<Unit>& terms, Unit taken) {
    ASSERT_EQ(terms.third_party, taken);
    ASSERT_EQ(terms.offered, std::max(terms.origin - taken, Unit(0))) << "sold what a third party has";
    if (taken > Unit(0) && terms.offered > Unit(0)) ++shared;
  }

  // --- at the end

  void check_history() {
    for (const auto& [name, node] : nodes_) {
      const auto page = store_.reports(name, {0}, {INT64_MAX}, 0);
      ASSERT_TRUE(page.ok());
      ASSERT_FALSE(page->truncated);
      std::map<ReportId, int> times;
      for (const auto& stored : page->rows) {
        ++times[id_of(stored.report)];
        model::Report sent = node.made.at(id_of(stored.report));
        sent.lane = stored.report.lane;
        ASSERT_EQ(stored.report, sent);
      }
      for (const auto& [id, count] : times)
        ASSERT_EQ(count, 1) << name.str() << " " << id.first << "/" << id.second;
      for (const auto& id : node.acked)
        ASSERT_EQ(times[id], 1) << "acked and not there: " << name.str() << " " << id.first << "/" << id.second;
      ASSERT_LE(node.spool.size(), 2U) << "after a calm the spool is all but empty";
    }
  }

  void check_policies() {
    for (const auto& [name, session] : coordinator_->sessions) {
      const Node& node = nodes_[name];
      if (!coordinator_->newest.contains(name)) continue;
      auto wanted = policy::effective_on(*policy_, policy::facts_of(node.status));
      wanted.version = version_;
      wanted.epoch = model::Epoch(static_cast<std::uint64_t>(coordinators));
      ASSERT_TRUE(node.policy);
      ASSERT_EQ(*node.policy, wanted) << name.str();
      ASSERT_EQ(coordinator_->fleet.node(name, {now_})->policy_applied, version_);
    }
    ASSERT_EQ(coordinator_->sessions.size(), static_cast<std::size_t>(kNodes));
  }

  Random random_;
  Random jump_random_;
  Random host_random_;
  bool wall_jumps_;
  std::int64_t now_ = 0;
  std::uint64_t event_number_ = 0;
  std::uint64_t sessions_made_ = 0;
  std::uint64_t pods_made_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, Action> events_;
  std::map<NodeName, Node> nodes_;
  store::MemoryStore store_;
  std::unique_ptr<Coordinator> coordinator_;
  std::map<std::size_t, std::string> kept_profiles_;
  std::int64_t restarted_at_ = 0;
  std::shared_ptr<const policy::ClusterPolicy> policy_;
  model::PolicyVersion version_;
  std::map<NodeName, std::string> last_line_;
};

TEST(FleetSim, HistoryOffersAndPoliciesAreRightUnderAnyOrderOfMessages) {
  int offers = 0;
  int mid_offers = 0;
  int zone_offers = 0;
  int predicted = 0;
  int remembered = 0;
  int deficits = 0;
  int withdrawn = 0;
  int unreadable = 0;
  int shared = 0;
  int coordinators = 0;
  const bool complete = each_seed(20, [&](std::uint64_t seed) {
    World world(seed, true);
    world.run();
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_GT(world.acked, 300);
    offers += world.offers;
    mid_offers += world.mid_offers;
    zone_offers += world.zone_offers;
    predicted += world.predicted;
    remembered += world.remembered;
    deficits += world.deficits;
    withdrawn += world.withdrawn;
    unreadable += world.unreadable;
    shared += world.shared;
    coordinators += world.coordinators;
  });
  if (!complete) return;
  EXPECT_GT(offers, 1000);
  EXPECT_GT(mid_offers, 1000);
  EXPECT_GT(zone_offers, 1000);
  EXPECT_GT(predicted, 1000);
  EXPECT_GT(remembered, 100);
  EXPECT_GT(deficits, 1000);
  EXPECT_GT(withdrawn, 100);
  EXPECT_GT(unreadable, 100);
  EXPECT_GT(shared, 1000);
  EXPECT_GT(coordinators, 25);
}

TEST(FleetSim, WallClockJumpsOfNodesChangeNeitherLivenessNorOrder) {
  each_seed(10, [](std::uint64_t seed) {
    World calm(seed, false);
    calm.run();
    World jumping(seed, true);
    jumping.run();
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_TRUE(calm.liveness == jumping.liveness);
    ASSERT_TRUE(calm.placed == jumping.placed) << "a wall-clock jump moved a report in history";
    ASSERT_GT(calm.placed.size(), 300U);
  });
}

}  // namespace
}  // namespace tideline::sim
