// The coordinator's options about Kubernetes: what is wrong is named before anything runs, and none is dropped in
// silence.

#include <filesystem>
#include <string>
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

std::vector<std::string> bootstrap(const std::vector<std::string>& more) {
  std::vector<std::string> options{"--policy-source",          "kubernetes", "--bootstrap-listen",      "127.0.0.1:0",
                                   "--bootstrap-signing-cert", "/a.crt",     "--bootstrap-signing-key", "/a.key"};
  options.insert(options.end(), more.begin(), more.end());
  return options;
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
      {{"--policy-source", directory, "--node-metrics"}, {"--node-metrics", "--kubernetes"}},
      {{"--policy-source", "kubernetes", "--kube-context", "dev"}, {"--kube-context dev", "--kubeconfig"}},
      {{"--policy-source", "kubernetes", "--kube-qps", "0"}, {"--kube-qps 0", "1 to 10000"}},
      {{"--policy-source", "kubernetes", "--kube-burst", "0"}, {"--kube-burst 0", "1 to 100000"}},
      {{"--policy-source", "kubernetes", "--publish-older-names", "koordinator"},
       {"--publish-older-names", "\"koordinator\"", "koordinator.sh"}},
      {{"--policy-source", directory, "--publish-older-names", "koordinator.sh"},
       {"--publish-older-names koordinator.sh", "--kubernetes"}},
      {{"--policy-source", directory, "--lease", "a/b"}, {"--lease", "want --leader-elect"}},
      {{"--policy-source", directory, "--lease-duration", "15s"}, {"--lease-duration", "want --leader-elect"}},
      {{"--policy-source", directory, "--leader-elect", "--lease", "a"}, {"--lease a", "NAMESPACE/NAME"}},
      {{"--policy-source", directory, "--leader-elect", "--lease", "a/B"}, {"--lease a/B", "NAMESPACE/NAME"}},
      {{"--policy-source", directory, "--leader-elect", "--lease-duration", "1s"},
       {"--lease-duration 1s", "5s to 10m"}},
      {{"--policy-source", directory, "--leader-elect", "--lease-identity", "a b"}, {"--lease-identity"}},
      {{"--policy-source", directory, "--bootstrap-listen", "0.0.0.0:7403"},
       {"--bootstrap-listen 0.0.0.0:7403", "--kubernetes beside"}},
      {{"--policy-source", "kubernetes", "--bootstrap-listen", "0.0.0.0:7403", "--bootstrap-signing-cert", "/a"},
       {"--bootstrap-listen", "--bootstrap-signing-key as well"}},
      {bootstrap({"--bootstrap-validity", "25h"}), {"--bootstrap-validity 25h", "1h to 24h"}},
      {bootstrap({"--bootstrap-validity", "59m"}), {"--bootstrap-validity 59m", "1h to 24h"}},
      {bootstrap({"--bootstrap-service-account", "node"}), {"--bootstrap-service-account", "NAMESPACE/NAME"}},
      {{"--policy-source", "kubernetes", "--bootstrap-validity", "2h"},
       {"--bootstrap-validity 2h", "give --bootstrap-listen"}}};
  for (const auto& row : rows) {
    const auto done = check(cluster, row.options);
    EXPECT_EQ(done.exit, 2) << done.output;
    for (const auto& text : row.named)
      EXPECT_THAT(done.output, HasSubstr(text));
  }
}

TEST(KubernetesOptions, AValueInTheFileOfOptionsIsTheRestOfItsLine) {
  Cluster cluster;
  const auto given = [&](const std::string& lines) {
    return check(cluster, {"--policy-source", "kubernetes", "--config", cluster.dir().write("options.conf", lines)});
  };
  const auto both = given("publish-older-names=koordinator.sh,alibabacloud.com\n");
  EXPECT_EQ(both.exit, 1) << both.output;
  EXPECT_THAT(both.output, HasSubstr("FAIL Kubernetes: ")) << "the options are good; this is no pod";
  const auto other = given("publish-older-names=koordinator.sh,other\n");
  EXPECT_EQ(other.exit, 2) << other.output;
  EXPECT_THAT(other.output, HasSubstr("\"other\""));
  const auto next = given("web-listen=[::1]:9464\npreferred-configmap=kube-system/other\n");
  EXPECT_EQ(next.exit, 2) << next.output;
  EXPECT_THAT(next.output, HasSubstr("kube-system/other")) << "brackets do not swallow the lines behind them";
}

TEST(KubernetesOptions, CheckLooksAtTheFilesOfTheAccess) {
  Cluster cluster;
  const auto no_pod = check(cluster, {"--policy-source", "kubernetes"});
  EXPECT_EQ(no_pod.exit, 1) << no_pod.output;
  EXPECT_THAT(no_pod.output, HasSubstr("FAIL Kubernetes: "));
  const auto no_file = check(cluster, {"--policy-source", "kubernetes", "--kubeconfig", "/nowhere"});
  EXPECT_EQ(no_file.exit, 1) << no_file.output;
  EXPECT_THAT(no_file.output, HasSubstr("/nowhere"));
  const auto no_lease = check(cluster, {"--policy-source", "dir:" + cluster.dir().str() + "/policy", "--leader-elect",
                                        "--kubeconfig", "/nowhere"});
  EXPECT_EQ(no_lease.exit, 1) << no_lease.output;
  EXPECT_THAT(no_lease.output, HasSubstr("FAIL Lease: "));
}

TEST(KubernetesOptions, CheckLooksAtTheAuthorityOfTheBootstrapPort) {
  Cluster cluster;
  const std::string certificate = cluster.authority().ca_file();
  const std::string key = std::filesystem::path(certificate).replace_extension(".key").string();
  const auto options = [&](const std::string& signing_key) {
    return std::vector<std::string>{"--policy-source",          "kubernetes", "--bootstrap-listen",      "127.0.0.1:0",
                                    "--bootstrap-signing-cert", certificate,  "--bootstrap-signing-key", signing_key};
  };
  EXPECT_THAT(check(cluster, options(key)).output, HasSubstr("ok   bootstrap port: " + certificate));
  const auto missing = check(cluster, options("/nowhere.key"));
  EXPECT_EQ(missing.exit, 1) << missing.output;
  EXPECT_THAT(missing.output, HasSubstr("FAIL bootstrap port: /nowhere.key: cannot be read"));
}

}  // namespace
}  // namespace tideline::test
