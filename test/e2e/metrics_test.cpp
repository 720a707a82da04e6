// What Prometheus and probes see of a running coordinator.

#include <chrono>

#include <gmock/gmock.h>

#include "test/support/cluster.h"
#include "test/support/http_get.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Metrics, ARunningCoordinatorIsReadyOnceAPolicyIsInForceAndCountsWhoIsRefused) {
  Cluster cluster;
  cluster.set_policy("colocation-config", R"({"enable": true})");
  cluster.start_coordinator();
  EXPECT_TRUE(eventually(seconds(10), [&] {
    return http_get(cluster.web_port(), "/readyz").starts_with("HTTP/1.1 200");
  })) << http_get(cluster.web_port(), "/readyz");
  EXPECT_THAT(http_get(cluster.web_port(), "/healthz"), StartsWith("HTTP/1.1 200"));
  // The node port speaks TLS, and only TLS.
  const auto node_port = std::stoi(cluster.node_address().substr(cluster.node_address().rfind(':') + 1));
  EXPECT_EQ(http_get(node_port, "/"), "");
  EXPECT_TRUE(eventually(seconds(10), [&] {
    return http_get(cluster.web_port(), "/metrics").find("\ntideline_peers_refused_total 1\n") != std::string::npos;
  }));
  const auto shown = http_get(cluster.web_port(), "/metrics");
  EXPECT_THAT(shown, HasSubstr("\ntideline_nodes{liveness=\"live\"} 0\n"));
  EXPECT_THAT(shown, HasSubstr("\ntideline_policy_version 1\n"));
  EXPECT_EQ(cluster.stop_coordinator(), 0);
}

}  // namespace
}  // namespace tideline::test
