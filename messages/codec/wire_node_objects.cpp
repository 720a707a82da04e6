#include <fmt/format.h>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using model::Result;

/// A PodSummary beside its pod: six pointers, two spreads, two numbers and the signals of memory, which are left out
/// where none is known.
constexpr std::uint64_t kUseWords = 6 + 2 * 4 + 2 * 2 + 4;

}  // namespace

void write(const model::NodeObjects& objects, schema::NodeObjects::Builder out) {
  out.setNumber(objects.number);
  out.setEpoch(objects.epoch.value());
  write_texts(objects.labels, out.initLabels(static_cast<unsigned>(objects.labels.size())));
  write_texts(objects.annotations, out.initAnnotations(static_cast<unsigned>(objects.annotations.size())));
  write_unit(objects.cpu_allocatable, out.initCpuAllocatable());
  write_unit(objects.memory_allocatable, out.initMemoryAllocatable());
  auto pods = out.initPods(static_cast<unsigned>(objects.pods.size()));
  for (unsigned i = 0; i < pods.size(); ++i)
    write(objects.pods[i], pods[i]);
}

Result<model::NodeObjects> read(schema::NodeObjects::Reader in) {
  Problems problems;
  model::NodeObjects objects;
  objects.number = in.getNumber();
  objects.epoch = model::Epoch(in.getEpoch());
  objects.labels = read_texts(problems, "labels", in.getLabels(), model::ReportLimits::kMaxLabels);
  objects.annotations = read_texts(problems, "annotations", in.getAnnotations(), model::AnnotationLimits::kMaxCount);
  objects.cpu_allocatable = read_unit<model::MilliCpu>(in.getCpuAllocatable());
  objects.memory_allocatable = read_unit<model::Bytes>(in.getMemoryAllocatable());
  const auto pods = in.getPods();
  if (problems.bounded("pods", pods, model::ReportLimits::kMaxPods)) {
    objects.pods.reserve(pods.size());
    std::size_t bound_cpus = 0;
    for (const auto pod : pods) {
      objects.pods.push_back(problems.take("pods", read(pod)));
      // Six bytes of text can name 8192 CPUs.
      bound_cpus += objects.pods.back().bound_cpus.cpus().size();
      if (bound_cpus > model::ReportLimits::kMaxBoundCpus) {
        problems.add("pods.boundCpus", fmt::format("more than {} in all", model::ReportLimits::kMaxBoundCpus));
      }
      if (problems.any()) break;
    }
  }
  auto result = problems.result(std::move(objects));
  if (!result) return result;
  if (const auto valid = model::validate(*result); !valid) return valid.error();
  return result;
}

std::uint64_t bytes_in_report(schema::NodeObjects::Reader objects) {
  std::uint64_t words = 0;
  for (const auto pod : objects.getPods())
    words += pod.totalSize().wordCount + kUseWords;
  return words * sizeof(capnp::word);
}

}  // namespace tideline::codec
