// The coordinator's options about Kubernetes: what is wrong is named before anything runs, and none is dropped in
// silence.

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

}  // namespace
}  // namespace tideline::test
