// Debian's Prometheus has what history has: a real coordinator, a fleet, and remote write between them.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "storage/rocks/rocks_store.h"
#include "test/e2e/rehearsal.h"
#include "test/support/free_port.h"
#include "test/support/http_get.h"
#include "test/support/metric.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::SizeIs;

constexpr const char* kBinary = "/usr/bin/prometheus";
constexpr int kNodes = 3;
constexpr int kPods = 6;

/// What one series had when, in ms since the epoch.
using Points = std::map<std::int64_t, double>;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

/// Of an answer whose transfer may be chunked.
std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  const std::string head = answer.substr(0, end);
  std::string rest = answer.substr(end + 4);
  if (head.find("Transfer-Encoding: chunked") == std::string::npos) return rest;
  std::string body;
  while (!rest.empty()) {
    const auto line = rest.find("\r\n");
    if (line == std::string::npos) break;
    const std::size_t size = std::stoul(rest.substr(0, line), nullptr, 16);
    if (size == 0) break;
    body += rest.substr(line + 2, size);
    rest.erase(0, std::min(rest.size(), line + 2 + size + 2));
  }
  return body;
}

class Prometheus {
 public:
  explicit Prometheus(const TempDir& dir, int port = free_port())
      : port_(port),
        process_({kBinary, "--config.file=" + dir.write("prometheus.yml", "global:\n  scrape_interval: 1h\n"),
                  "--storage.tsdb.path=" + dir.str() + "/prometheus",
                  fmt::format("--web.listen-address=127.0.0.1:{}", port), "--web.enable-remote-write-receiver"},
                 {.environment = {}, .output_file = dir.str() + "/prometheus.log"}) {}

  bool is_ready() const {
    return eventually(seconds(60), [&] { return http_get(port_, "/-/ready").starts_with("HTTP/1.1 200"); });
  }
  std::string log() const { return process_.output(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/api/v1/write", port_); }

  /// Series of the last hour, whole.
  json ask(const std::string& selector) const {
    const auto answer =
        json::parse(body_of(http_get(port_, "/api/v1/query?query=" + escaped(selector + "[1h]"))), nullptr, false);
    if (!answer.is_object() || answer.value("status", "") != "success") {
      ADD_FAILURE() << selector << ": " << answer.dump();
      return json::array();
    }
    return answer.at("data").at("result");
  }

 private:
  int port_;
  Process process_;
};

Points points_of(const json& series) {
  Points points;
  for (const auto& value : series.at("values"))
    points[std::llround(value.at(0).get<double>() * 1000)] = std::stod(value.at(1).get<std::string>());
  return points;
}

/// Expects the same times, and values but for rounding.
void expect_same(const Points& there, const Points& here, const std::string& of) {
  SCOPED_TRACE(of);
  ASSERT_EQ(there.size(), here.size());
  for (auto a = there.begin(), b = here.begin(); a != there.end(); ++a, ++b) {
    EXPECT_EQ(a->first, b->first);
    EXPECT_NEAR(a->second, b->second, 1e-9 * std::max(1.0, std::abs(b->second))) << a->first;
  }
}

class RemoteWrite : public testing::Test {
 protected:
  void SetUp() override {
    if (::access(kBinary, X_OK) != 0) GTEST_SKIP() << "needs " << kBinary << ", of Debian's package prometheus";
    issue_fleet_certs(tls_directory(cluster_), kNodes);
  }

  void start_coordinator(const std::string& url) {
    cluster_.start_coordinator({"--remote-write-url", url, "--remote-write-interval", "500ms", "--remote-write-series",
                                "tideline_node_*,tideline_pod_cpu_used_cores", "--remote-write-labels",
                                "tideline.io/simulated=kind"});
  }
  double samples(const std::string& outcome) const {
    return metric(cluster_.web_port(), "tideline_remote_write_samples_total{outcome=\"" + outcome + "\"}");
  }
  /// What history has of a node. The coordinator must be stopped.
  std::vector<store::StoredReport> history(const std::string& node) const {
    const auto opened = rocks::RocksStore::open(cluster_.data_dir() + "/history");
    if (!opened) {
      ADD_FAILURE() << opened.error().message();
      return {};
    }
    const auto page = (*opened)->reports(model::NodeName(node), {0}, {INT64_MAX}, 0);
    if (!page || page->truncated) {
      ADD_FAILURE() << (page ? "more than can be read at once" : page.error().message());
      return {};
    }
    return page->rows;
  }
  void expect_all_of_history(const Prometheus& prometheus) const;

  Cluster cluster_;
};

void RemoteWrite::expect_all_of_history(const Prometheus& prometheus) const {
  for (int i = 0; i < kNodes; ++i) {
    const auto node = simulated_node(i);
    SCOPED_TRACE(node);
    Points cpu;
    Points memory;
    std::map<std::string, Points> pods;
    for (const auto& row : history(node)) {
      // Of one that was held back meanwhile history alone knows.
      if (row.report.lane != model::Lane::kLive) continue;
      double milli = 0;
      double bytes = 0;
      for (const auto& sample : row.report.samples) {
        milli += static_cast<double>(sample.node_cpu.value_or(model::MilliCpu(0)).value());
        bytes += static_cast<double>(sample.ls_memory.value_or(model::Bytes(0)).value());
      }
      const auto count = static_cast<double>(row.report.samples.size());
      cpu[row.at.ms] = milli / count / 1000;
      memory[row.at.ms] = bytes / count;
      for (const auto& pod : row.report.pods) {
        if (!pod.cpu_milli) continue;
        pods[pod.pod->name_space + "/" + pod.pod->name][row.at.ms] = static_cast<double>(pod.cpu_milli->mean) / 1000;
      }
    }
    const auto selector = fmt::format("{{node=\"{}\",kind=\"generated\"}}", node);
    const auto used = prometheus.ask("tideline_node_cpu_used_cores" + selector);
    ASSERT_THAT(used, SizeIs(1));
    expect_same(points_of(used[0]), cpu, "CPU");
    const auto services = prometheus.ask("tideline_node_ls_memory_used_bytes" + selector);
    ASSERT_THAT(services, SizeIs(1));
    expect_same(points_of(services[0]), memory, "memory of services");
    const auto of_pods = prometheus.ask("tideline_pod_cpu_used_cores" + selector);
    EXPECT_THAT(of_pods, SizeIs(kPods));
    EXPECT_THAT(pods, SizeIs(kPods));
    for (const auto& series : of_pods) {
      const auto& labels = series.at("metric");
      const auto name = labels.value("namespace", "") + "/" + labels.value("pod", "");
      EXPECT_NE(labels.value("qos", ""), "");
      expect_same(points_of(series), pods[name], name);
    }
  }
}

TEST_F(RemoteWrite, PrometheusHasOfEachReportWhatHistoryHas) {
  Prometheus prometheus(cluster_.dir());
  ASSERT_TRUE(prometheus.is_ready()) << prometheus.log();
  start_coordinator(prometheus.url());
  auto fleet = start_fleet(cluster_, {.nodes = kNodes, .pods = kPods});
  // Each report gives the node's and its pods' samples.
  ASSERT_TRUE(eventually(seconds(60), [&] { return samples("sent") > 10 * kNodes * (10 + kPods); }))
      << cluster_.coordinator().output() << prometheus.log();
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(seconds(30)), 0) << fleet.output();
  for (const auto* outcome : {"refused", "dropped", "old", "left_out"})
    EXPECT_EQ(samples(outcome), 0) << outcome << "\n" << cluster_.coordinator().output() << prometheus.log();
  // What the last reports gave is sent on its way out.
  ASSERT_EQ(cluster_.stop_coordinator(), 0) << cluster_.coordinator().output();
  expect_all_of_history(prometheus);
}

TEST_F(RemoteWrite, APrometheusThatComesLaterGetsWhatWaited) {
  const int port = free_port();
  start_coordinator(fmt::format("http://127.0.0.1:{}/api/v1/write", port));
  auto fleet = start_fleet(cluster_, {.nodes = kNodes, .pods = kPods});
  const auto web = cluster_.web_port();
  ASSERT_TRUE(eventually(seconds(60), [&] {
    return metric(web, "tideline_remote_write_requests_total{answer=\"none\"}") >= 2 &&
           metric(web, "tideline_remote_write_queue_samples") > 5 * kNodes * (10 + kPods);
  })) << cluster_.coordinator().output();
  EXPECT_EQ(samples("sent"), 0);
  Prometheus prometheus(cluster_.dir(), port);
  ASSERT_TRUE(prometheus.is_ready()) << prometheus.log();
  ASSERT_TRUE(eventually(seconds(60), [&] { return samples("sent") > 10 * kNodes * (10 + kPods); }))
      << cluster_.coordinator().output() << prometheus.log();
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(seconds(30)), 0) << fleet.output();
  EXPECT_EQ(samples("refused"), 0) << cluster_.coordinator().output() << prometheus.log();
  ASSERT_EQ(cluster_.stop_coordinator(), 0) << cluster_.coordinator().output();
  expect_all_of_history(prometheus);
}

}  // namespace
}  // namespace tideline::test
