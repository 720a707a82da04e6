// The coordinator's options about remote write: what is wrong is named before anything runs, and none is dropped in
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
using testing::Not;

Finished check(const Cluster& cluster, const std::vector<std::string>& more) {
  const auto server = cluster.authority().coordinator();
  std::vector<std::string> arguments{program("tideline-coordinator"),
                                     "check",
                                     "--tls-cert",
                                     server.certificate,
                                     "--tls-key",
                                     server.key,
                                     "--tls-ca",
                                     server.ca,
                                     "--policy-source",
                                     "dir:" + cluster.dir().str() + "/policy"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(std::move(arguments));
}

std::vector<std::string> to_prometheus(const std::vector<std::string>& more) {
  std::vector<std::string> options{"--remote-write-url", "https://prometheus:9090/api/v1/write"};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

TEST(RemoteWriteOptions, WrongOnesAreNamed) {
  const Cluster cluster;
  struct Row {
    std::vector<std::string> options;
    std::vector<std::string> named;
  };
  const std::vector<Row> rows{
      {{"--remote-write-url", "prometheus:9090"}, {"--remote-write-url", "http://"}},
      {{"--remote-write-url", "http://prometheus:9090"}, {"--remote-write-url", "want a path"}},
      {{"--remote-write-series", "tideline_pod_*"}, {"--remote-write-series", "give --remote-write-url"}},
      {{"--remote-write-queue", "1Gi"}, {"--remote-write-queue 1Gi", "give --remote-write-url"}},
      {{"--remote-write-token-file", "/token"}, {"--remote-write-token-file /token", "give --remote-write-url"}},
      {to_prometheus({"--remote-write-series", "node_cpu"}), {"--remote-write-series", "\"node_cpu\""}},
      {to_prometheus({"--remote-write-labels", "pool=node"}), {"--remote-write-labels", "\"pool=node\""}},
      {to_prometheus({"--remote-write-cert", "/a.crt"}), {"--remote-write-url", "its key"}},
      {to_prometheus({"--remote-write-token-file", "/a", "--remote-write-basic-auth-file", "/b"}), {"not both"}},
      {{"--remote-write-url", "http://prometheus:9090/x", "--remote-write-token-file", "/token"}, {"in clear"}},
      {{"--remote-write-url", "http://prometheus:9090/x", "--remote-write-ca", "/ca"}, {"for https"}},
      {to_prometheus({"--remote-write-interval", "1ms"}), {"--remote-write-interval 1ms", "100ms to 5m"}},
      {to_prometheus({"--remote-write-queue", "1Ki"}), {"--remote-write-queue 1Ki", "1Mi to 16Gi"}},
      {to_prometheus({"--remote-write-max-age", "5s"}), {"--remote-write-max-age 5s", "at least 1m"}}};
  for (const auto& row : rows) {
    const auto done = check(cluster, row.options);
    EXPECT_EQ(done.exit, 2) << done.output;
    for (const auto& text : row.named)
      EXPECT_THAT(done.output, HasSubstr(text));
  }
  const auto secret = check(cluster, {"--remote-write-url", "https://me:secret@prometheus/x"});
  EXPECT_EQ(secret.exit, 2) << secret.output;
  EXPECT_THAT(secret.output, Not(HasSubstr("secret")));
}

TEST(RemoteWriteOptions, ListsMayComeFromTheFileOfOptions) {
  const Cluster cluster;
  const auto file = cluster.dir().write("coordinator.conf",
                                        "remote-write-url=http://prometheus:9090/api/v1/write\n"
                                        "remote-write-series=tideline_node_*,tideline_pod_cpu_used_cores\n"
                                        "remote-write-labels=topology.kubernetes.io/zone=zone,pool\n");
  const auto done = check(cluster, {"--config", file});
  EXPECT_THAT(done.output, HasSubstr("ok   remote write: "));
}

TEST(RemoteWriteOptions, CheckLooksAtTheirFiles) {
  const Cluster cluster;
  const auto token = cluster.dir().str() + "/token";
  const auto options = to_prometheus({"--remote-write-token-file", token});
  const auto missing = check(cluster, options);
  EXPECT_EQ(missing.exit, 1) << missing.output;
  EXPECT_THAT(missing.output, HasSubstr("FAIL remote write: token " + token));
  cluster.dir().write("token", "abc\n");
  EXPECT_THAT(check(cluster, options).output, HasSubstr("ok   remote write: "));
}

}  // namespace
}  // namespace tideline::test
