#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/report.h"
#include "messages/model/sample.h"

namespace tideline::sense {

/// Folds the samples of one report window. Pods and host applications travel as summaries, and zones once, so the kept
/// samples have none.
class ReportWindow {
 public:
  /// `max_samples` bounds memory; beyond it the oldest sample is dropped (its pods stay in the summaries).
  explicit ReportWindow(std::size_t max_samples = model::ReportLimits::kMaxSamples);

  void add(model::NodeSample sample);
  bool empty() const { return samples_.empty(); }
  /// Oldest first.
  const std::vector<model::NodeSample>& samples() const { return samples_; }
  /// One summary for each of `pods`, in their order, also where nothing is known of it.
  std::vector<model::PodSummary> summaries(const std::vector<model::Pod>& pods) const;
  /// The same of pods that are told of again and again.
  std::vector<model::PodSummary> summaries_of(const model::SharedPods& pods) const;
  /// One for each host application of the newest sample, in its order.
  std::vector<model::HostApplicationSummary> applications() const;
  /// The newest that a sample told; empty: none did.
  const std::vector<model::ZoneUse>& zones() const { return zones_; }
  /// Forgets everything.
  void clear();

 private:
  struct Fold {
    std::int64_t min = 0;
    std::int64_t max = 0;
    double sum = 0;
    std::size_t count = 0;
    void add(std::int64_t value);
    std::optional<model::Spread> spread() const;
  };
  struct Mean {
    double sum = 0;
    std::size_t count = 0;
    void add(const std::optional<double>& value);
    std::optional<double> mean() const;
  };
  struct PressureMean {
    Mean some;
    Mean full;
    void add(const std::optional<model::Pressure>& value);
    std::optional<model::Pressure> mean() const;
  };
  struct PodFold {
    Fold cpu;
    Fold memory;
    Mean throttled;
    Mean delay;
    PressureMean memory_pressure;
    PressureMean io_pressure;
    Mean refaults;
    Mean scanned;
    std::optional<std::int64_t> oom_kills;
    void add(const model::MemorySignals& signals);
    model::MemorySignals signals() const;
  };
  struct ApplicationFold {
    Fold cpu;
    Fold memory;
  };
  model::PodSummary summary_of(model::SharedPod pod) const;

  std::size_t max_samples_;
  std::vector<model::NodeSample> samples_;
  std::map<model::PodUid, PodFold> pods_;
  std::map<std::string, ApplicationFold> application_folds_;  // by group
  std::vector<model::ApplicationUse> applications_;           // of the newest sample
  std::vector<model::ZoneUse> zones_;
};

}  // namespace tideline::sense
