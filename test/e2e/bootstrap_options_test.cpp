// An agent's options about the bootstrap port: what is wrong is named before anything runs.

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
