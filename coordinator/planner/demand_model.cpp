#include "coordinator/planner/demand_model.h"

#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/demand_model_fields.h"
#include "coordinator/planner/saved_fields.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kDemandSchema = "tideline-demand-model";
constexpr std::size_t kMaxDemandBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxDemandDepth = 4;

}  // namespace

model::Result<void> check_demand_model(const DemandModel& demand) {
  std::optional<model::Error> problem;
  demand_model_fields(
      [&problem](const char* key, const char* /*what*/, const char* /*unit*/, double least, double most, double value) {
        if (problem || (value >= least && value <= most)) return;
        problem = model::invalid(fmt::format("demand model: {} is {}; want {} to {}", key, value, least, most));
      },
      demand);
  if (problem) return *std::move(problem);
  return {};
}

std::string to_json(const DemandModel& demand) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kDemandSchema);
  root["version"] = kSavedVersion;
  put_demand_model(demand, root);
  return saved_text(root);
}

model::Result<DemandModel> demand_model_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxDemandBytes, .max_depth = kMaxDemandDepth});
  if (!root) return root.error();
  std::optional<model::Error> problem;
  DemandModel demand;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kDemandSchema);
  read_demand_model(fields, demand);
  fields.done();
  if (problem) return *std::move(problem);
  return demand;
}

}  // namespace tideline::planner
