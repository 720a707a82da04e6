// What goes wrong around the bridge to Kubernetes: each time everything is as it should be again, nobody was evicted,
// and no Node promised more than the ledger for long while both ends were there to put that right.
//
// Amounts stand still here: more CPU is reserved for the system than the host has, memory is charged as requested, and
// nothing runs in the pods. So it is known what the ledger offers, and that it is on the Node is said to the byte.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test/e2e/kubernetes_world.h"
#include "test/support/metric.h"
#include "test/support/sanitized.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Pod = KubernetesWorld::Pod;
using Pods = std::vector<Pod>;

/// For how long the Node promised too much while that could have been put right, at the most.
class OfferWatch {
 public:
  explicit OfferWatch(int web_port) : thread_([this, web_port] { run(web_port); }) {}
  ~OfferWatch() {
    ends_ = true;
    thread_.join();
  }
  OfferWatch(const OfferWatch&) = delete;
  OfferWatch& operator=(const OfferWatch&) = delete;

  /// The API server is away, or does not do what the coordinator asks of it.
  void excuse() { is_excused_ = true; }
  void expect() { is_excused_ = false; }
  milliseconds longest() const {
    const std::lock_guard lock(mutex_);
    return longest_;
  }

 private:
  void run(int web_port) {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> since;
    while (!ends_) {
      // Not a number where there is no coordinator.
      const double above = metric(web_port, "tideline_kubernetes_above_offer_seconds");
      if (is_excused_ || std::isnan(above) || above <= 0) {
        since.reset();
      } else {
        const auto now = Clock::now();
        if (!since) since = now;
        const std::lock_guard lock(mutex_);
        longest_ = std::max(longest_, std::chrono::duration_cast<milliseconds>(now - *since));
      }
      std::this_thread::sleep_for(milliseconds(200));
    }
  }

  mutable std::mutex mutex_;
  milliseconds longest_{0};
  std::atomic<bool> is_excused_{false};
  std::atomic<bool> ends_{false};
  std::thread thread_;  // last: it uses all of them
};

/// "" where this machine has none.
std::string faketime_library() {
  std::error_code problem;
  for (const auto& folder : fs::directory_iterator("/usr/lib", problem)) {
    const auto library = folder.path() / "faketime" / "libfaketimeMT.so.1";
    if (fs::exists(library, problem)) return library.string();
  }
  return "";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

class KubernetesChaos : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!KubeControlPlane::missing().empty() || !ScratchCgroup::missing().empty()) return;
    world_ = std::make_unique<KubernetesWorld>(KubernetesExtras{.through_gate = true});
    const auto account = world_->cluster().ask({"explain", "reclaimed", KubernetesWorld::kNode}).at("account");
    capacity_milli_ = account.at("cpuMilli").at("capacity").get<std::int64_t>();
    reserved_milli_ = capacity_milli_ + 1000;
    // Most of the memory, so that less is offered than before: a rise would have to wait.
    const auto memory = account.at("memoryBytes").at("capacity").get<std::int64_t>() / 10 * 8;
    kubectl({"annotate", "node", KubernetesWorld::kNode,
             fmt::format(R"(node.koordinator.sh/reservation={{"resources": {{"cpu": "{}m", "memory": "{}"}}}})",
                         reserved_milli_, memory)});
    // All that evictions look for, but for a reason.
    job_ = world_->run_pod("evictable", "BE");
    kubectl({"label", "pod", job_.name, "koordinator.sh/eviction-enabled=true"});
    change();
    converges("the stage", {job_});
  }
  static void TearDownTestSuite() { world_.reset(); }

  void SetUp() override {
    TIDELINE_NEED_KUBE();
    TIDELINE_NEED_CGROUPS();
    ASSERT_TRUE(world_ != nullptr);
    log_begin_ = whole_log().size();
    watch_ = std::make_unique<OfferWatch>(world_->cluster().web_port());
  }

  void TearDown() override {
    if (!world_ || !watch_) return;
    // Whatever a test that failed has left.
    world_->gate().open();
    const auto above = watch_->longest();
    watch_.reset();
    std::cout << "above the offer for " << above.count() << " ms\n";
    EXPECT_LE(above, promised(seconds(10)));
    EXPECT_THAT(evictions(), IsEmpty());
  }

  static void kubectl(std::vector<std::string> arguments) {
    const auto done = world_->plane().kubectl(std::move(arguments));
    ASSERT_EQ(done.exit, 0) << done.output;
  }

  static std::string whole_log() { return world_->cluster().dir().read("coordinator.log"); }
  /// What the coordinator logged in this test.
  std::string log() const { return whole_log().substr(log_begin_); }
  bool logs(const std::string& text) const {
    return eventually(seconds(30), [&] { return log().find(text) != std::string::npos; });
  }

  /// Another policy, under which less is offered, by a tenth or so: a fall that does not wait.
  static void change() {
    ++step_;
    const json colocation = {{"enable", true},
                             {"cpuReclaimThresholdPercent", reclaim_percent()},
                             {"cpuCalculatePolicy", "maxUsageRequest"},
                             {"memoryReclaimThresholdPercent", 95},
                             {"memoryCalculatePolicy", "request"},
                             {"resourceDiffThreshold", 0.1},
                             {"updateTimeThresholdSeconds", 1}};
    const json threshold = {{"enable", true},
                            {"cpuSuppressPolicy", "cfsQuota"},
                            {"cpuSuppressThresholdPercent", threshold_percent()},
                            {"cpuEvictBESatisfactionLowerPercent", 40},
                            {"cpuEvictBESatisfactionUpperPercent", 60},
                            // More than ever is requested here: it takes an offer that is not known to be above it.
                            {"cpuAllocatableEvictThresholdPercent", 2000},
                            {"cpuAllocatableEvictLowerPercent", 1900},
                            {"allocatableEvictPriorityThreshold", 5999}};
    world_->configure({{"colocation-config", colocation.dump()},
                       {"resource-threshold-config", json{{"clusterStrategy", threshold}}.dump()}});
  }
  /// By which the newest policy is known on the node.
  static int threshold_percent() { return 60 + step_; }
  static std::int64_t reclaim_percent() {
    const double wanted = 1.4 * static_cast<double>(capacity_milli_) * std::pow(0.89, step_ - 1);
    return std::lround((static_cast<double>(reserved_milli_) + wanted) * 100 / static_cast<double>(capacity_milli_));
  }
  /// Nothing is charged but what is reserved: services request CPU, and there are none when a test is through.
  static std::int64_t offered_milli() { return capacity_milli_ * reclaim_percent() / 100 - reserved_milli_; }

  /// The newest policy is in force, the node has `there` and not `gone`, and its Node has what is offered.
  static bool is_converged(const Pods& there, const Pods& gone) {
    const auto seen = [](const Pod& pod) { return world_->is_seen(pod); };
    if (!world_->in_force(threshold_percent(), milliseconds(0))) return false;
    if (!std::all_of(there.begin(), there.end(), seen) || std::any_of(gone.begin(), gone.end(), seen)) return false;
    const auto accounted = world_->accounted();
    return accounted.batch_cpu == offered_milli() && world_->published() == accounted;
  }

  static void converges(const std::string& after, const Pods& there, const Pods& gone = {}) {
    const auto took = time_until([&] { return is_converged(there, gone); }, seconds(60));
    ASSERT_TRUE(took.has_value()) << after << ": want batch-cpu " << offered_milli() << "; published "
                                  << KubernetesWorld::text(world_->published()) << "; accounted "
                                  << KubernetesWorld::text(world_->accounted()) << "\n"
                                  << world_->logs();
    std::cout << after << ": as it should be after " << took->count() << " ms\n";
  }

  /// Of pods on this node: what was asked of the API server by anybody, and what coordinator and agent tell of.
  static std::vector<std::string> evictions() {
    std::vector<std::string> found;
    for (const auto& event : world_->plane().audited()) {
      if (event.value("objectRef", json::object()).value("subresource", "") == "eviction")
        found.push_back(event.dump());
    }
    // As far as any clock was put forward.
    const auto end = std::chrono::system_clock::now() + std::chrono::hours(2);
    const auto end_ms = std::chrono::duration_cast<milliseconds>(end.time_since_epoch()).count();
    const auto events = world_->cluster().ask({"events", "--from", "-1h", "--to", std::to_string(end_ms)});
    if (!events.is_object()) return {"the events cannot be read"};
    for (const auto& event : events.at("events")) {
      const auto reason = event.value("reason", "");
      if (reason == "eviction-granted" || reason == "api-eviction" || reason == "api-evicted" ||
          reason == "be-pod-evicted" || event.value("newValue", "").find("asked to end") != std::string::npos) {
        found.push_back(event.dump());
      }
    }
    return found;
  }

  static inline std::unique_ptr<KubernetesWorld> world_;
  static inline Pod job_;
  static inline int step_ = 0;
  static inline std::int64_t capacity_milli_ = 0;
  static inline std::int64_t reserved_milli_ = 0;
  std::unique_ptr<OfferWatch> watch_;
  std::size_t log_begin_ = 0;
};

TEST_F(KubernetesChaos, AnApiServerThatIsKilledAmidChangesIsCaughtUpWith) {
  const auto service = world_->run_pod("before-the-kill", "LS");
  change();
  watch_->excuse();
  world_->plane().kill_api_server();
  std::this_thread::sleep_for(seconds(1));
  world_->plane().start_api_server();
  const auto job = world_->run_pod("after-the-kill", "BE");
  world_->delete_pod(service);
  change();
  watch_->expect();
  converges("API server killed", {job_, job}, {service});
  world_->delete_pod(job);
}

TEST_F(KubernetesChaos, AWatchThatMissedMoreThanTheServerRemembersListsAnew) {
  const auto gone = world_->run_pod("before-the-cut", "LS");
  ASSERT_TRUE(eventually(seconds(10), [&] { return world_->is_seen(gone); })) << world_->logs();
  const auto relists = [] { return metric(world_->cluster().web_port(), "tideline_kubernetes_relists_total"); };
  const auto before = relists();

  watch_->excuse();
  world_->gate().shut();
  world_->delete_pod(gone);
  Pods there{job_};
  for (int i = 0; i < 10; ++i)
    there.push_back(world_->run_pod("in-the-cut-" + std::to_string(i), "BE"));
  kubectl({"label", "node", KubernetesWorld::kNode, "pool=cut", "--overwrite"});
  change();
  // What its own memory had is gone with the server, and what came before with etcd's revisions.
  world_->plane().compact();
  world_->plane().kill_api_server();
  world_->plane().start_api_server();
  world_->gate().open();
  watch_->expect();
  converges("a cut, a compaction and 13 changes", there, {gone});
  EXPECT_GT(relists(), before) << log();
  for (std::size_t i = 1; i < there.size(); ++i)
    world_->delete_pod(there[i]);
}

TEST_F(KubernetesChaos, ATokenThatIsRevokedIsReplacedFromItsFile) {
  const auto first_token = world_->cluster().dir().read("coordinator.token");
  watch_->excuse();
  world_->revoke_token();
  // The server remembers for some seconds that it was good.
  ASSERT_TRUE(eventually(seconds(30), [] {
    return run({"kubectl", "--kubeconfig", world_->kubeconfig(), "get", "--raw", "/api/v1/nodes?limit=1"}).exit != 0;
  }));
  world_->gate().cut();
  EXPECT_TRUE(logs("answers 401")) << log();
  const auto job = world_->run_pod("while-nobody-is-trusted", "BE");
  change();
  EXPECT_FALSE(world_->is_seen(job));

  world_->renew_token();
  watch_->expect();
  converges("token revoked and replaced", {job_, job});
  const auto second_token = world_->cluster().dir().read("coordinator.token");
  for (const auto& token : {first_token, second_token})
    EXPECT_THAT(whole_log(), Not(HasSubstr(token)));
  world_->delete_pod(job);
}

TEST_F(KubernetesChaos, RightsThatAreTakenAwayAreNamedOnceAndUsedAgainWhenTheyAreBack) {
  constexpr const char* kNamed = "nothing is published; the role needs the verb patch on nodes/status";
  watch_->excuse();
  world_->take_rights();
  // A watch that is open goes on, so the policy comes; what follows from it cannot be written.
  change();
  EXPECT_TRUE(logs(kNamed)) << log();
  // It goes on trying, each five seconds.
  const auto tries = [] { return metric(world_->cluster().web_port(), "tideline_kubernetes_writes_failed_total"); };
  const auto tried = tries();
  EXPECT_TRUE(eventually(seconds(20), [&] { return tries() > tried; })) << log();
  EXPECT_EQ(count_of(log(), kNamed), 1U) << log();
  world_->gate().cut();
  EXPECT_TRUE(logs("answers 403 Forbidden")) << log();
  const auto job = world_->run_pod("while-nothing-is-allowed", "BE");
  EXPECT_FALSE(world_->is_seen(job));

  world_->give_rights();
  watch_->expect();
  converges("rights taken away and given back", {job_, job});
  world_->delete_pod(job);
}

TEST_F(KubernetesChaos, ACoordinatorThatIsKilledAmidChangesIsRightAfterItsRestart) {
  const auto service = world_->run_pod("before-its-end", "LS");
  change();
  world_->cluster().kill_coordinator();
  world_->delete_pod(service);
  const auto job = world_->run_pod("after-its-end", "BE");
  change();
  world_->start_coordinator();
  converges("coordinator killed", {job_, job}, {service});
  world_->delete_pod(job);
}

TEST_F(KubernetesChaos, AWallClockThatJumpsMovesNothing) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's runtime wants to be loaded before libfaketime";
  const auto library = faketime_library();
  if (library.empty()) GTEST_SKIP() << "there is no libfaketimeMT.so.1, of the package faketime";
  const auto put_clock = [](const std::string& ahead) {
    const auto fresh = world_->cluster().dir().write("clock.new", ahead + "\n");
    fs::rename(fresh, world_->cluster().dir().path() / "clock");
  };
  put_clock("+0");
  ASSERT_EQ(world_->cluster().stop_coordinator(), 0) << world_->logs();
  // Of its wall clock alone: a machine whose clock is set has the same monotonic one as before.
  world_->cluster().set_coordinator_environment(
      {"LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + world_->cluster().dir().str() + "/clock",
       "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"});
  world_->start_coordinator();
  world_->cluster().set_coordinator_environment({});
  change();
  converges("coordinator restarted", {job_});
  for (const char* ahead : {"+1h", "+0"}) {
    put_clock(ahead);
    const auto job = world_->run_pod("after-a-jump", "BE");
    change();
    converges(fmt::format("its wall clock at {}", ahead), {job_, job});
    world_->delete_pod(job);
  }
  ASSERT_EQ(world_->cluster().stop_coordinator(), 0) << world_->logs();
  world_->start_coordinator();
  change();
  converges("coordinator restarted with the machine's clock", {job_});
}

}  // namespace
}  // namespace tideline::test
