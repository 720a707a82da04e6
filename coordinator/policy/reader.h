#pragma once
// One data key's JSON tree -> a Section, by the key table.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "coordinator/policy/policy.h"
#include "messages/model/result.h"

namespace tideline::policy {

/// How a document spells its parts.
struct Shape {
  std::string_view document;  // data key
  std::string_view cluster;   // member with the cluster strategy; "" = its fields stand at the top
  std::string_view nodes;     // member with the node entries
  bool replaces = false;      // a node entry replaces the cluster strategy: what it does not say is at its default
};

/// The document with this data key; nullptr if this version does not read it.
const Shape* shape_of(std::string_view document);

/// Appends notices under `origin`. The error names JSON path, value and allowed range, not the origin.
model::Result<Section> read_section(const Shape& shape, const nlohmann::json& root, const std::string& origin,
                                    std::vector<Notice>& notices);

/// A strategy that stands alone: its keys at the top, and no node entries.
model::Result<std::vector<Setting>> read_strategy(const Shape& shape, const nlohmann::json& root,
                                                  std::vector<Notice>& notices);

}  // namespace tideline::policy
