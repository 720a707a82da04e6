// Two coordinators of one store and a real API server: which of them leads, and what becomes of one that may not any
// more.

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "test/messages/link/fixture.h"
#include "test/support/cluster.h"
#include "test/support/free_port.h"
#include "test/support/http_get.h"
#include "test/support/kube.h"
#include "test/support/sanitized.h"

namespace tideline::test {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kLeases = "/apis/coordination.k8s.io/v1/namespaces/tideline-system/leases";
constexpr const char* kLease = "tideline-coordinator";
/// Longer than a server under a sanitizer is silent, and shorter than the usual one.
constexpr auto kDuration = seconds(10);
constexpr int kExitLeaseLost = 3;

milliseconds promised(milliseconds time) {
  return time * (kSanitized ? 5 : 1);
}

/// A coordinator of the cluster's store that waits for the Lease, with the ports of all others but for its probes.
class Replica {
 public:
  Replica(const Cluster& cluster, const std::string& name, std::vector<std::string> argv)
      : ports_(cluster.dir().str() + "/" + name + ".ports"), web_port_(free_port()) {
    argv.insert(argv.end(), {"--lease-identity", name, "--ports-file", ports_, "--web-listen",
                             "127.0.0.1:" + std::to_string(web_port_)});
    process_ = std::make_unique<Process>(
        std::move(argv), Process::Options{.environment = {}, .output_file = cluster.dir().str() + "/" + name + ".log"});
  }

  Process& process() { return *process_; }
  std::string log() const { return process_->output(); }
  std::string web(const std::string& path) const { return http_get(web_port_, path); }
  bool is_ready() const { return web("/readyz").starts_with("HTTP/1.1 200"); }
  bool says(const std::string& text) const { return web("/readyz").find(text) != std::string::npos; }
  bool becomes_ready(milliseconds usual) const {
    return eventually(usual, [this] { return is_ready(); });
  }
  int stop() {
    process_->signal(SIGTERM);
    return process_->wait(patience(seconds(20))).value_or(-1);
  }

 private:
  std::string ports_;
  int web_port_;
  std::unique_ptr<Process> process_;
};

class KubernetesLeader : public link::LinkTest {
 protected:
  static void SetUpTestSuite() {
    if (!KubeControlPlane::missing().empty()) return;
    plane_ = std::make_unique<KubeControlPlane>();
    const char* source = std::getenv("TIDELINE_SOURCE");
    for (const char* file :
         {"base/coordinator/namespace.yaml", "base/coordinator/rbac.yaml", "overlays/standby/lease-role.yaml"}) {
      const auto applied = plane_->kubectl(
          {"apply", "-f", std::string(source == nullptr ? "." : source) + "/deploy/kubernetes/" + file});
      ASSERT_EQ(applied.exit, 0) << applied.output;
    }
    kubeconfig_ = plane_->account_kubeconfig("tideline-system", "tideline-coordinator");
  }
  static void TearDownTestSuite() { plane_.reset(); }

  void SetUp() override {
    TIDELINE_NEED_KUBE();
    ASSERT_TRUE(plane_ != nullptr);
    cluster_.set_policy("colocation-config", R"({"enable": true})");
    const auto deleted =
        plane_->kubectl({"delete", "lease", kLease, "--namespace=tideline-system", "--ignore-not-found"});
    ASSERT_EQ(deleted.exit, 0) << deleted.output;
  }

  /// One that nobody has, so that the first candidate need not wait.
  static void make_lease() {
    const nlohmann::json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                                  {"kind", "Lease"},
                                  {"metadata", {{"name", kLease}, {"labels", {{"made-by", "the-test"}}}}}};
    ASSERT_TRUE(plane_->post(kLeases, lease).is_object());
  }
  static nlohmann::json spec() {
    const auto lease = plane_->get(std::string(kLeases) + "/" + kLease);
    return lease.is_object() && lease.contains("spec") ? lease.at("spec") : nlohmann::json::object();
  }
  static bool is_held_by(const std::string& name) { return spec().value("holderIdentity", "").starts_with(name + "_"); }

  std::unique_ptr<Replica> start(const std::string& name) {
    const auto own = cluster_.authority().issue(
        "coordinator-" + name,
        {.common_name = "coordinator", .dns_names = {"coordinator.tideline"}, .server_auth = true});
    const auto address = [](int port) { return "127.0.0.1:" + std::to_string(port); };
    return std::make_unique<Replica>(cluster_, name,
                                     std::vector<std::string>{program("tideline-coordinator"),
                                                              "--listen",
                                                              address(node_port_),
                                                              "--admin-listen",
                                                              address(admin_port_),
                                                              "--no-admin-socket",
                                                              "--tls-cert",
                                                              own.certificate,
                                                              "--tls-key",
                                                              own.key,
                                                              "--tls-ca",
                                                              own.ca,
                                                              "--data-dir",
                                                              cluster_.data_dir(),
                                                              "--policy-source",
                                                              "dir:" + cluster_.dir().str() + "/policy",
                                                              "--kubeconfig",
                                                              kubeconfig_,
                                                              "--leader-elect",
                                                              "--lease-duration",
                                                              std::to_string(kDuration.count()) + "s"});
  }
  /// `one` leads and is ready, `two` stands by and knows it.
  void start_both() {
    make_lease();
    one_ = start("one");
    ASSERT_TRUE(one_->becomes_ready(seconds(30))) << one_->log();
    two_ = start("two");
    ASSERT_TRUE(eventually(seconds(20), [this] { return two_->says("held by one_"); })) << two_->log();
  }

  std::unique_ptr<link::NodeClient> node(link::ClientRecord& record) {
    auto config = client_config("n1", node_port_);
    config.tls = files(cluster_.authority().node("n1"));
    // A coordinator that is stopped keeps what it accepted.
    config.connect_deadline = seconds(5);
    config.queue_deadline = seconds(5);
    return join(std::move(config), record);
  }
  static std::vector<link::Welcome> welcomes(link::ClientRecord& record) {
    const std::lock_guard lock(record.signal.mutex);
    return record.welcomes;
  }
  static std::size_t acks(link::ClientRecord& record) {
    const std::lock_guard lock(record.signal.mutex);
    return record.acked.size();
  }
  static bool comes(link::ClientRecord& record, std::size_t times) {
    return eventually(seconds(60), [&] { return welcomes(record).size() >= times; });
  }
  std::string logs() const { return one_->log() + (two_ ? two_->log() : ""); }

  static inline std::unique_ptr<KubeControlPlane> plane_;
  static inline std::string kubeconfig_;
  Cluster cluster_;
  const std::uint16_t node_port_ = free_port();
  const std::uint16_t admin_port_ = free_port();
  std::unique_ptr<Replica> one_;
  std::unique_ptr<Replica> two_;
};

TEST_F(KubernetesLeader, TheFirstOfAllMakesTheLeaseAndLeads) {
  one_ = start("one");
  ASSERT_TRUE(eventually(seconds(20), [this] { return one_->says("standby: held by nobody yet"); })) << logs();
  EXPECT_THAT(one_->web("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(one_->web("/metrics"), HasSubstr("\ntideline_leader 0\n"));
  ASSERT_TRUE(one_->becomes_ready(kDuration + seconds(20))) << logs();
  EXPECT_TRUE(is_held_by("one")) << spec().dump();
  EXPECT_EQ(spec().value("leaseDurationSeconds", 0), kDuration.count());
  EXPECT_EQ(spec().value("leaseTransitions", -1), 0);
  EXPECT_THAT(one_->web("/metrics"), HasSubstr("\ntideline_leader 1\n"));
  const auto before = spec().value("renewTime", "");
  EXPECT_TRUE(eventually(seconds(20), [&] { return spec().value("renewTime", "") != before; })) << "it is renewed";
  EXPECT_EQ(one_->stop(), 0) << logs();
  EXPECT_EQ(spec().value("holderIdentity", ""), "") << "it was given back";
}

TEST_F(KubernetesLeader, AnOrderlyStopHandsOverWithinSeconds) {
  ASSERT_NO_FATAL_FAILURE(start_both());
  EXPECT_THAT(two_->web("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(two_->web("/metrics"), HasSubstr("\ntideline_leader 0\n"));
  link::ClientRecord record;
  const auto client = node(record);
  ASSERT_TRUE(comes(record, 1)) << logs();
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(record.wait_acked(1)) << logs();

  ASSERT_EQ(one_->stop(), 0) << logs();
  const auto stopped = std::chrono::steady_clock::now();
  ASSERT_TRUE(two_->becomes_ready(seconds(30))) << logs();
  const auto took = duration_cast<milliseconds>(std::chrono::steady_clock::now() - stopped);
  std::cout << "from the end of one to the other's being ready: " << took.count() << " ms\n";
  EXPECT_LE(took, promised(seconds(5)));
  ASSERT_TRUE(comes(record, 2)) << logs();
  const auto seen = welcomes(record);
  EXPECT_GT(seen.at(1).epoch, seen.at(0).epoch);
  EXPECT_EQ(seen.at(1).acked_through, model::Seq(1)) << "it is one store";
  EXPECT_TRUE(is_held_by("two")) << spec().dump();
  EXPECT_EQ(spec().value("leaseTransitions", -1), 2);
  const auto lease = plane_->get(std::string(kLeases) + "/" + kLease);
  EXPECT_EQ(lease.at("metadata").at("labels").at("made-by"), "the-test") << "others' part of it stays";
  EXPECT_EQ(two_->stop(), 0) << logs();
}

TEST_F(KubernetesLeader, AStandbyThatIsStoppedWasNeverALeader) {
  ASSERT_NO_FATAL_FAILURE(start_both());
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(two_->stop(), 0) << logs();
  EXPECT_LE(std::chrono::steady_clock::now() - began, promised(seconds(5)));
  EXPECT_TRUE(is_held_by("one"));
  EXPECT_TRUE(one_->is_ready());
  EXPECT_EQ(one_->stop(), 0) << logs();
}

TEST_F(KubernetesLeader, AKilledLeaderIsFollowedOnceItsLeaseIsOver) {
  ASSERT_NO_FATAL_FAILURE(start_both());
  link::ClientRecord record;
  const auto client = node(record);
  ASSERT_TRUE(comes(record, 1)) << logs();
  one_->process().signal(SIGKILL);
  const auto killed = std::chrono::steady_clock::now();
  ASSERT_TRUE(two_->becomes_ready(seconds(60))) << logs();
  const auto took = duration_cast<milliseconds>(std::chrono::steady_clock::now() - killed);
  std::cout << "from the death of one to the other's being ready: " << took.count() << " ms\n";
  EXPECT_LE(took, kDuration + promised(seconds(5)));
  ASSERT_TRUE(comes(record, 2)) << logs();
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  EXPECT_TRUE(record.wait_acked(1)) << logs();
  EXPECT_EQ(two_->stop(), 0) << logs();
}

TEST_F(KubernetesLeader, ALeaderThatWasStoppedPastItsLeaseEndsWithoutAWord) {
  ASSERT_NO_FATAL_FAILURE(start_both());
  link::ClientRecord record;
  const auto client = node(record);
  ASSERT_TRUE(comes(record, 1)) << logs();
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(record.wait_acked(1)) << logs();

  one_->process().signal(SIGSTOP);
  // It finds this one when it goes on.
  ASSERT_TRUE(client->send_report(report("n1", 1, 2)));
  ASSERT_TRUE(eventually(seconds(60), [] { return is_held_by("two"); })) << logs();
  // The process that is stopped has the store open still.
  ASSERT_TRUE(eventually(seconds(20), [this] { return two_->says("another process the store"); })) << logs();
  EXPECT_THAT(two_->log(), HasSubstr("store-waiting"));

  one_->process().signal(SIGCONT);
  EXPECT_EQ(one_->process().wait(patience(seconds(20))), kExitLeaseLost) << logs();
  EXPECT_THAT(one_->log(), HasSubstr("lease-lost"));
  // One would be wrong. That there is none proves no fence: it may have died with the process. term_test.cpp of the
  // link does.
  EXPECT_EQ(acks(record), 1U) << "the report of meanwhile was acknowledged";
  ASSERT_TRUE(two_->becomes_ready(seconds(30))) << logs();
  ASSERT_TRUE(comes(record, 2)) << logs();
  const auto seen = welcomes(record);
  EXPECT_GT(seen.back().epoch, seen.front().epoch);
  EXPECT_TRUE(is_held_by("two"));
  EXPECT_EQ(two_->stop(), 0) << logs();
}

TEST_F(KubernetesLeader, AStandbyThatCouldNotLeadSaysSoAndWaitsAllTheSame) {
  ASSERT_NO_FATAL_FAILURE(start_both());
  const std::string file = "tls/coordinator-two.crt";
  const std::string good = cluster_.dir().read(file);
  cluster_.dir().write(file, "nonsense");
  EXPECT_TRUE(eventually(seconds(30), [this] { return two_->says("could not lead with its files"); })) << logs();
  EXPECT_TRUE(two_->says("held by one_"));
  EXPECT_THAT(two_->log(), HasSubstr("standby-files-bad: TLS files: "));
  EXPECT_THAT(two_->log(), HasSubstr(file));
  EXPECT_TRUE(two_->process().running());
  cluster_.dir().write(file, good);
  EXPECT_TRUE(eventually(seconds(30), [this] { return !two_->says("could not lead"); })) << logs();
  EXPECT_THAT(two_->log(), HasSubstr("standby-files-good"));
  EXPECT_EQ(two_->stop(), 0) << logs();
  EXPECT_EQ(one_->stop(), 0) << logs();
}

TEST_F(KubernetesLeader, ALeaderThatCannotRenewItsLeaseEnds) {
  make_lease();
  one_ = start("one");
  ASSERT_TRUE(one_->becomes_ready(seconds(30))) << logs();
  plane_->kill_api_server();
  const auto killed = std::chrono::steady_clock::now();
  EXPECT_EQ(one_->process().wait(patience(seconds(30))), kExitLeaseLost) << logs();
  EXPECT_LE(std::chrono::steady_clock::now() - killed, kDuration);
  EXPECT_THAT(one_->log(), HasSubstr("no renewal of the Lease was taken"));
  one_ = start("one");
  EXPECT_TRUE(eventually(seconds(30), [this] { return one_->says("the API server gives no good answer"); })) << logs();
  EXPECT_FALSE(one_->says("127.0.0.1")) << "what it says is for the log, and not for all";
  EXPECT_THAT(one_->log(), HasSubstr("lease-trouble"));
  plane_->start_api_server();
  EXPECT_TRUE(one_->becomes_ready(seconds(60))) << logs();
  EXPECT_EQ(one_->stop(), 0) << logs();
}

}  // namespace
}  // namespace tideline::test
