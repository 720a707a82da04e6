#pragma once
// Reports whose tables lose nothing by being kept: each value is one of its precision, and the same throughout. So what
// a store reads, however it came about, is what a fold of all its reports is.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "test/storage/store/make_report.h"

namespace tideline::rocks {

inline constexpr std::int64_t kHourMs = 3'600'000;
/// Begin of a block of each tier.
inline constexpr std::int64_t kMidnight = 1'700'006'400'000;
inline constexpr model::WallTime kForever{INT64_MAX};

/// Of the 10 s that end at `at_ms`, with a sample a second and two pods of one workload, the second of them another
/// each hour.
inline store::IncomingReport exact_report(const std::string& node, std::uint64_t incarnation, std::uint64_t seq,
                                          std::int64_t at_ms) {
  model::Report report = store::make_report(node, incarnation, seq);
  report.wall = model::WallTime{at_ms};
  for (auto& sample : report.samples)
    sample.node_cpu = model::MilliCpu(1'500);
  report.pods.clear();
  const std::vector<std::string> uids{"uid-1", fmt::format("uid-{}", 2 + at_ms / kHourMs % 5)};
  for (const std::string& uid : uids) {
    model::Pod pod;
    pod.uid = model::PodUid(uid);
    pod.name_space = "shop";
    pod.name = "web-" + uid;
    pod.workload = "Deployment/web";
    model::PodSummary summary;
    summary.pod = std::move(pod);
    summary.cpu_milli = model::Spread{300, 300, 300};
    summary.memory_bytes = model::Spread{1 << 20, 1 << 20, 1 << 20};
    report.pods.push_back(std::move(summary));
  }
  return store::arrive(std::move(report));
}

inline store::StoredReport as_stored(const store::IncomingReport& incoming) {
  return {incoming.report, incoming.received, incoming.clock_offset,
          store::corrected_wall(incoming.report.wall, incoming.clock_offset, incoming.received)};
}

}  // namespace tideline::rocks
