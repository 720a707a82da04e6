// Certificates from the bootstrap port, with tokens that a real API server makes for pods: an agent gets one and is in;
// who is not that pod on that node gets none.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "messages/link/tls_files.h"
#include "node-actor/enrol/enroller.h"
#include "test/support/cluster.h"
#include "test/support/free_port.h"
#include "test/support/kube.h"
#include "test/support/scratch_cgroup.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kNamespace = "tideline-system";
constexpr const char* kAccount = "tideline-node";
constexpr const char* kAudience = "tideline-bootstrap";

std::string manifest(const std::string& file) {
  const char* source = std::getenv("TIDELINE_SOURCE");
  return std::string(source == nullptr ? "." : source) + "/deploy/kubernetes/" + file;
}

/// An API server, and a coordinator that signs with the rights of the overlay.
class World {
 public:
  World() : port_(free_port()) {
    for (const char* file : {"base/coordinator/namespace.yaml", "base/coordinator/rbac.yaml",
                             "overlays/bootstrap-certificates/rbac.yaml"}) {
      const auto applied = plane_.kubectl({"apply", "-f", manifest(file)});
      if (applied.exit != 0) throw std::runtime_error(applied.output);
    }
    for (const char* account : {kAccount, "somebody-else"})
      make("/api/v1/namespaces/" + std::string(kNamespace) + "/serviceaccounts", "v1", "ServiceAccount", account, {});
    for (const char* node : {"n1", "n2"})
      make("/api/v1/nodes", "v1", "Node", node, {});
    cluster_.start_coordinator({"--kubernetes", "--kubeconfig",
                                plane_.account_kubeconfig(kNamespace, "tideline-coordinator"), "--bootstrap-listen",
                                address(), "--bootstrap-signing-cert", cluster_.dir().str() + "/tls/ca.crt",
                                "--bootstrap-signing-key", cluster_.dir().str() + "/tls/ca.key"});
    for (const char* group : {"kubepods/besteffort", "kubepods/burstable"})
      cgroups_.make(group);
  }

  KubeControlPlane& plane() { return plane_; }
  Cluster& cluster() { return cluster_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  struct Pod {
    std::string name;
    std::string uid;
  };
  /// Bound to the node, and running as the account.
  Pod pod(const std::string& name, const std::string& node, const std::string& account = kAccount) const {
    const json container = {{"name", "node"}, {"image", "none"}};
    const json spec = {{"nodeName", node}, {"serviceAccountName", account}, {"containers", json::array({container})}};
    const auto made = make(pods(), "v1", "Pod", name, spec);
    return {name, made.at("metadata").at("uid").get<std::string>()};
  }
  void delete_pod(const Pod& pod) const {
    const auto deleted = plane_.kubectl(
        {"--namespace", kNamespace, "delete", "pod", pod.name, "--grace-period=0", "--force", "--wait=false"});
    if (deleted.exit != 0) throw std::runtime_error(deleted.output);
  }

  /// As kubelet asks for one: bound to the pod.
  std::string token(const Pod& pod, const std::string& account = kAccount,
                    const std::string& audience = kAudience) const {
    return token_of(
        account, {{"expirationSeconds", 3600},
                  {"audiences", json::array({audience})},
                  {"boundObjectRef", {{"kind", "Pod"}, {"apiVersion", "v1"}, {"name", pod.name}, {"uid", pod.uid}}}});
  }
  std::string unbound_token() const {
    return token_of(kAccount, {{"expirationSeconds", 3600}, {"audiences", json::array({kAudience})}});
  }

  /// Arguments of an agent that has no certificate, and shows what is in the file.
  std::vector<std::string> agent(const std::string& node, const std::string& token_file) const {
    const auto own = identity_files(node);
    auto arguments =
        cluster_.node_arguments({.name = node,
                                 .kubepods = cgroups_.group() + "/kubepods",
                                 .extra = {"--bootstrap", address(), "--bootstrap-ca", cluster_.authority().ca_file(),
                                           "--bootstrap-token", token_file}});
    const auto set = [&](const std::string& option, const std::string& value) {
      const auto found = std::find(arguments.begin(), arguments.end(), option);
      *std::next(found) = value;
    };
    set("--tls-cert", own.certificate);
    set("--tls-key", own.key);
    set("--tls-ca", own.ca);
    return arguments;
  }
  link::TlsFiles identity_files(const std::string& node) const {
    const std::string own = cluster_.dir().str() + "/" + node + "-own";
    fs::create_directories(own);
    return {own + "/tls.crt", own + "/tls.key", own + "/ca.crt"};
  }
  std::string log_of(const std::string& agent) const { return cluster_.dir().read(agent + ".log"); }
  Process start(const std::vector<std::string>& arguments, const std::string& name) const {
    return {arguments, Process::Options{.environment = {}, .output_file = cluster_.dir().str() + "/" + name + ".log"}};
  }

 private:
  static std::string pods() { return "/api/v1/namespaces/" + std::string(kNamespace) + "/pods"; }

  json make(const std::string& path, const std::string& version, const std::string& kind, const std::string& name,
            const json& spec) const {
    json object = {{"apiVersion", version}, {"kind", kind}, {"metadata", {{"name", name}}}};
    if (!spec.empty()) object["spec"] = spec;
    auto made = plane_.post(path, object);
    if (!made.is_object()) throw std::runtime_error("no " + kind + " " + name + " could be made:\n" + plane_.log());
    return made;
  }
  std::string token_of(const std::string& account, const json& spec) const {
    const auto answer =
        plane_.post("/api/v1/namespaces/" + std::string(kNamespace) + "/serviceaccounts/" + account + "/token",
                    {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", spec}});
    if (!answer.is_object()) throw std::runtime_error("no token for " + account + ":\n" + plane_.log());
    return answer.at("status").at("token").get<std::string>();
  }

  KubeControlPlane plane_;
  Cluster cluster_;
  ScratchCgroup cgroups_;
  std::uint16_t port_;
};

class KubernetesBootstrap : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (KubeControlPlane::missing().empty() && ScratchCgroup::missing().empty()) world_ = std::make_unique<World>();
  }
  static void TearDownTestSuite() { world_.reset(); }
  void SetUp() override {
    TIDELINE_NEED_KUBE();
    TIDELINE_NEED_CGROUPS();
    ASSERT_TRUE(world_ != nullptr);
  }

  static std::string coordinator_log() { return world_->cluster().dir().read("coordinator.log"); }

  /// What an agent of the node `n1` that shows this token is told; "" = it has a certificate.
  std::string told(const std::string& token) const {
    enrol::EnrolConfig config;
    config.address = world_->address();
    config.server_name = "coordinator.tideline";
    config.server_ca = world_->cluster().authority().ca_file();
    config.token_file = dir_.write("token", token);
    config.files = {dir_.str() + "/tls.crt", dir_.str() + "/tls.key", dir_.str() + "/ca.crt"};
    config.node = model::NodeName("n1");
    // So that each answer is seen before the next one.
    config.retry_min = config.retry_max = seconds(1);
    const auto enroller = enrol::Enroller::start(config);
    if (!enroller) throw std::runtime_error(enroller.error().message());
    std::string problem;
    const bool answered = eventually(seconds(20), [&] {
      const auto good = (*enroller)->wait(model::kZeroDuration);
      problem = good ? "" : good.error().message();
      // A node of which a test before has just got a certificate waits, and where the API server is slow it asks again.
      const bool is_told_to_wait =
          problem.find(": answered 429") != std::string::npos || problem.find(": answered 5") != std::string::npos;
      return good || (problem.find(config.address + ": ") != std::string::npos && !is_told_to_wait);
    });
    EXPECT_TRUE(answered) << problem;
    EXPECT_THAT(problem, Not(HasSubstr(token)));
    return problem;
  }

  static inline std::unique_ptr<World> world_;
  TempDir dir_;
};

TEST_F(KubernetesBootstrap, AnAgentGetsItsCertificateAndIsIn) {
  const auto pod = world_->pod("agent-of-n1", "n1");
  const auto token_file = world_->cluster().dir().write("n1-token", world_->token(pod));
  const auto arguments = world_->agent("n1", token_file);
  const auto files = world_->identity_files("n1");
  {
    auto agent = world_->start(arguments, "n1");
    ASSERT_TRUE(world_->cluster().node_is_live("n1", seconds(60))) << world_->log_of("n1") << coordinator_log();
    EXPECT_THAT(world_->log_of("n1"), HasSubstr("certificate-renewed"));
    EXPECT_THAT(world_->log_of("n1"), Not(HasSubstr("coordinator-lost"))) << "nobody connects without one";
    agent.signal(SIGTERM);
    EXPECT_EQ(agent.wait(patience(seconds(20))).value_or(-1), 0);
  }
  const auto material = link::load(files, link::TlsUse::kClient);
  ASSERT_TRUE(material) << material.error().message();
  EXPECT_TRUE(link::speaks_for(*material, model::NodeName("n1")));
  const auto valid = link::validity_of(material->certificate_pem);
  ASSERT_TRUE(valid);
  EXPECT_LE(valid->not_after.ms -
                std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(),
            24 * 3'600'000LL)
      << "no longer than a day";

  // The next life of the container has it, and asks nobody, whatever the token is worth by then.
  world_->cluster().dir().write("n1-token", "expired");
  auto again = world_->start(arguments, "n1-again");
  ASSERT_TRUE(eventually(seconds(60), [] {
    return world_->log_of("n1-again").find("coordinator-connected") != std::string::npos;
  })) << world_->log_of("n1-again");
  EXPECT_THAT(world_->log_of("n1-again"), Not(HasSubstr("certificate-")));
  again.signal(SIGTERM);
  EXPECT_EQ(again.wait(patience(seconds(20))).value_or(-1), 0);
}

TEST_F(KubernetesBootstrap, WithoutACertificateTheHostIsControlledAndTheLinkWaits) {
  const auto pod = world_->pod("agent-of-n2", "n2");
  const auto token_file = world_->cluster().dir().str() + "/n2-token";
  auto agent = world_->start(world_->agent("n2", token_file), "n2");
  const auto logged = [](const char* text) {
    return eventually(seconds(30), [&] { return world_->log_of("n2").find(text) != std::string::npos; });
  };
  ASSERT_TRUE(logged("certificate-not-renewed")) << world_->log_of("n2");
  ASSERT_TRUE(logged("worker-running")) << world_->log_of("n2");
  EXPECT_THAT(world_->log_of("n2"), HasSubstr(token_file + ": No such file"));
  EXPECT_TRUE(agent.running());
  world_->cluster().dir().write("n2-token", world_->token(pod));
  ASSERT_TRUE(world_->cluster().node_is_live("n2", seconds(60))) << world_->log_of("n2") << coordinator_log();
  EXPECT_THAT(world_->log_of("n2"), Not(HasSubstr("coordinator-lost")));
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait(patience(seconds(20))).value_or(-1), 0);
}

TEST_F(KubernetesBootstrap, ATokenOfAPodElsewhereMakesNobodyElsesCertificate) {
  const auto elsewhere = world_->pod("agent-elsewhere", "n2");
  EXPECT_THAT(told(world_->token(elsewhere)), HasSubstr("on node \"n2\", not on \"n1\""));
  EXPECT_FALSE(fs::exists(dir_.path() / "tls.key"));
  const auto here = world_->pod("agent-here", "n1");
  EXPECT_EQ(told(world_->token(here)), "");
}

TEST_F(KubernetesBootstrap, WhoIsNotSuchAPodGetsNone) {
  const auto here = world_->pod("agent-once-here", "n1");
  const auto another = world_->pod("another-account", "n1", "somebody-else");
  const auto good = world_->token(here);
  struct Row {
    const char* what;
    std::string token;
  };
  const std::vector<Row> rows{{"for another audience", world_->token(here, kAccount, "somewhere-else")},
                              {"for the API server", world_->token(here, kAccount, "https://kubernetes.default.svc")},
                              {"of another account", world_->token(another, "somebody-else")},
                              {"bound to no pod", world_->unbound_token()},
                              {"no token at all", "rubbish"},
                              {"with another signature", good.substr(0, good.size() - 8) + "AAAAAAAA"}};
  for (const auto& [what, token] : rows)
    EXPECT_THAT(told(token), HasSubstr(": answered 40")) << what;
  EXPECT_FALSE(fs::exists(dir_.path() / "tls.key"));

  world_->delete_pod(here);
  EXPECT_TRUE(eventually(seconds(20), [&] { return told(good).find(": answered 40") != std::string::npos; }))
      << "of a pod that is gone";
  EXPECT_THAT(coordinator_log(), Not(HasSubstr(good)));
}

}  // namespace
}  // namespace tideline::test
