#include <algorithm>
#include <chrono>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using model::Result;

constexpr std::uint64_t kMaxAgeMs = std::uint64_t{1} << 40;

/// What is read is checked; a refusal by bounds is a malformed message to whoever reads it.
template <class T>
Result<T> checked(Problems& problems, T value) {
  if (!problems.any()) {
    if (const auto valid = model::validate(value); !valid) problems.add("eviction", valid.error().message());
  }
  return problems.result(std::move(value));
}

}  // namespace

void write(const model::EvictionAsk& ask, schema::EvictionAsk::Builder out) {
  out.setSeen(ask.seen.value());
  out.setThroughApi(ask.through_api);
  auto requests = out.initRequests(static_cast<unsigned>(ask.requests.size()));
  for (unsigned i = 0; i < requests.size(); ++i) {
    const auto& request = ask.requests[i];
    requests[i].setId(ptr(request.id));
    requests[i].setUid(ptr(request.uid.str()));
    requests[i].setNamespace(ptr(request.name_space));
    requests[i].setName(ptr(request.name));
    requests[i].setWorkload(ptr(request.workload));
    requests[i].setGroup(ptr(request.group));
    requests[i].setReason(static_cast<std::uint16_t>(request.reason));
    requests[i].setUrgency(static_cast<schema::EvictionUrgency>(request.urgency));
  }
}

void write(const model::EvictionAnswer& answer, schema::EvictionAnswer::Builder out) {
  out.setEpoch(answer.epoch.value());
  auto verdicts = out.initVerdicts(static_cast<unsigned>(answer.verdicts.size()));
  for (unsigned i = 0; i < verdicts.size(); ++i) {
    const auto& verdict = answer.verdicts[i];
    verdicts[i].setId(ptr(verdict.id));
    verdicts[i].setKind(static_cast<schema::EvictionVerdictKind>(verdict.answer));
    verdicts[i].setReason(static_cast<std::uint16_t>(verdict.reason));
    verdicts[i].setWhy(ptr(verdict.why));
    verdicts[i].setRetryAfterMs(static_cast<std::uint32_t>(ms_of(verdict.retry_after)));
  }
}

void write(const model::BatchAllocatable& allocatable, schema::BatchAllocatable::Builder out) {
  write_unit(allocatable.cpu, out.initCpu());
  write_unit(allocatable.memory, out.initMemory());
  out.setAgeMs(ms_of(allocatable.age));
}

Result<model::EvictionAsk> read(schema::EvictionAsk::Reader in) {
  Problems problems;
  model::EvictionAsk ask{.seen = model::Epoch(in.getSeen()), .through_api = in.getThroughApi(), .requests = {}};
  const auto requests = in.getRequests();
  if (problems.bounded("requests", requests, model::EvictionLimits::kMaxRequests)) {
    for (const auto request : requests) {
      ask.requests.push_back({.id = str(request.getId()),
                              .uid = model::PodUid(str(request.getUid())),
                              .name_space = str(request.getNamespace()),
                              .name = str(request.getName()),
                              .workload = str(request.getWorkload()),
                              .group = str(request.getGroup()),
                              // It only informs: a newer node's number is kept.
                              .reason = static_cast<model::Reason>(request.getReason()),
                              .urgency = problems.enumerator("requests.urgency", request.getUrgency(),
                                                             model::EvictionUrgency::kServices)});
    }
  }
  return checked(problems, std::move(ask));
}

Result<model::EvictionAnswer> read(schema::EvictionAnswer::Reader in) {
  Problems problems;
  model::EvictionAnswer answer{.epoch = model::Epoch(in.getEpoch()), .verdicts = {}};
  const auto verdicts = in.getVerdicts();
  if (problems.bounded("verdicts", verdicts, model::EvictionLimits::kMaxRequests)) {
    for (const auto verdict : verdicts) {
      answer.verdicts.push_back(
          {.id = str(verdict.getId()),
           .answer = problems.enumerator("verdicts.kind", verdict.getKind(), model::EvictionVerdict::Answer::kEvicted),
           .reason = static_cast<model::Reason>(verdict.getReason()),
           .why = str(verdict.getWhy()),
           .retry_after = std::chrono::milliseconds(verdict.getRetryAfterMs())});
    }
  }
  return checked(problems, std::move(answer));
}

Result<model::BatchAllocatable> read(schema::BatchAllocatable::Reader in) {
  Problems problems;
  model::BatchAllocatable allocatable;
  allocatable.cpu = read_unit<model::MilliCpu>(in.getCpu());
  allocatable.memory = read_unit<model::Bytes>(in.getMemory());
  // A number beyond it is as stale as any.
  allocatable.age = std::chrono::milliseconds(std::min(in.getAgeMs(), kMaxAgeMs));
  return checked(problems, std::move(allocatable));
}

}  // namespace tideline::codec
