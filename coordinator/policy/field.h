#pragma once
// A place in a typed policy as a key has it: through the same members for writing and for reading, so that what can be
// set can also be shown and compared.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "coordinator/policy/keys.h"
#include "coordinator/profile/prediction_policy.h"
#include "messages/model/policy.h"

namespace tideline::policy {

template <class Whole>
struct Field {
  void (*apply)(Whole&, const Scalar&) = nullptr;
  std::optional<Scalar> (*read)(const Whole&) = nullptr;
};

/// A checked value into a field of its type. A name that the model does not have changes nothing.
inline void assign(bool& field, const Scalar& value) {
  field = std::get<bool>(value);
}
inline void assign(int& field, const Scalar& value) {
  field = static_cast<int>(std::get<std::int64_t>(value));
}
inline void assign(std::optional<int>& field, const Scalar& value) {
  field = static_cast<int>(std::get<std::int64_t>(value));
}
inline void assign(std::optional<bool>& field, const Scalar& value) {
  field = std::get<bool>(value);
}
inline void assign(std::optional<model::Bytes>& field, const Scalar& value) {
  field = model::Bytes(std::get<std::int64_t>(value));
}
inline void assign(double& field, const Scalar& value) {
  field = std::get<double>(value);
}
inline void assign(model::Ratio& field, const Scalar& value) {
  field = model::Ratio::nearest(std::get<double>(value));
}
template <class Enum>
void assign_named(Enum& field, const Scalar& value, std::optional<Enum> (*from)(std::string_view)) {
  if (const auto known = from(std::get<std::string>(value))) field = *known;
}
inline void assign(model::SuppressPolicy& field, const Scalar& value) {
  assign_named(field, value, &model::suppress_policy_from);
}
inline void assign(model::CpuEvictPolicy& field, const Scalar& value) {
  assign_named(field, value, &model::cpu_evict_policy_from);
}
inline void assign(model::CalculatePolicy& field, const Scalar& value) {
  assign_named(field, value, &model::calculate_policy_from);
}
inline void assign(model::MidReclaimMode& field, const Scalar& value) {
  assign_named(field, value, &model::mid_reclaim_mode_from);
}
inline void assign(model::BurstPolicy& field, const Scalar& value) {
  assign_named(field, value, &model::burst_policy_from);
}
inline void assign(model::CpuQosMechanism& field, const Scalar& value) {
  assign_named(field, value, &model::cpu_qos_mechanism_from);
}
inline void assign(std::vector<model::HostApplication>& field, const Scalar& value) {
  field = std::get<std::vector<model::HostApplication>>(value);
}
/// The word for no predictor at all, which is not the same as saying nothing.
inline constexpr std::string_view kNoPredictor = "none";
inline void assign(std::optional<profile::Predictor>& field, const Scalar& value) {
  const auto& text = std::get<std::string>(value);
  const auto known = profile::predictor_from(text);
  if (known || text == kNoPredictor) field = known;
}

/// The field's value as a key would give it; nullopt = unset.
inline std::optional<Scalar> scalar_of(std::same_as<bool> auto field) {
  return Scalar(field);
}
inline std::optional<Scalar> scalar_of(std::same_as<int> auto field) {
  return Scalar(std::int64_t{field});
}
inline std::optional<Scalar> scalar_of(std::same_as<double> auto field) {
  return Scalar(field);
}
inline std::optional<Scalar> scalar_of(std::same_as<model::Ratio> auto field) {
  return Scalar(field.value());
}
template <class Enum>
requires std::is_enum_v<Enum> std::optional<Scalar> scalar_of(Enum field) {
  return Scalar(std::string(model::name_of(field)));
}
inline std::optional<Scalar> scalar_of(const std::optional<int>& field) {
  return field ? std::optional(Scalar(std::int64_t{*field})) : std::nullopt;
}
inline std::optional<Scalar> scalar_of(const std::optional<bool>& field) {
  return field ? std::optional(Scalar(*field)) : std::nullopt;
}
inline std::optional<Scalar> scalar_of(const std::optional<model::Bytes>& field) {
  return field ? std::optional(Scalar(field->value())) : std::nullopt;
}
inline std::optional<Scalar> scalar_of(const std::optional<profile::Predictor>& field) {
  return Scalar(std::string(field ? profile::name_of(*field) : kNoPredictor));
}

inline std::optional<Scalar> scalar_of(const std::vector<model::HostApplication>& field) {
  return Scalar(field);
}

/// The field behind these members, one inside the other:
/// field_at<NodePolicy, &NodePolicy::threshold, &ThresholdPolicy::enable>().
template <class Whole, auto... Members>
constexpr Field<Whole> field_at() {
  return {[](Whole& whole, const Scalar& value) { assign((whole.*....*Members), value); },
          [](const Whole& whole) { return scalar_of((whole.*....*Members)); }};
}

/// Likewise of a switch that a key has as 0 or 1.
template <class Whole, auto... Members>
constexpr Field<Whole> bit_at() {
  return {
      [](Whole& whole, const Scalar& value) { (whole.*....*Members) = std::get<std::int64_t>(value) == 1; },
      [](const Whole& whole) -> std::optional<Scalar> { return Scalar(std::int64_t{(whole.*....*Members) ? 1 : 0}); }};
}

}  // namespace tideline::policy
