#include "k8s-bridge/translate/pod_keys.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "messages/model/host_application.h"
#include "messages/model/json_text.h"

namespace tideline::k8s {
namespace {

using model::PodMetadata;
using model::Tier;
using nlohmann::json;

/// What is longer is none of the values that are read here, and is not copied.
constexpr std::size_t kMaxValueBytes = 64 << 10;

class Keys {
 public:
  Keys(const Fields& metadata, Problems& problems)
      : labels_(metadata.object("labels")), annotations_(metadata.object("annotations")), problems_(problems) {}

  PodMetadata read() {
    PodMetadata read;
    for (const std::string_view key : model::kPodLabels) {
      if (auto value = label(key)) read.labels.emplace(key, *std::move(value));
    }
    for (const std::string_view key : model::kPodAnnotations) {
      if (auto value = annotation(key)) read.annotations.emplace(key, *std::move(value));
    }
    take_older(label(kOlderQosLabel), kOlderQosLabel, model::kQosClassLabel, read.labels);
    take_older(annotation(kOlderQosAnnotation), kOlderQosAnnotation, model::kQosClassLabel, read.labels);
    take_older(annotation(kOlderCpuBurstAnnotation), kOlderCpuBurstAnnotation, model::kCpuBurstAnnotation,
               read.annotations);
    take_older(annotation(kOlderMemoryQosAnnotation), kOlderMemoryQosAnnotation, model::kMemoryQosAnnotation,
               read.annotations);
    return read;
  }
  std::optional<std::string> label(std::string_view key) { return text(labels_, key); }

  /// As the pod spells it.
  std::string_view spelling(std::string_view key) const {
    const auto found = older_.find(key);
    return found == older_.end() ? key : found->second;
  }

 private:
  using Texts = std::map<std::string, std::string, std::less<>>;

  std::optional<std::string> annotation(std::string_view key) {
    auto value = text(annotations_, key);
    // Whom it lets evict the pod is not known, so it must be known that there is one.
    if (!value && key == model::kEvictionPolicyAnnotation && has(annotations_, key)) value = "";
    return value;
  }
  static bool has(const json* texts, std::string_view key) {
    return texts != nullptr && texts->find(std::string(key)) != texts->end();
  }
  std::optional<std::string> text(const json* texts, std::string_view key) {
    if (!has(texts, key)) return std::nullopt;
    const json& value = *texts->find(std::string(key));
    if (value.is_string()) return std::string(model::beginning(value.get_ref<const std::string&>(), kMaxValueBytes));
    problems_.add_json(key, value, "want text; it is ignored");
    return std::nullopt;
  }
  void take_older(std::optional<std::string> value, std::string_view older, std::string_view newer, Texts& texts) {
    if (!value || texts.contains(newer)) return;
    texts.emplace(newer, *std::move(value));
    older_.emplace(newer, older);
  }

  const json* labels_;
  const json* annotations_;
  Problems& problems_;
  std::map<std::string_view, std::string_view> older_;  // newer key -> the one its value is of
};

/// Koordinator's default value of a class.
int default_priority(Tier tier) {
  switch (tier) {
    case Tier::kProd:
      return 9500;
    case Tier::kMid:
      return 7500;
    case Tier::kBatch:
      return 5500;
    case Tier::kFree:
      return 3500;
  }
  return 9500;
}

/// Whether the priority lies in the tier's own band, so that the QoS class has no say.
bool is_in_band(std::optional<int> priority, Tier tier) {
  return model::tier_of(priority, model::QosClass::kBe) == tier &&
         model::tier_of(priority, model::QosClass::kLs) == tier;
}

void apply_priority_class(const std::optional<std::string>& name, Problems& problems, model::Pod& pod) {
  if (!name) return;
  const auto tier = model::tier_from_priority_class(*name);
  if (!tier) {
    problems.add(kPriorityClassLabel, *name, "want koord-prod, koord-mid, koord-batch or koord-free; it is ignored");
    return;
  }
  if (!is_in_band(pod.priority, *tier)) pod.priority = default_priority(*tier);
}

}  // namespace

void apply_keys(const Fields& metadata, Problems& problems, model::Pod& pod) {
  Keys keys(metadata, problems);
  for (const auto& problem : model::apply_metadata(keys.read(), pod))
    problems.add(keys.spelling(problem.key), problem.value, problem.why);
  apply_priority_class(keys.label(kPriorityClassLabel), problems, pod);
}

}  // namespace tideline::k8s
