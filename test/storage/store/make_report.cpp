#include "test/storage/store/make_report.h"

namespace tideline::store {

using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;

model::Report make_report(const std::string& node, std::uint64_t incarnation, std::uint64_t seq) {
  model::Report report;
  report.node = NodeName(node);
  report.incarnation = Incarnation(incarnation);
  report.seq = Seq(seq);
  report.window = std::chrono::seconds(10);
  const auto n = static_cast<std::int64_t>(seq);
  report.wall = WallTime{kStart + n * 10'000};
  report.mono = model::MonoTime{(1'000 + n * 10) * 1'000'000'000};
  report.status.cpu_capacity = model::MilliCpu(32'000);
  report.status.labels = {{"zone", "a"}};
  for (int i = 0; i < 10; ++i) {
    const auto before_end = std::chrono::seconds(9 - i);
    model::NodeSample sample;
    sample.at = report.mono + -before_end;
    sample.wall = WallTime{report.wall.ms - 1000 * (9 - i)};
    sample.window = std::chrono::seconds(1);
    sample.node_cpu = model::MilliCpu(n * 100 + i);
    report.samples.push_back(sample);
  }
  model::Pod pod;
  pod.uid = model::PodUid("uid-1");
  pod.name = "web";
  auto& summary = report.pods.emplace_back();
  summary.pod = std::move(pod);
  summary.cpu_milli = model::Spread{1, 2, 3};
  return report;
}

IncomingReport arrive(model::Report report) {
  IncomingReport incoming;
  incoming.received = report.wall;
  incoming.report = std::move(report);
  return incoming;
}

}  // namespace tideline::store
