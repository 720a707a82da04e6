#include "coordinator/planner_program/recorded_services.h"

#include <chrono>
#include <unordered_map>
#include <variant>

#include "messages/model/pod.h"
#include "messages/model/qos.h"

namespace tideline::planner_program {
namespace {

constexpr std::int64_t kNsOfMonoSecond = 1'000'000'000;
constexpr std::int64_t kMsOfServiceSecond = 1'000;
constexpr model::Duration kShortestRound = std::chrono::milliseconds(500);
constexpr model::Duration kLongestRound = std::chrono::milliseconds(1'500);

bool is_service(model::QosClass qos) {
  return qos == model::QosClass::kLse || qos == model::QosClass::kLsr || qos == model::QosClass::kLs;
}

/// By the clock that nobody sets, where the recording has it.
std::int64_t second_of(const model::NodeSample& sample) {
  return sample.at.ns > 0 ? sample.at.ns / kNsOfMonoSecond : sample.wall.ms / kMsOfServiceSecond;
}

}  // namespace

model::Result<void> RecordedServices::line(std::string_view text) {
  const auto entry = reading_.line(text);
  if (!entry) {
    if (bad_lines_++ == 0) first_bad_ = entry.error().message();
    return {};
  }
  if (!*entry) return {};
  const auto* round = std::get_if<recording::CpuRound>(&**entry);
  if (round == nullptr) return {};
  const auto& sample = round->sample;
  // Not told: of a recording that has rates without it.
  const bool is_second =
      sample.window == model::kZeroDuration || (sample.window >= kShortestRound && sample.window <= kLongestRound);
  ++(is_second ? rounds_ : other_rounds_);
  if (!is_second) return {};
  std::unordered_map<std::string_view, model::QosClass> known;
  for (const auto& pod : round->pods)
    known.emplace(pod.uid.str(), pod.qos);
  for (const auto& use : sample.pods) {
    const auto found = known.find(use.uid.str());
    if (!use.cpu || found == known.end() || !is_service(found->second)) continue;
    const auto cpu = static_cast<double>(use.cpu->value());
    if (auto added = fit_.add(second_of(sample), use.uid.str(), cpu); !added) return added;
  }
  return {};
}

void RecordedServices::close() {
  fit_.close();
  reading_ = recording::Reading();
}

}  // namespace tideline::planner_program
