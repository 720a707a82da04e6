#include "storage/series/stay.h"

namespace tideline::series {
namespace {

/// Of "namespace/kind/name".
std::string_view kind_in_name(std::string_view name) {
  const auto first = name.find('/');
  if (first == std::string_view::npos) return {};
  const auto kind = name.substr(first + 1);
  const auto second = kind.find('/');
  return second == std::string_view::npos ? std::string_view() : kind.substr(0, second);
}

}  // namespace

Stay stay_of(SubjectKind kind, std::string_view name) {
  if (kind == SubjectKind::kNode) return Stay::kLasting;
  if (kind == SubjectKind::kPod) return Stay::kPassing;
  const auto of_workload = kind_in_name(name);
  return of_workload.ends_with("Job") && of_workload != "CronJob" ? Stay::kPassing : Stay::kLasting;
}

}  // namespace tideline::series
