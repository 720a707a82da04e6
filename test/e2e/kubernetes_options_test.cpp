// The options about Kubernetes, the coordinator's and an agent's: what is wrong is named before anything runs, and none
// is dropped in silence.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/process.h"

namespace tideline::test {
namespace {

using testing::HasSubstr;

Finished check(const Cluster& cluster, const std::vector<std::string>& more) {
  const auto server = cluster.authority().coordinator();
  std::vector<std::string> arguments{"env",
                                     "-u",
                                     "KUBERNETES_SERVICE_HOST",
                                     program("tideline-coordinator"),
                                     "check",
                                     "--tls-cert",
                                     server.certificate,
                                     "--tls-key",
                                     server.key,
                                     "--tls-ca",
                                     server.ca};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(std::move(arguments));
}

TEST(KubernetesOptions, WrongOnesAreNamed) {
  Cluster cluster;
  const std::string directory = "dir:" + cluster.dir().str() + "/policy";
  struct Row {
    std::vector<std::string> options;
    std::vector<std::string> named;
  };
  const std::vector<Row> rows{
      {{"--policy-source", "kube"}, {"--policy-source kube", "kubernetes:NAMESPACE/NAME"}},
      {{"--policy-source", "kubernetes:"}, {"NAMESPACE/NAME"}},
      {{"--policy-source", "kubernetes:kube-system"}, {"\"kube-system\"", "NAMESPACE/NAME"}},
      {{"--policy-source", "kubernetes:a/b", "--preferred-configmap", "kube-system/ack-slo-config"},
       {"--preferred-configmap", "names one ConfigMap alone"}},
      {{"--policy-source", directory, "--preferred-configmap", "kube-system/ack-slo-config"},
       {"--preferred-configmap", "takes no ConfigMap"}},
      {{"--policy-source", "kubernetes", "--preferred-configmap", "kube-system/other"},
       {"--preferred-configmap", "kube-system/other", "koordinator-system/slo-controller-config"}},
      {{"--policy-source", directory, "--kubeconfig", "/nowhere"}, {"--kubeconfig /nowhere", "--kubernetes"}},
      {{"--policy-source", "kubernetes", "--kube-context", "dev"}, {"--kube-context dev", "--kubeconfig"}},
      {{"--policy-source", "kubernetes", "--kube-qps", "0"}, {"--kube-qps 0", "1 to 10000"}},
      {{"--policy-source", "kubernetes", "--kube-burst", "0"}, {"--kube-burst 0", "1 to 100000"}}};
  for (const auto& row : rows) {
    const auto done = check(cluster, row.options);
    EXPECT_EQ(done.exit, 2) << done.output;
    for (const auto& text : row.named)
      EXPECT_THAT(done.output, HasSubstr(text));
  }
}

TEST(KubernetesOptions, CheckLooksAtTheFilesOfTheAccess) {
  Cluster cluster;
  const auto no_pod = check(cluster, {"--policy-source", "kubernetes"});
  EXPECT_EQ(no_pod.exit, 1) << no_pod.output;
  EXPECT_THAT(no_pod.output, HasSubstr("FAIL Kubernetes: "));
  const auto no_file = check(cluster, {"--policy-source", "kubernetes", "--kubeconfig", "/nowhere"});
  EXPECT_EQ(no_file.exit, 1) << no_file.output;
  EXPECT_THAT(no_file.output, HasSubstr("/nowhere"));
}

/// An agent with these options; its exit code is that of wrong ones where it does not get as far as its host.
Finished agent(const Cluster& cluster, const std::string& command, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{program("tideline-node"),
                                     command,
                                     "--node-name",
                                     "n1",
                                     "--coordinator",
                                     "127.0.0.1:1",
                                     "--state-dir",
                                     cluster.node_dir("n1"),
                                     "--pods-file",
                                     cluster.dir().write("pods.json", R"({"pods": []})")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(std::move(arguments));
}

TEST(BootstrapOptions, WrongOnesAreNamedBeforeTheAgentRuns) {
  const Cluster cluster;
  const auto ca = cluster.authority().ca_file();
  const auto own = cluster.dir().str() + "/own";
  const std::vector<std::string> files{"--tls-cert",     own + "/tls.crt", "--tls-key",
                                       own + "/tls.key", "--tls-ca",       own + "/ca.crt"};
  struct Row {
    std::vector<std::string> options;
    std::vector<std::string> named;
  };
  const std::vector<Row> rows{
      {{"--bootstrap-ca", ca}, {"--bootstrap-ca " + ca, "--bootstrap HOST:PORT"}},
      {{"--bootstrap-token", "/token"}, {"--bootstrap-token /token", "--bootstrap HOST:PORT"}},
      {{"--bootstrap", "127.0.0.1:7403"}, {"--bootstrap 127.0.0.1:7403", "--bootstrap-ca is missing"}},
      {{"--bootstrap", "127.0.0.1", "--bootstrap-ca", ca}, {"\"127.0.0.1\"", "want host:port"}},
      {{"--bootstrap", "127.0.0.1:7403", "--bootstrap-ca", ca, "--server-name", "*.tideline"}, {"*.tideline"}}};
  for (const auto& row : rows) {
    auto options = files;
    options.insert(options.end(), row.options.begin(), row.options.end());
    const auto done = agent(cluster, "run", options);
    EXPECT_EQ(done.exit, 2) << done.output;
    for (const auto& text : row.named)
      EXPECT_THAT(done.output, HasSubstr(text));
  }
  const auto scattered = agent(cluster, "run",
                               {"--bootstrap", "127.0.0.1:7403", "--bootstrap-ca", ca, "--tls-cert", own + "/tls.crt",
                                "--tls-key", "/elsewhere/tls.key", "--tls-ca", own + "/ca.crt"});
  EXPECT_EQ(scattered.exit, 2) << scattered.output;
  EXPECT_THAT(scattered.output, HasSubstr("one directory"));
}

TEST(BootstrapOptions, CheckSaysWhetherACertificateCouldBeAskedFor) {
  const Cluster cluster;
  const auto own = cluster.dir().str() + "/own";
  std::filesystem::create_directories(own);
  const std::vector<std::string> options{"--tls-cert",        own + "/tls.crt",
                                         "--tls-key",         own + "/tls.key",
                                         "--tls-ca",          own + "/ca.crt",
                                         "--bootstrap",       "127.0.0.1:7403",
                                         "--bootstrap-ca",    cluster.authority().ca_file(),
                                         "--bootstrap-token", cluster.dir().str() + "/token"};
  EXPECT_THAT(agent(cluster, "check", options).output,
              HasSubstr("FAIL certificate from 127.0.0.1:7403: token " + cluster.dir().str() + "/token: No such file"));
  cluster.dir().write("token", "a-token");
  const auto ready = agent(cluster, "check", options);
  EXPECT_THAT(ready.output, HasSubstr("ok   certificate from 127.0.0.1:7403"));
  EXPECT_THAT(ready.output, HasSubstr("ok   TLS files: none to use yet"));
}

}  // namespace
}  // namespace tideline::test
