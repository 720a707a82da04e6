#pragma once
// The classes that workloads are told apart by.

#include <optional>
#include <string_view>

namespace tideline::model {

/// Label koordinator.sh/qosClass.
enum class QosClass { kLse, kLsr, kLs, kBe, kSystem };
/// Band of spec.priority: prod 9000-9999, mid 7000-7999, batch 5000-5999, free 3000-3999.
enum class Tier { kProd, kMid, kBatch, kFree };

std::string_view name_of(QosClass qos);  // "LSE" ...
std::string_view name_of(Tier tier);     // "prod" ...
std::optional<QosClass> qos_class_from(std::string_view text);
/// Tier by spec.priority's band, else by QoS (BE -> batch, all others -> prod).
Tier tier_of(std::optional<int> priority, QosClass qos);

}  // namespace tideline::model
