#pragma once
// What the live coordinator would know of a host at the begin of a step: the averages of the window before it, and who
// is there now. One NodeInput for all steps.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/planner/batch.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/reclaim/reclaim.h"
#include "messages/model/units.h"

namespace tideline::planner {

/// Each step has a report of its own, which has just come.
inline constexpr model::MonoTime kReportTime{};

/// Services of a host over one step.
struct ServicesNow {
  model::MilliCpu used;
  model::MilliCpu requested;
  model::Bytes memory;  // used, or requested where that is not known
};

class HostInput {
 public:
  HostInput(const RunSetting& setting, std::size_t host);

  /// Workloads as prod pods of QoS LS, `batch` as pods of QoS BE. At the first step nothing was measured: there is no
  /// report. Who has just left is charged its average once more, as the live account does while it may still run.
  const reclaim::NodeInput& settle(std::size_t step, const HostBatch& batch, model::MilliCpu batch_used);
  const reclaim::NodeInput& input() const { return input_; }

  ServicesNow services(std::size_t step) const;
  /// That the last settle() told of.
  std::size_t service_count() const { return told_.size(); }

 private:
  struct WindowUse {
    double sum = 0;
    std::size_t known = 0;  // steps
    double mean() const { return sum / static_cast<double>(known); }
  };
  /// `first`: the step of the first value.
  WindowUse before(std::size_t step, const std::vector<float>& values, std::size_t first) const;
  void choose_services(std::size_t step);
  void set_service(std::size_t step, const Workload& workload, reclaim::PodInput& pod) const;
  void set_host(std::size_t step);
  void set_batch(const HostBatch& batch);

  const RunSetting* setting_;
  std::size_t host_;
  std::vector<const Workload*> services_;
  /// Those that are there, were within the window, or may come back: others say nothing to an account. As long as the
  /// step is within [told_from_, told_until_).
  std::vector<const Workload*> told_;
  std::size_t told_from_ = 0;
  std::size_t told_until_ = 0;
  reclaim::NodeInput input_;  // pods: services in their order, then batch
};

}  // namespace tideline::planner
