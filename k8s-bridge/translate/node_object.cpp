#include <algorithm>
#include <limits>
#include <utility>

#include "k8s-bridge/translate/fields.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/json_text.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"

namespace tideline::k8s {
namespace {

using model::AnnotationLimits;
using model::Bytes;
using model::MilliCpu;
using model::ReportLimits;
using model::Result;
using nlohmann::json;

constexpr std::size_t kMaxLabels = 256;         // of a report
constexpr std::size_t kMaxLabelKeyBytes = 317;  // as Kubernetes: a DNS name, a slash and a name
constexpr std::size_t kMaxLabelValueBytes = 63;
constexpr auto kNoLimit = std::numeric_limits<std::int64_t>::max();

std::map<std::string, std::string> labels_of(const Fields& metadata, Problems& problems) {
  std::map<std::string, std::string> labels;
  const json* object = metadata.object("labels");
  if (object == nullptr) return labels;
  std::size_t left_out = 0;
  for (const auto& [key, value] : object->items()) {
    if (!value.is_string()) {
      problems.add_json(key, value, "want text; it is ignored");
    } else if (key.size() > kMaxLabelKeyBytes || value.get_ref<const std::string&>().size() > kMaxLabelValueBytes) {
      problems.add_json(key, value, "a label is longer than Kubernetes lets one be; it is ignored");
    } else if (labels.size() == kMaxLabels) {
      ++left_out;
    } else {
      labels.emplace(key, value.get<std::string>());
    }
  }
  if (left_out > 0) {
    problems.add("metadata.labels", fmt::format("{} labels", kMaxLabels + left_out),
                 fmt::format("limit {}: the last {} are ignored", kMaxLabels, left_out));
  }
  return labels;
}

class Annotations {
 public:
  Annotations(const Fields& metadata, Problems& problems)
      : object_(metadata.object("annotations")), problems_(problems) {}

  /// Of all that nodes are told there is room in each set, though not for all of a long one.
  void take_told(std::string_view key) {
    const std::size_t room =
        AnnotationLimits::kMaxBytes - std::min(told_bytes_ + key.size(), AnnotationLimits::kMaxBytes);
    told_bytes_ += take(key, std::min(room, AnnotationLimits::kMaxValueBytes));
  }
  void take_other(std::string_view key) { take(key, AnnotationLimits::kMaxValueBytes); }

  std::map<std::string, std::string> result() && { return std::move(taken_); }

 private:
  /// -> bytes of key and value.
  std::size_t take(std::string_view key, std::size_t max_bytes) {
    if (object_ == nullptr) return 0;
    const auto found = object_->find(std::string(key));
    if (found == object_->end() || found->is_null()) return 0;
    // What is no text still is there, and what it takes is not known.
    std::string value = found->is_string() ? found->get<std::string>() : "";
    if (!found->is_string()) problems_.add_json(key, *found, "want text; it cannot be read");
    if (value.size() > max_bytes) {
      problems_.add(key, value, fmt::format("{} bytes, limit {}; it cannot be read", value.size(), max_bytes));
      value.resize(model::beginning(value, max_bytes).size());
    }
    const std::size_t bytes = key.size() + value.size();
    taken_.emplace(key, std::move(value));
    return bytes;
  }

  const json* object_;
  Problems& problems_;
  std::map<std::string, std::string> taken_;
  std::size_t told_bytes_ = 0;
};

std::map<std::string, std::string> annotations_of(const Fields& metadata, Problems& problems) {
  Annotations annotations(metadata, problems);
  for (const std::string_view key : kNodeAnnotations)
    annotations.take_told(key);
  for (const std::string_view key :
       {kAccountAnnotation, kOriginAnnotation, kNormalizationAnnotation, kAmplificationAnnotation})
    annotations.take_other(key);
  return std::move(annotations).result();
}

struct Amounts {
  std::optional<MilliCpu> cpu;
  std::optional<Bytes> memory;
  Extended extended;
};

/// `status.capacity` or `status.allocatable`. Extended ones may count more CPUs than any host has: normalised ones.
Amounts amounts_in(const Fields& status, std::string_view name, Problems& problems) {
  const json* list = status.object(name);
  const std::string path = status.path(name);
  const auto extended_cpu = [&](std::string_view resource) {
    return amount(list, path, {resource}, model::parse_batch_cpu, kNoLimit, problems);
  };
  const auto extended_memory = [&](std::string_view resource) {
    return amount(list, path, {resource}, model::parse_bytes, kNoLimit, problems);
  };
  return {.cpu = amount(list, path, {"cpu"}, model::parse_cpu, ReportLimits::kMaxMilliCpu, problems),
          .memory = amount(list, path, {"memory"}, model::parse_bytes, ReportLimits::kMaxMemoryBytes, problems),
          .extended = {.batch_cpu = extended_cpu(kBatchCpu),
                       .batch_memory = extended_memory(kBatchMemory),
                       .mid_cpu = extended_cpu(kMidCpu),
                       .mid_memory = extended_memory(kMidMemory),
                       .older_batch_cpu = extended_cpu(kOlderBatchCpu),
                       .older_batch_memory = extended_memory(kOlderBatchMemory),
                       .reclaimed_cpu = extended_cpu(kReclaimedCpu),
                       .reclaimed_memory = extended_memory(kReclaimedMemory)}};
}

template <class Unit>
void lower(std::optional<Unit>& allocatable, const std::optional<Unit>& raw) {
  if (allocatable && raw) allocatable = std::min(*allocatable, *raw);
}

/// What the webhook multiplied is not kubelet's word. A raw value above the status' is one that was left behind.
void undo_amplification(const Fields& metadata, NodeObject& node, Problems& problems) {
  const json* annotations = metadata.find("annotations");
  if (annotations == nullptr || !annotations->is_object()) return;
  const auto found = annotations->find(std::string(kRawAllocatableAnnotation));
  if (found == annotations->end() || found->is_null()) return;
  if (!found->is_string()) {
    problems.add_json(kRawAllocatableAnnotation, *found, "want text; it is ignored");
    return;
  }
  constexpr model::JsonLimits kLimits{.max_bytes = AnnotationLimits::kMaxValueBytes, .max_depth = 4};
  const auto& text = found->get_ref<const std::string&>();
  const auto raw = model::parse_json(text, kLimits);
  if (!raw || !raw->is_object()) {
    problems.add(kRawAllocatableAnnotation, text,
                 raw ? "want an object; it is ignored" : raw.error().message() + "; it is ignored");
    return;
  }
  const json* list = &*raw;
  lower(node.cpu_allocatable,
        amount(list, kRawAllocatableAnnotation, {"cpu"}, model::parse_cpu, ReportLimits::kMaxMilliCpu, problems));
  lower(node.memory_allocatable, amount(list, kRawAllocatableAnnotation, {"memory"}, model::parse_bytes,
                                        ReportLimits::kMaxMemoryBytes, problems));
}

}  // namespace

Result<NodeObject> node_from(const json& object) {
  auto key = key_from(object, false);
  if (!key) return key.error();
  NodeObject node;
  node.key = *std::move(key);
  Problems problems;
  const Fields top(&object, "", problems);
  const Fields metadata = top.fields("metadata");
  const Fields status = top.fields("status");
  node.labels = labels_of(metadata, problems);
  node.annotations = annotations_of(metadata, problems);
  const Amounts capacity = amounts_in(status, "capacity", problems);
  const Amounts allocatable = amounts_in(status, "allocatable", problems);
  node.cpu_capacity = capacity.cpu;
  node.memory_capacity = capacity.memory;
  node.capacity = capacity.extended;
  node.cpu_allocatable = allocatable.cpu;
  node.memory_allocatable = allocatable.memory;
  node.allocatable = allocatable.extended;
  undo_amplification(metadata, node, problems);
  for (const auto& problem : std::move(problems).take())
    node.problems.push_back(fmt::format("{} is {}: {}", problem.key, problem.value, problem.why));
  return node;
}

}  // namespace tideline::k8s
