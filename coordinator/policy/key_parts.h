#pragma once
// What the tables of keys are made of. Not for other rooms.

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/policy/field.h"
#include "coordinator/policy/keys.h"
#include "messages/model/policy.h"

namespace tideline::policy {

inline KeySpec key(std::string_view document, std::string_view path, KeyType type, std::string_view default_text,
                   std::string_view meaning) {
  KeySpec spec;
  spec.document = document;
  spec.path = path;
  spec.type = type;
  spec.default_text = default_text;
  spec.meaning = meaning;
  return spec;
}

inline KeySpec between(KeySpec spec, std::optional<double> min, std::optional<double> max) {
  spec.min = min;
  spec.max = max;
  return spec;
}

inline KeySpec one_of(KeySpec spec, std::vector<std::string_view> choices) {
  spec.choices = std::move(choices);
  return spec;
}

template <auto... Members>
inline constexpr Field<model::NodePolicy> kAt = field_at<model::NodePolicy, Members...>();

/// Read into the model without anything acting on it yet: nodes list such a feature as unsupported.
inline KeySpec carried(KeySpec spec, Field<model::NodePolicy> field) {
  spec.apply = field.apply;
  spec.read = field.read;
  return spec;
}

inline KeySpec acted(KeySpec spec, Field<model::NodePolicy> field) {
  spec.status = KeyStatus::kActive;
  return carried(std::move(spec), field);
}

inline KeySpec acted_if(KeySpec spec, std::vector<std::string_view> choices) {
  spec.status = KeyStatus::kActive;
  spec.acted_choices = std::move(choices);
  return spec;
}

// An int is what the model and the wire hold.
inline constexpr double kMaxInt = 2147483647;

/// Keys of resource-qos-config.
void add_qos(std::vector<KeySpec>& out);

}  // namespace tideline::policy
