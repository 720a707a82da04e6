#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/policy/cross_check.h"
#include "coordinator/policy/json_text.h"
#include "coordinator/policy/policy.h"
#include "coordinator/policy/reader.h"
#include "coordinator/policy/spelling.h"

namespace tideline::policy {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

/// One data key found in the input.
struct Found {
  std::string origin;  // for errors and notices
  std::string text;
  json root;
};

std::string_view key_of(std::string_view name) {
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  constexpr std::string_view kSuffix = ".json";
  if (name.size() > kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix) {
    name.remove_suffix(kSuffix.size());
  }
  return name;
}

std::vector<std::string_view> known_keys() {
  std::vector<std::string_view> keys;
  keys.reserve(kSections.size() + known_other_documents().size());
  for (const auto& [key, section] : kSections)
    keys.push_back(key);
  keys.insert(keys.end(), known_other_documents().begin(), known_other_documents().end());
  return keys;
}

bool known(std::string_view key) {
  const auto keys = known_keys();
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// No key of a document that is acted on is called data or kind.
bool is_config_map(const json& root) {
  return root.is_object() && (root.contains("data") || root.contains("kind"));
}

class Collector {
 public:
  Result<void> add(const Document& document) {
    if (document.name.size() > Limits::kMaxNameBytes) {
      return Error(ErrorCode::kOverloaded, fmt::format("a document's name has {} bytes; at most {}",
                                                       document.name.size(), Limits::kMaxNameBytes));
    }
    auto root = parse_json(document.text);
    if (!root) return root.error().in(document.name);
    const std::string_view key = key_of(document.name);
    if (is_config_map(*root)) return add_config_map(document.name, *root);
    if (!known(key)) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format(
                       "the name \"{}\" is no data key, and the text is no ConfigMap (it has no \"data\"); want a "
                       "name of {}{}",
                       key, fmt::join(known_keys(), ", "), did_you_mean(key, known_keys())))
          .in(document.name);
    }
    return put(std::string(key), {document.name, document.text, *std::move(root)});
  }

  std::map<std::string, Found> take() && { return std::move(found_); }

 private:
  Result<void> add_config_map(const std::string& name, const json& map) {
    static const std::vector<std::string_view> kMembers = {"apiVersion", "kind",       "metadata",
                                                           "data",       "binaryData", "immutable"};
    for (const auto& [member, value] : map.items()) {
      if (std::find(kMembers.begin(), kMembers.end(), member) == kMembers.end()) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("$[{}] is not a member of a ConfigMap{}",
                                                              shown(json(member)), did_you_mean(member, kMembers)))
            .in(name);
      }
    }
    if (const auto kind = map.find("kind"); kind != map.end() && *kind != "ConfigMap") {
      return Error(ErrorCode::kInvalidArgument, fmt::format("$.kind is {}; want \"ConfigMap\"", shown(*kind))).in(name);
    }
    const auto data = map.find("data");
    if (data == map.end() || data->is_null()) return {};
    if (!data->is_object()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("$.data is {}; want an object", shown(*data))).in(name);
    }
    for (const auto& [key, text] : data->items()) {
      const std::string origin = fmt::format("{} data key {}", name, shown(json(key)));
      if (!known(key)) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("not a known key; want {}{}", fmt::join(known_keys(), ", "),
                                 did_you_mean(key, known_keys())))
            .in(origin);
      }
      if (!text.is_string()) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("is {}; want text that holds JSON", shown(text)))
            .in(origin);
      }
      auto content = text.get<std::string>();
      auto root = parse_json(content);
      if (!root) return root.error().in(origin);
      // Kept by itself, it would be taken for one when it is read again.
      if (is_config_map(*root)) {
        return Error(ErrorCode::kInvalidArgument, "is a ConfigMap itself (it has \"data\" or \"kind\"); want bare JSON")
            .in(origin);
      }
      auto ok = put(key, {origin, std::move(content), *std::move(root)});
      if (!ok) return ok;
    }
    return {};
  }

  Result<void> put(std::string key, Found found) {
    const auto [place, fresh] = found_.try_emplace(std::move(key), std::move(found));
    if (fresh) return {};
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} comes twice: in {} and in {}", place->first, place->second.origin, found.origin));
  }

  std::map<std::string, Found> found_;
};

Result<ClusterPolicy> read_all(const std::vector<Document>& documents) {
  if (documents.size() > Limits::kMaxDocuments) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("{} documents; at most {}", documents.size(), Limits::kMaxDocuments));
  }
  Collector collector;
  for (const Document& document : documents) {
    auto ok = collector.add(document);
    if (!ok) return ok.error();
  }
  ClusterPolicy policy;
  for (auto& [key, found] : std::move(collector).take()) {
    if (const Shape* shape = shape_of(key)) {
      auto section = read_section(*shape, found.root, found.origin, policy.notices);
      if (!section) return section.error().in(found.origin);
      if (key == kThresholdKey) {
        auto ok = check_threshold(*section, found.origin, policy.notices);
        if (!ok) return ok.error().in(found.origin);
      }
      if (auto ok = check_fleet_keys(*section); !ok) return ok.error().in(found.origin);
      const auto* target = std::find_if(std::begin(kSections), std::end(kSections),
                                        [&key = key](const auto& each) { return each.first == key; });
      if (target != std::end(kSections)) policy.*(target->second) = *std::move(section);
    } else {
      policy.notices.push_back({found.origin, "$", "accepted, but this version does not act on this document"});
    }
    policy.documents.push_back({key, std::move(found.text)});
  }
  return policy;
}

}  // namespace

Result<ClusterPolicy> parse(const std::vector<Document>& documents) {
  auto policy = read_all(documents);
  if (policy) return policy;
  return Error(policy.error().code(),
               policy.error().message() + "; nothing of this input is applied, the policy in force stays");
}

}  // namespace tideline::policy
