#include "node-actor/decide/evict_window.h"

#include <algorithm>

namespace tideline::decide {

using model::Duration;
using model::MilliCpu;
using model::MonoTime;

void EvictWindow::configure(Duration length, model::CpuEvictPolicy limit_kind) {
  if (length == kept_.length && limit_kind == kept_.limit_kind) return;
  kept_.length = length;
  kept_.limit_kind = limit_kind;
  kept_.buckets.clear();
}

bool EvictWindow::within(const Bucket& bucket, MonoTime now) const {
  return now - bucket.last < kept_.length;
}

void EvictWindow::add(const EvictReading& reading, Duration longest) {
  if (!kept_.buckets.empty() && reading.at <= kept_.buckets.back().last) return;
  std::erase_if(kept_.buckets, [&](const Bucket& bucket) { return !within(bucket, reading.at); });
  if (kept_.buckets.empty() || reading.at - kept_.buckets.back().first >= kept_.length / kEvictBuckets) {
    kept_.buckets.emplace_back().first = reading.at;
  }
  auto& bucket = kept_.buckets.back();
  bucket.last = reading.at;
  const Duration covers = std::clamp(reading.window, model::kZeroDuration, longest);
  if (reading.node_cpu) {
    ++bucket.node_readings;
    bucket.node_covered += covers;
    bucket.node_sum += *reading.node_cpu;
  }
  if (reading.be_cpu && reading.be_limit) {
    ++bucket.be_readings;
    bucket.be_covered += covers;
    bucket.be_sum.limit += *reading.be_limit;
    bucket.be_sum.request += reading.be_request;
    bucket.be_sum.use += *reading.be_cpu;
  }
}

BeMean EvictWindow::be(MonoTime now) const {
  BeMean mean;
  BeView sum;
  std::int64_t readings = 0;
  for (const auto& bucket : kept_.buckets) {
    if (!within(bucket, now)) continue;
    readings += bucket.be_readings;
    mean.covered += bucket.be_covered;
    sum.limit += bucket.be_sum.limit;
    sum.request += bucket.be_sum.request;
    sum.use += bucket.be_sum.use;
  }
  if (readings == 0) return {};
  mean.view = {MilliCpu(sum.limit.value() / readings), MilliCpu(sum.request.value() / readings),
               MilliCpu(sum.use.value() / readings)};
  return mean;
}

NodeMean EvictWindow::node(MonoTime now) const {
  NodeMean mean;
  std::int64_t sum = 0;
  std::int64_t readings = 0;
  for (const auto& bucket : kept_.buckets) {
    if (!within(bucket, now)) continue;
    readings += bucket.node_readings;
    mean.covered += bucket.node_covered;
    sum += bucket.node_sum.value();
  }
  if (readings == 0) return {};
  mean.use = MilliCpu(sum / readings);
  return mean;
}

}  // namespace tideline::decide
