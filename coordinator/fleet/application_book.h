#pragma once
// The averages of a node's host applications.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/fleet/usage_average.h"
#include "messages/model/host_application.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::fleet {

class ApplicationBook {
 public:
  /// Rows that are kept: those of a report, and as many that are no longer told of.
  static constexpr std::size_t kMaxRows = 2 * model::HostApplicationLimits::kMaxApplications;

  struct Row {
    std::string name;
    model::Tier tier = model::Tier::kProd;
    model::QosClass qos = model::QosClass::kSystem;
    model::ApplicationState state = model::ApplicationState::kNotFound;
    bool listed = true;  // in the report taken last
    UsageAverage cpu;
    UsageAverage memory;
  };

  /// A report's. One that it does not list any more stays until its average has run out: its use is not in the average
  /// of the system's use yet.
  void take(const std::vector<model::HostApplicationSummary>& reported, std::int64_t slot, model::Duration window);
  /// Those of the newest report in its order, then the others.
  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

}  // namespace tideline::fleet
