#pragma once
// A demand model as an object of a file of the planner's own. For the sources of this room.

#include <cstddef>

#include <fmt/format.h>

#include "coordinator/planner/demand_model.h"
#include "coordinator/planner/saved_fields.h"

namespace tideline::planner {

inline constexpr std::size_t kMaxModelSource = 400;  // bytes

inline void put_demand_model(const DemandModel& demand, SavedJson& object) {
  demand_model_fields([&object](const char* key, const char* /*what*/, const char* /*unit*/, double /*least*/,
                                double /*most*/, double value) { object[key] = value; },
                      demand);
  object["serviceSeconds"] = demand.service_seconds;
  object["source"] = demand.source;
}

inline void read_demand_model(SavedFields& fields, DemandModel& demand) {
  demand_model_fields(
      [&fields](const char* key, const char* /*what*/, const char* /*unit*/, double least, double most, double& value) {
        fields(key, value);
        if (value >= least && value <= most) return;
        fields.fail(fmt::format("{} is {}; want {} to {}", fields.below(key).text(), value, least, most));
      },
      demand);
  fields("serviceSeconds", demand.service_seconds);
  fields("source", demand.source);
  if (demand.source.size() > kMaxModelSource) {
    fields.fail(fmt::format("{} has {} bytes; at most {}", fields.below("source").text(), demand.source.size(),
                            kMaxModelSource));
  }
}

}  // namespace tideline::planner
