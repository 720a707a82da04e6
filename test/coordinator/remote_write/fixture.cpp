#include "test/coordinator/remote_write/fixture.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "test/support/process.h"

namespace tideline::remote_write {
namespace {

bool soon(const std::function<bool()>& is_true) {
  return test::eventually(std::chrono::seconds(20), is_true);
}

}  // namespace

test::ScriptedReply taken() {
  return test::raw_reply("HTTP/1.1 204 No Content\r\n\r\n", test::ScriptedReply::End::kNextRequest);
}

test::ScriptedReply answer(unsigned status, const std::string& headers, const std::string& body) {
  return test::raw_reply(
      fmt::format("HTTP/1.1 {} Scripted\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(), body),
      test::ScriptedReply::End::kNextRequest);
}

RemoteWriteConfig WriterTest::config(std::uint16_t port) const {
  RemoteWriteConfig settings;
  settings.url = fmt::format("https://127.0.0.1:{}{}", port, kPath);
  settings.server_name = "prometheus.test";
  settings.ca_file = ca_.ca_file();
  const auto choice = prometheus::SeriesChoice::from("tideline_node_cpu_used_cores");
  if (!choice) throw std::runtime_error(choice.error().message());
  settings.series.series = *choice;
  settings.interval = std::chrono::milliseconds(20);
  settings.backoff_min = std::chrono::milliseconds(10);
  settings.backoff_max = std::chrono::milliseconds(40);
  settings.stop_within = std::chrono::seconds(20);
  settings.seed = 1;
  return settings;
}

std::unique_ptr<RemoteWriter> WriterTest::start(const RemoteWriteConfig& settings) {
  auto started = RemoteWriter::start(settings);
  if (!started) throw std::runtime_error(started.error().message());
  return *std::move(started);
}

void WriterTest::offer(RemoteWriter& writer, std::int64_t cores, const std::string& node) {
  next_ms_ = std::max(next_ms_ + 1, clock::wall_now().ms + 1'000);
  model::Report report;
  report.node = model::NodeName(node);
  report.samples.resize(1);
  report.samples[0].node_cpu = model::MilliCpu(cores * 1'000);
  writer.offer(report, {next_ms_});
}

bool WriterTest::counts_reach(const RemoteWriter& writer, std::uint64_t WriterCounts::Samples::*which,
                              std::uint64_t wanted) {
  return soon([&] { return writer.counts().samples.*which >= wanted; });
}

bool WriterTest::counts_reach(const RemoteWriter& writer, std::uint64_t WriterCounts::Answers::*which,
                              std::uint64_t wanted) {
  return soon([&] { return writer.counts().answers.*which >= wanted; });
}

std::vector<std::vector<double>> WriterTest::values() const {
  std::vector<std::vector<double>> all;
  for (const auto& request : server_.seen(kPost)) {
    const auto series = prometheus::decoded(request.body);
    if (!series) throw std::runtime_error("a body that is no request");
    auto& of_request = all.emplace_back();
    for (const auto& each : *series) {
      for (const auto& sample : each.samples)
        of_request.push_back(sample.value());
    }
  }
  return all;
}

}  // namespace tideline::remote_write
