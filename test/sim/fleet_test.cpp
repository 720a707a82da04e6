// A fleet in virtual time: nodes, a network that loses, delays, reorders and doubles, and a coordinator made of the
// real pure rooms, combined as its actors combine them.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "storage/store/memory_store.h"
#include "test/sim/campaign.h"
#include "test/sim/coordinator_sim.h"
#include "test/sim/event_queue.h"
#include "test/sim/offer_check.h"
#include "test/sim/random_policy.h"

namespace tideline::sim {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::NodeName;
using std::chrono::seconds;

constexpr std::int64_t kGi = std::int64_t{1} << 30;
constexpr std::int64_t kNodes = 6;
constexpr std::int64_t kMaxTransit = 15 * kSecond;  // longer than a report's window, so that reports overtake
constexpr std::int64_t kSimulated = 20 * kMinute;
constexpr std::int64_t kSettle = 6 * kMinute;  // longer than any time without a session
constexpr std::size_t kMostHidden = 2;
constexpr std::int64_t kRounding = 3;  // of averages that make up a charge

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
  /// Services that run on and are not listed any more; now, and as of each report made.
  std::vector<model::PodSummary> hidden;
  std::map<ReportId, std::vector<model::PodSummary>> hidden_then;
  std::int64_t system_milli = 0;
  std::int64_t system_bytes = 0;
  std::int64_t app_milli = 0;  // a prod host application's use, measured or not
  std::int64_t app_bytes = 0;
  std::optional<model::NodePolicy> policy;
  std::int64_t last_push_at = 0;
};

/// What the newest live report says, kept apart from the code under test.
struct Newest {
  NewestReport report;
  policy::NodeFacts facts;
  Charged charged;
  Charged taken;  // of batch, by third parties
  bool readable = true;
  std::set<model::PodUid> listed;  // ever
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
    events_.at(kSecond, [this] { ledger(); });
    events_.at(kSecond, [this] { trouble(); });
  }

  void run() {
    while (now() < kSimulated + kSettle && !testing::Test::HasFailure() && events_.step()) {
    }
    if (!testing::Test::HasFailure()) check_history();
    if (!testing::Test::HasFailure()) check_policies();
  }

  OfferCounts counts;
  int zone_offers = 0;
  int predicted = 0;   // accounts with something that prod is predicted not to need
  int remembered = 0;  // of them, those of a coordinator too young to have learnt it
  int unreadable = 0;  // accounts of nodes with an annotation that cannot be read
  int shared = 0;      // offers beside third parties
  int hidden = 0;      // live reports of nodes where a service that was listed runs on
  int acked = 0;
  int coordinators = 0;
  std::vector<std::string> liveness;      // a line per node and change
  std::map<Placed, std::int64_t> placed;  // corrected time of reports whose node's clock was known

 private:
  std::int64_t now() const { return events_.now(); }
  bool faulty() const { return now() < kSimulated; }
  std::int64_t transit() { return random_.between(kMs, faulty() ? kMaxTransit : 100 * kMs); }

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
    events_.after(random_.between(0, 10 * kSecond), [this, name] { report_tick(nodes_[name]); });
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
    events_.after(random_.between(kMs, kSecond), [this, &node, life = node.life] {
      if (node.life == life && node.up) connect(node);
    });
  }

  static void add_use(Charged& sum, const model::PodSummary& pod) {
    sum.cpu += MilliCpu(pod.cpu_milli ? pod.cpu_milli->mean : 0);
    sum.memory += Bytes(pod.memory_bytes ? pod.memory_bytes->mean : 0);
  }

  static void hide(Node& node, const model::PodSummary& pod) {
    if (node.hidden.size() == kMostHidden) node.hidden.erase(node.hidden.begin());
    node.hidden.push_back(pod);
  }

  void change_pods(Node& node) {
    if (node.pods.size() > 3 || (!node.pods.empty() && random_.percent(40))) {
      const auto leaving = node.pods.begin() + random_.between(0, static_cast<std::int64_t>(node.pods.size()) - 1);
      if (leaving->pod->qos != model::QosClass::kBe && host_random_.percent(50)) hide(node, *leaving);
      node.pods.erase(leaving);
      return;
    }
    const auto share = [&](auto capacity) { return capacity.percent(static_cast<double>(random_.between(2, 45))); };
    model::Pod pod;
    pod.uid = model::PodUid("pod-" + std::to_string(++pods_made_));
    constexpr model::QosClass kClasses[] = {model::QosClass::kLs, model::QosClass::kLse, model::QosClass::kBe};
    pod.qos = kClasses[random_.between(0, 2)];
    pod.requests.cpu = share(node.status.cpu_capacity);
    pod.requests.memory = share(node.status.memory_capacity);
    if (pod.qos == model::QosClass::kLs && random_.percent(40)) {
      pod.priority = 7500;
      pod.mid_requests = {share(node.status.cpu_capacity), share(node.status.memory_capacity)};
    }
    if (pod.qos == model::QosClass::kBe) pod.requests.batch_cpu = share(node.status.cpu_capacity);
    model::PodSummary& summary = node.pods.emplace_back();
    summary.pod = std::move(pod);
    if (random_.percent(70)) {
      const auto cpu = share(node.status.cpu_capacity).value();
      const auto memory = share(node.status.memory_capacity).value();
      summary.cpu_milli = model::Spread{cpu, cpu, cpu};
      summary.memory_bytes = model::Spread{memory, memory, memory};
    }
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
    report.mono = {node.mono_base + now()};
    report.wall = {kWallStartMs + now() / kMs + node.wall_jump_ms};
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
    Charged unlisted;
    for (const auto& pod : node.hidden)
      add_use(unlisted, pod);
    node.hidden_then[id_of(report)] = node.hidden;
    sample.node_memory = Bytes(memory) + unlisted.memory;
    const bool told_apart = add_application(node, report);
    const MilliCpu system(node.system_milli + (told_apart ? 0 : node.app_milli));
    if (!random_.percent(10)) sample.system_cpu = system + unlisted.cpu;
    add_zones(report);
    std::int64_t cpu = node.system_milli + node.app_milli + unlisted.cpu.value();
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
    events_.after(10 * kSecond, [this, &node] { report_tick(node); });
    if (!node.up) return;
    if (random_.percent(20)) change_pods(node);
    if (!node.hidden.empty() && host_random_.percent(3)) node.hidden.erase(node.hidden.begin());
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
      events_.after(transit(), [this, report, term = coordinators] {
        if (term == coordinators) arrive(report);
      });
    }
  }

  void connect(Node& node) {
    node.session = ++sessions_made_;
    node.last_push_at = now();
    opened(node.name, node.session);
    for (const auto& [seq, report] : node.spool)
      send_late(report);
  }

  void disconnect(Node& node) {
    if (node.session == 0) return;
    // The coordinator may notice long after the node.
    events_.after(random_.between(kMs, 10 * kSecond),
                  [this, name = node.name, session = node.session, term = coordinators] {
                    if (term == coordinators) coordinator_->closed(name, session, now());
                  });
    node.session = 0;
  }

  void reconnect_after(Node& node, std::int64_t delay) {
    events_.after(delay, [this, &node, life = node.life] {
      if (node.life == life && node.up && node.session == 0) connect(node);
    });
  }

  void trouble() {
    events_.after(kSecond, [this] { trouble(); });
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
        events_.after(kMaxTransit + random_.between(2, 30) * kSecond,
                      [this, &of = node, lost = random_.percent(50)] { start(of, lost); });
      }
    }
    if (!faulty()) return;
    if (random_.percent(1)) change_policy();
    if (random_.between(0, 499) == 0) restart_coordinator();
  }

  // --- coordinator, as its actors do it

  void restart_coordinator() {
    ++coordinators;
    restarted_at_ = now();
    coordinator_ = std::make_unique<CoordinatorSim>(store_, model::Epoch(static_cast<std::uint64_t>(coordinators)),
                                                    kept_profiles_, now());
    newest_.clear();
    if (policy_) coordinator_->set_policy(policy_, version_);
    for (auto& [name, node] : nodes_) {
      node.session = 0;
      reconnect_after(node, random_.between(1, 20) * kSecond);
    }
  }

  void change_policy() {
    auto colocation = random_colocation(random_);
    policy_ = parsed({std::move(colocation), random_prediction(random_)});
    ASSERT_TRUE(policy_);
    version_ = version_.next();
    coordinator_->set_policy(policy_, version_);
    push_due();
  }

  /// What predictions rest on, as it is kept slice by slice; a coordinator that ends loses what came after.
  void keep_profiles() {
    for (const auto& [name, node] : nodes_) {
      if (!random_.percent(5)) continue;
      coordinator_->keep_profiles(profile::ProfileBook::slice_of(name), kept_profiles_, now());
    }
  }

  void opened(const NodeName& name, std::uint64_t session) {
    coordinator_->opened(name, session, now());
    push_due();
  }

  void arrive(const model::Report& report) {
    const bool clock_known = newest_.contains(report.node);
    coordinator_->arrived(std::make_shared<const model::Report>(report), now(), clock_known ? 1 : 0);
    if (coordinator_->waiting() > 1) return;
    events_.after(random_.between(0, 500) * kMs, [this, term = coordinators] {
      if (term == coordinators) commit();
    });
  }

  void commit() {
    coordinator_->commit(coordinator_->take_waiting(), [this](const auto& waiting, const fleet::Intake* intake) {
      const auto& report = *waiting.report;
      if (intake != nullptr) take(waiting, *intake);
      if (faulty() && random_.percent(15)) return;  // the ack is lost
      events_.after(transit(), [this, name = report.node, id = id_of(report)] { acknowledged(nodes_[name], id); });
    });
  }

  void acknowledged(Node& node, const ReportId& id) {
    acked += node.acked.insert(id).second ? 1 : 0;
    if (id.first == node.incarnation) node.spool.erase(id.second);
  }

  void take(const CoordinatorSim::Waiting& waiting, const fleet::Intake& intake) {
    const auto& report = *waiting.report;
    if (waiting.tag != 0) {
      placed[{report.node, id_of(report)}] =
          store::corrected_wall(report.wall, waiting.clock_offset, waiting.arrival.wall).ms;
    }
    const auto found = newest_.find(report.node);
    const bool expected =
        found == newest_.end() ? report.lane == model::Lane::kLive : found->second.report.is_news(report);
    ASSERT_EQ(intake.outcome == fleet::IntakeOutcome::kLive, expected);
    if (!expected) return;
    Newest& newest = newest_[report.node];
    newest.report.take(report, waiting.arrival.mono.ns);
    newest.facts = policy::facts_of(report.status);
    const Node& node = nodes_[report.node];
    const auto annotation = node.annotated.find(text_of(report.status.annotations));
    const Annotated annotated = annotation == node.annotated.end() ? Annotated{} : annotation->second;
    newest.taken = {annotated.taken_cpu, annotated.taken_memory};
    newest.readable = annotated.readable;
    for (const auto& pod : report.pods)
      newest.listed.insert(pod.pod->uid);
    // Of one that was listed in lost reports alone nobody here knows.
    Charged unlisted;
    for (const auto& pod : nodes_[report.node].hidden_then[id_of(report)]) {
      if (newest.listed.contains(pod.pod->uid)) add_use(unlisted, pod);
    }
    hidden += unlisted.cpu > MilliCpu(0) ? 1 : 0;
    // The host application shares what is reserved with the system. Each pod's use is the same all its life, and so is
    // its average; one that is not listed any more uses as much.
    const auto system_cpu = MilliCpu(node.system_milli + node.app_milli) + unlisted.cpu;
    const auto system_memory = Bytes(node.system_bytes + node.app_bytes) + unlisted.memory;
    newest.charged = charged_of(report, std::max(system_cpu, annotated.reserved_cpu),
                                std::max(system_memory, annotated.reserved_memory), [](const auto& pod) {
                                  Use use;
                                  if (pod.cpu_milli) use.cpu = MilliCpu(pod.cpu_milli->mean);
                                  if (pod.memory_bytes) use.memory = Bytes(pod.memory_bytes->mean);
                                  return use;
                                });
    push_due();
  }

  void push_due() {
    for (auto& push : coordinator_->take_pushes()) {
      Node& node = nodes_[push.node];
      // One session keeps its order; what it had under way ends with it.
      node.last_push_at = std::max(node.last_push_at, now() + transit());
      events_.at(node.last_push_at, [this, &node, session = push.session, pushed = std::move(push.policy)] {
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
    events_.after(transit(), [this, name = node.name, version = pushed.version, term = coordinators] {
      if (term == coordinators) coordinator_->fleet().policy_answered(name, version, "");
    });
  }

  void ledger() {
    events_.after(kSecond, [this] { ledger(); });
    keep_profiles();
    (void)coordinator_->run_ledger(now());
    coordinator_->check_ledger(now());
    const auto accounts = coordinator_->ledger().accounts({now()});
    const auto views = coordinator_->fleet().nodes({now()});
    ASSERT_EQ(accounts.size(), views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const auto& view = views[i];
      check_account(view, accounts[i]);
      if (coordinator_->ledger().profiles().reclaimable(view.name).cpu > MilliCpu(0)) {
        ++predicted;
        if (now() - restarted_at_ < kMinute) ++remembered;
      }
      if (testing::Test::HasFailure()) return;
      const auto line = fmt::format("{} {} {} {} {}", view.name.str(), fleet::name_of(view.liveness), view.connected,
                                    view.incarnation.value(), view.last_seq.value());
      if (std::exchange(last_line_[view.name], line) != line) liveness.push_back(fmt::format("{} {}", now(), line));
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
    const auto found = newest_.find(view.name);
    if (found == newest_.end()) {
      ASSERT_EQ(account.cpu.offered, MilliCpu(0));
      ASSERT_EQ(account.memory.offered, Bytes(0));
      return;
    }
    const Newest& newest = found->second;
    const auto wanted = policy::effective_on(*policy_, newest.facts).colocation;
    const bool stale = now() - newest.report.arrived() > wanted.degrade_time_minutes * kMinute;
    const bool enabled = wanted.enable && newest.readable;
    const auto& status = nodes_[view.name].status;
    const OfferTruth<MilliCpu> cpu{.capacity = status.cpu_capacity,
                                   .percent = wanted.cpu_reclaim_threshold_percent,
                                   .charged = newest.charged.cpu,
                                   .slack = MilliCpu(kRounding),
                                   .stale = stale,
                                   .enabled = enabled};
    const OfferTruth<Bytes> memory{.capacity = status.memory_capacity,
                                   .percent = wanted.memory_reclaim_threshold_percent,
                                   .charged = newest.charged.memory,
                                   .slack = Bytes(kRounding),
                                   .stale = stale,
                                   .enabled = enabled};
    ASSERT_EQ(problem_of(account.cpu, cpu, counts), "") << "CPU of " << view.name.str();
    ASSERT_EQ(problem_of(account.memory, memory, counts), "") << "memory of " << view.name.str();
    if (stale || !enabled) {
      unreadable += newest.readable ? 0 : 1;
      return;
    }
    check_taken(account.cpu, newest.taken.cpu);
    check_taken(account.memory, newest.taken.memory);
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
    for (const auto& [name, session] : coordinator_->sessions()) {
      const Node& node = nodes_[name];
      if (!newest_.contains(name)) continue;
      auto wanted = policy::effective_on(*policy_, policy::facts_of(node.status));
      wanted.version = version_;
      wanted.epoch = model::Epoch(static_cast<std::uint64_t>(coordinators));
      ASSERT_TRUE(node.policy);
      ASSERT_EQ(*node.policy, wanted) << name.str();
      ASSERT_EQ(coordinator_->fleet().node(name, {now()})->policy_applied, version_);
    }
    ASSERT_EQ(coordinator_->sessions().size(), static_cast<std::size_t>(kNodes));
  }

  Random random_;
  Random jump_random_;
  Random host_random_;
  bool wall_jumps_;
  EventQueue events_;
  std::uint64_t sessions_made_ = 0;
  std::uint64_t pods_made_ = 0;
  std::map<NodeName, Node> nodes_;
  store::MemoryStore store_;
  std::unique_ptr<CoordinatorSim> coordinator_;
  std::map<NodeName, Newest> newest_;  // as this life of the coordinator knows it
  KeptProfiles kept_profiles_;
  std::int64_t restarted_at_ = 0;
  std::shared_ptr<const policy::ClusterPolicy> policy_;
  model::PolicyVersion version_;
  std::map<NodeName, std::string> last_line_;
};

TEST(FleetSim, HistoryOffersAndPoliciesAreRightUnderAnyOrderOfMessages) {
  OfferCounts counts;
  int zone_offers = 0;
  int predicted = 0;
  int remembered = 0;
  int unreadable = 0;
  int shared = 0;
  int hidden = 0;
  int coordinators = 0;
  const bool complete = each_seed(20, [&](std::uint64_t seed) {
    World world(seed, true);
    world.run();
    if (testing::Test::HasFailure()) return;
    EXPECT_GT(world.acked, 300);
    counts.add(world.counts);
    zone_offers += world.zone_offers;
    predicted += world.predicted;
    remembered += world.remembered;
    unreadable += world.unreadable;
    shared += world.shared;
    hidden += world.hidden;
    coordinators += world.coordinators;
  });
  if (!complete) return;
  EXPECT_GT(counts.offers, 1000);
  EXPECT_GT(counts.mid_offers, 1000);
  EXPECT_GT(zone_offers, 1000);
  EXPECT_GT(predicted, 1000);
  EXPECT_GT(remembered, 100);
  EXPECT_GT(counts.deficits, 1000);
  EXPECT_GT(counts.withdrawn, 100);
  EXPECT_GT(unreadable, 100);
  EXPECT_GT(shared, 1000);
  EXPECT_GT(hidden, 500);
  EXPECT_GT(coordinators, 25);
}

TEST(FleetSim, WallClockJumpsOfNodesChangeNeitherLivenessNorOrder) {
  each_seed(10, [](std::uint64_t seed) {
    World calm(seed, false);
    calm.run();
    World jumping(seed, true);
    jumping.run();
    if (testing::Test::HasFailure()) return;
    ASSERT_TRUE(calm.liveness == jumping.liveness);
    ASSERT_TRUE(calm.placed == jumping.placed) << "a wall-clock jump moved a report in history";
    ASSERT_GT(calm.placed.size(), 300U);
  });
}

}  // namespace
}  // namespace tideline::sim
