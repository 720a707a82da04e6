#pragma once
// Whose tables come and go by the hundred a day, and so may be kept for a shorter time than the others of their tier.

#include <array>
#include <cstdint>
#include <string_view>

#include "storage/series/table.h"

namespace tideline::series {

/// The numbers are in files and never change.
enum class Stay : std::uint8_t { kLasting = 0, kPassing = 1 };
inline constexpr std::array kStays{Stay::kLasting, Stay::kPassing};

/// kPassing: a pod, and a workload whose kind is a job's: its name ends in "Job" (Job, RayJob, PyTorchJob), and it is
/// no CronJob. Such a workload is there for one run, as its pods are; all else, and nodes, stays under its name.
Stay stay_of(SubjectKind kind, std::string_view name);
inline Stay stay_of(const Subject& subject) {
  return stay_of(subject.kind, subject.name);
}

}  // namespace tideline::series
