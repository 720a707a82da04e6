#include "node-actor/actor/pods_room.h"

#include <fmt/format.h>

#include "messages/codec/report_bytes.h"
#include "messages/model/report.h"

namespace tideline::node {

model::Result<void> check_pods_room(const std::vector<model::Pod>& pods) {
  model::Report report;
  report.node = model::NodeName("n");
  report.seq = model::Seq(1);
  report.pods.reserve(pods.size());
  for (const auto& pod : pods)
    report.pods.push_back({.pod = pod, .cpu_milli = {}, .memory_bytes = {}, .throttled_ratio = {}, .run_delay = {}});
  const auto bytes = codec::to_bytes(report);
  if (!bytes) return bytes.error();
  if (bytes->size() <= model::ReportLimits::kMaxPodsWireBytes) return {};
  return model::invalid(fmt::format("its {} pods take {} bytes of a report, limit {}: list fewer pods or containers",
                                    pods.size(), bytes->size(), model::ReportLimits::kMaxPodsWireBytes));
}

}  // namespace tideline::node
