#include <cstdint>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

/// A number that is not known to this build is `otherwise`, which is never the better guess for best-effort: history
/// holds reports of builds that knew more.
template <class Enum>
Enum known_or(std::uint8_t number, Enum last, Enum otherwise) {
  return number <= static_cast<std::uint8_t>(last) ? static_cast<Enum>(number) : otherwise;
}

}  // namespace

void write_applications(const std::vector<model::HostApplicationSummary>& applications, schema::Report::Builder out) {
  if (applications.empty()) return;
  auto list = out.initApplications(static_cast<unsigned>(applications.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    const auto& application = applications[i];
    list[i].setName(ptr(application.name));
    list[i].setTier(static_cast<std::uint8_t>(application.tier));
    list[i].setQos(static_cast<schema::QosClass>(application.qos));
    list[i].setGroup(ptr(application.group));
    list[i].setState(static_cast<std::uint8_t>(application.state));
    write_spread(application.cpu_milli, list[i].initCpuMilli());
    write_spread(application.memory_bytes, list[i].initMemoryBytes());
  }
}

std::vector<model::HostApplicationSummary> read_applications(Problems& problems,
                                                             capnp::List<schema::HostApplicationUse>::Reader in) {
  std::vector<model::HostApplicationSummary> applications;
  if (!problems.bounded("applications", in, model::HostApplicationLimits::kMaxApplications)) return applications;
  applications.reserve(in.size());
  for (const auto one : in) {
    applications.push_back(
        {.name = str(one.getName()),
         .tier = known_or(one.getTier(), model::Tier::kFree, model::Tier::kProd),
         .qos = problems.enumerator("applications.qos", one.getQos(), model::QosClass::kSystem),
         .group = str(one.getGroup()),
         .state = known_or(one.getState(), model::ApplicationState::kHoldsPods, model::ApplicationState::kUnreadable),
         .cpu_milli = read_spread(one.getCpuMilli()),
         .memory_bytes = read_spread(one.getMemoryBytes())});
  }
  return applications;
}

}  // namespace tideline::codec
