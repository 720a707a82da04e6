#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/fixture_tree.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using json = nlohmann::json;

/// Asked until it is answered.
json answer(const Cluster& cluster, const std::vector<std::string>& question) {
  json answer;
  EXPECT_TRUE(eventually(seconds(30), [&] {
    answer = cluster.ask(question);
    return answer.is_object();
  })) << cluster.tidectl(question).output;
  return answer;
}

std::string problem(const Cluster& cluster) {
  const auto status = answer(cluster, {"policy", "status"});
  const auto& problem = status.at("state").at("problem");
  return problem.is_string() ? problem.get<std::string>() : "";
}

json effective(const Cluster& cluster) {
  return answer(cluster, {"policy", "get"}).at("effective");
}

TEST(BadPolicy, IsNamedAndTheLastGoodOneStays) {
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
  cluster.start_coordinator();
  const auto good = effective(cluster);
  ASSERT_EQ(good["threshold"]["cpuSuppressThresholdPercent"], 50);

  const std::vector<std::pair<std::string, std::string>> bad{
      {"{\"clusterStrategy\": ", "resource-threshold-config"},
      {R"({"clusterStrategy": {"cpuSuppressThresholdPercent": 650}})", "650"},
      {R"({"clusterStrategy": {"cpuSuppressTresholdPercent": 65}})", "cpuSuppressTresholdPercent"},
      {R"({"clusterStrategy": {"cpuSuppressPolicy": "magic"}})", "magic"}};
  for (const auto& [text, named] : bad) {
    cluster.set_policy("resource-threshold-config", text);
    EXPECT_TRUE(
        eventually(seconds(30), [&, &needle = named] { return problem(cluster).find(needle) != std::string::npos; }))
        << text << " -> " << problem(cluster);
    EXPECT_EQ(effective(cluster), good) << text;
  }

  // Also across a restart: a typo must not take effect by it.
  EXPECT_EQ(cluster.stop_coordinator(), 0);
  cluster.start_coordinator();
  EXPECT_TRUE(eventually(seconds(30), [&] { return !problem(cluster).empty(); }));
  EXPECT_EQ(effective(cluster)["threshold"], good["threshold"]);

  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 60));
  EXPECT_TRUE(eventually(seconds(30), [&] { return problem(cluster).empty(); })) << problem(cluster);
  EXPECT_EQ(effective(cluster)["threshold"]["cpuSuppressThresholdPercent"], 60);
}

TEST(PolicyApply, IsRefusedForADirectorySourceNamingIt) {
  Cluster cluster;
  cluster.start_coordinator();
  const auto file = cluster.dir().write("resource-threshold-config.json", threshold_config("cfsQuota", 50));
  const auto applied = cluster.tidectl({"policy", "apply", file});
  EXPECT_EQ(applied.exit, 1) << applied.output;
  EXPECT_THAT(applied.output, HasSubstr(cluster.dir().str() + "/policy"));
  const auto dry = cluster.tidectl({"policy", "apply", "--dry-run", file});
  EXPECT_EQ(dry.exit, 0) << dry.output;
  const auto checked = cluster.tidectl({"policy", "check", file});
  EXPECT_EQ(checked.exit, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("no nodes"));
  const auto unknown = cluster.tidectl({"policy", "check", file, "--node", "nobody"});
  EXPECT_EQ(unknown.exit, 1) << unknown.output;
  EXPECT_THAT(unknown.output, HasSubstr("\"nobody\" is not known here"));
}

TEST(StartUp, RefusesMissingAndHalfConfiguredTls) {
  Cluster cluster;
  const auto server = cluster.authority().coordinator();
  const auto policy = "dir:" + cluster.dir().str() + "/policy";
  const auto none = run({program("tideline-coordinator"), "--policy-source", policy, "--data-dir", cluster.data_dir()});
  EXPECT_NE(none.exit, 0);
  EXPECT_THAT(none.output, HasSubstr("certificate"));
  const auto half = run({program("tideline-coordinator"), "--policy-source", policy, "--data-dir", cluster.data_dir(),
                         "--tls-cert", server.certificate, "--tls-ca", server.ca});
  EXPECT_NE(half.exit, 0);
  EXPECT_THAT(half.output, HasSubstr("key"));

  const auto node = cluster.authority().node("n1");
  const auto pods = cluster.dir().write("pods.json", R"({"pods": []})");
  const auto half_node =
      run({program("tideline-node"), "run", "--node-name", "n1", "--coordinator", "127.0.0.1:1", "--pods-file", pods,
           "--state-dir", cluster.dir().str() + "/s", "--tls-cert", node.certificate, "--tls-key", node.key});
  EXPECT_NE(half_node.exit, 0);
  EXPECT_FALSE(std::filesystem::exists(cluster.dir().str() + "/s")) << "nothing was begun";
}

TEST(StartUp, RefusesAnnotationsOfTheNodeThatCannotBeRead) {
  Cluster cluster;
  const auto refused = [&](const std::string& annotation, const std::string& what) {
    const auto done =
        run({program("tideline-node"), "check", "--node-name", "n1", "--coordinator", "127.0.0.1:1", "--pods-file",
             "pods.json", "--state-dir", cluster.dir().str() + "/s", "--annotation", annotation});
    EXPECT_EQ(done.exit, 2) << done.output;
    EXPECT_THAT(done.output, HasSubstr(what));
  };
  refused("reservation", "--annotation reservation: want key=value");
  refused("node.koordinator.sh/reservation={\"reservedCpus\":\"0\"}", "\"reservedCpus\" is not known");
  refused("node.koordinator.sh/thirdPartyAllocations=yarn", "not JSON");
  refused("big=" + std::string(5000, 'x'), "annotation big: 5000 bytes, limit 4096");
}

TEST(StartUp, RefusesASecondSourceBesideTheCoordinatorAndSaysWhatItKeptOfIt) {
  Cluster cluster;
  const auto state = cluster.dir().str() + "/s";
  const auto checked = [&](const std::vector<std::string>& more) {
    std::vector<std::string> argv{program("tideline-node"), "check",       "--node-name", "n1",
                                  "--coordinator",          "127.0.0.1:1", "--state-dir", state};
    argv.insert(argv.end(), more.begin(), more.end());
    return run(std::move(argv));
  };
  const auto refused = [&](const std::vector<std::string>& more, const std::vector<std::string>& told) {
    const auto done = checked(more);
    EXPECT_EQ(done.exit, 2) << done.output;
    for (const auto& part : told)
      EXPECT_THAT(done.output, HasSubstr(part));
  };
  const std::string source = "--pods-from coordinator";
  refused({}, {"--pods-file is required", source});
  refused({"--pods-from", "file"}, {"--pods-file is required", source});
  refused({"--pods-from", "kubelet"}, {"--pods-from kubelet: want file or coordinator"});
  refused({"--pods-from", "coordinator", "--pods-file", "pods.json"}, {"--pods-file", source});
  refused({"--pods-from", "coordinator", "--label", "pool=web"}, {"--label", source});
  refused({"--pods-from", "coordinator", "--annotation", "a=b"}, {"--annotation", source});

  EXPECT_THAT(checked({"--pods-from", "coordinator"}).output,
              HasSubstr("ok   pods from the coordinator: none are kept in " + state + "/objects yet"));
  cluster.dir().write("s/objects", "torn");
  EXPECT_THAT(checked({"--pods-from", "coordinator"}).output,
              HasSubstr("FAIL pods from the coordinator: " + state + "/objects: "));
}

TEST(StartUp, LooksForKubeletBelowTheKernelRootAndSaysWhatItFound) {
  const FixtureTree host({{"proc/self/mountinfo", FixtureTree::mountinfo_v1()},
                          {"proc/self/stat", "1\n"},
                          {"sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", "2\n"}});
  const auto checked = [&](const std::vector<std::string>& more) {
    std::vector<std::string> argv{program("tideline-node"),
                                  "check",
                                  "--node-name",
                                  "n1",
                                  "--coordinator",
                                  "127.0.0.1:1",
                                  "--pods-file",
                                  "pods.json",
                                  "--state-dir",
                                  host.path("s"),
                                  "--kernel-root",
                                  host.str()};
    argv.insert(argv.end(), more.begin(), more.end());
    return run(std::move(argv)).output;
  };
  EXPECT_THAT(checked({}), HasSubstr("FAIL it is not known which CPUs kubelet gave away: " +
                                     host.path("var/lib/kubelet") + ": No such file or directory"));
  host.write("data/kubelet/cpu_manager_state", R"({"policyName": "static", "defaultCpuSet": "0-3"})");
  EXPECT_THAT(
      checked({"--kubelet-dir", "/data/kubelet"}),
      HasSubstr("ok   kubelet's CPU manager: static, by " + host.path("data/kubelet/cpu_manager_state") + "\n"));
  EXPECT_THAT(checked({"--kubelet-dir", "data/kubelet"}), HasSubstr("want an absolute path"));
  host.remove("proc/self/stat");
  EXPECT_THAT(checked({}), HasSubstr("ok   kubelet's CPU manager: none, for there is no " +
                                     host.path("var/lib/kubelet/cpu_manager_state")))
      << "a simulated host has none unless one is named";
}

TEST(Strangers, ANodeOfAnotherAuthorityIsRefusedAndLogged) {
  TIDELINE_NEED_CGROUPS();
  PodTree tree;
  Cluster cluster;
  cluster.start_coordinator();
  std::filesystem::create_directories(cluster.dir().path() / "other");
  const CertAuthority other(cluster.dir().str() + "/other", "other");
  const auto stranger = other.node("n1");
  const auto pods = cluster.dir().write("pods.json", PodTree::pods_json());
  Process node(
      {program("tideline-node"), "run", "--node-name", "n1", "--coordinator", cluster.node_address(), "--pods-file",
       pods, "--state-dir", cluster.node_dir("n1"), "--kubepods", tree.kubepods(), "--tls-cert", stranger.certificate,
       "--tls-key", stranger.key, "--tls-ca",
       // It trusts the real coordinator, so that it is the coordinator who refuses.
       cluster.dir().write(
           "both.crt",
           cluster.dir().read("other/" + std::filesystem::path(stranger.ca).filename().string()) +
               cluster.dir().read("tls/" + std::filesystem::path(cluster.authority().ca_file()).filename().string()))},
      {.environment = {}, .output_file = cluster.dir().str() + "/stranger.log"});
  EXPECT_TRUE(
      eventually(seconds(15), [&] { return cluster.coordinator().output().find("peer-refused") != std::string::npos; }))
      << node.output() << cluster.coordinator().output();
  EXPECT_TRUE(cluster.ask({"nodes"}).dump().find("\"n1\"") == std::string::npos);
  node.signal(SIGTERM);
  EXPECT_EQ(node.wait(seconds(10)), 0) << node.output();
}

TEST(Strangers, ANodeThatClaimsAnothersNameDoesNotStart) {
  Cluster cluster;
  const auto certificate = cluster.authority().node("n2");
  const auto pods = cluster.dir().write("pods.json", R"({"pods": []})");
  const auto claimed = run({program("tideline-node"), "check", "--node-name", "n1", "--coordinator", "127.0.0.1:1",
                            "--pods-file", pods, "--state-dir", cluster.node_dir("n1"), "--tls-cert",
                            certificate.certificate, "--tls-key", certificate.key, "--tls-ca", certificate.ca});
  EXPECT_NE(claimed.exit, 0);
  EXPECT_THAT(claimed.output, HasSubstr("n2"));
}

/// A coordinator that would run, with `more` arguments.
std::vector<std::string> good_arguments(const Cluster& cluster, std::vector<std::string> more) {
  const auto server = cluster.authority().coordinator();
  std::vector<std::string> arguments{program("tideline-coordinator"),
                                     "check",
                                     "--policy-source",
                                     "dir:" + cluster.dir().str() + "/policy",
                                     "--tls-cert",
                                     server.certificate,
                                     "--tls-key",
                                     server.key,
                                     "--tls-ca",
                                     server.ca};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(StartUp, NamesAMisspeltKeyOfTheConfigFile) {
  Cluster cluster;
  const auto good = run(good_arguments(cluster, {"--config", cluster.dir().write("good.ini", "retention=2d\n")}));
  EXPECT_EQ(good.exit, 0) << good.output;
  const auto bad = run(good_arguments(cluster, {"--config", cluster.dir().write("bad.ini", "retension=2d\n")}));
  EXPECT_EQ(bad.exit, 2) << bad.output;
  EXPECT_THAT(bad.output, HasSubstr("retension"));
}

TEST(StartUp, AdminSocketAskedForInAContainerIsNotDroppedInSilence) {
  Cluster cluster;
  const auto in_container = [](std::vector<std::string> arguments) {
    // What every container of Kubernetes has.
    const std::vector<std::string> env{"env", "KUBERNETES_SERVICE_HOST=10.0.0.1"};
    arguments.insert(arguments.begin(), env.begin(), env.end());
    return arguments;
  };
  const std::string path = cluster.dir().str() + "/admin.sock";
  const auto refused = run(in_container(good_arguments(cluster, {"--admin-socket", path})));
  EXPECT_EQ(refused.exit, 2) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("--admin-socket " + path));
  EXPECT_THAT(refused.output, HasSubstr("--admin-socket-in-container"));
  EXPECT_EQ(run(in_container(good_arguments(cluster, {"--admin-socket", path, "--admin-socket-in-container"}))).exit,
            0);
  EXPECT_EQ(run(in_container(good_arguments(cluster, {"--admin-socket", path, "--no-admin-socket"}))).exit, 0);

  auto arguments =
      in_container(good_arguments(cluster, {"--data-dir", cluster.data_dir(), "--listen", "127.0.0.1:0",
                                            "--admin-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"}));
  std::erase(arguments, "check");
  Process running(arguments, {.environment = {}, .output_file = cluster.dir().str() + "/contained.log"});
  EXPECT_TRUE(eventually(seconds(20), [&] {
    return running.output().find("coordinator-running") != std::string::npos || !running.running();
  }));
  EXPECT_THAT(running.output(), HasSubstr("admin-socket"));
  running.signal(SIGTERM);
  EXPECT_EQ(running.wait(seconds(20)), 0) << running.output();
}

}  // namespace
}  // namespace tideline::test
