#include "coordinator/policy/reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/policy/host_applications.h"
#include "coordinator/policy/json_text.h"
#include "coordinator/policy/limits.h"
#include "coordinator/policy/spelling.h"

namespace tideline::policy {
namespace {

using model::Error;
using model::ErrorCode;
using model::invalid;
using model::Result;
using nlohmann::json;

Error wrong(const std::string& path, const json& value, std::string_view wanted) {
  return invalid(fmt::format("{} is {}; want {}", path, shown(value), wanted));
}

bool is_plain(std::string_view name) {
  return !name.empty() && name.size() <= Limits::kMaxShownBytes &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
         });
}

/// "$.a.b", with a key that needs it in brackets, cut if it is long.
std::string member(const std::string& path, std::string_view name) {
  if (is_plain(name)) return fmt::format("{}.{}", path, name);
  return fmt::format("{}[{}]", path, shown(json(std::string(name))));
}

bool is_same_but_for_case(std::string_view a, std::string_view b) {
  const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char left, char right) { return folded(left) == folded(right); });
}

class Reader {
 public:
  Reader(const Shape& shape, const std::string& origin) : shape_(shape), origin_(origin) {
    for (const KeySpec& spec : key_table()) {
      if (spec.document != shape.document) continue;
      leaves_.emplace(spec.path, &spec);
      // Every dotted prefix is an object that holds further keys.
      for (auto dot = spec.path.find('.'); dot != std::string_view::npos; dot = spec.path.find('.', dot + 1)) {
        inner_.insert(std::string(spec.path.substr(0, dot)));
      }
    }
  }

  Result<Section> read(const json& root) {
    if (!root.is_object()) return wrong("$", root, "an object");
    Section section;
    const std::vector<std::string_view> tops = {shape_.cluster, shape_.nodes};
    for (const auto& [name, value] : root.items()) {
      const std::string path = member("$", name);
      if (name == shape_.nodes) {
        auto nodes = node_entries(path, value);
        if (!nodes) return nodes.error();
        section.nodes = *std::move(nodes);
      } else if (!shape_.cluster.empty() && name == shape_.cluster) {
        if (value.is_null()) continue;
        if (!value.is_object()) return wrong(path, value, "an object");
        auto ok = strategy(path, "", value, {}, section.cluster);
        if (!ok) return ok.error();
      } else if (!shape_.cluster.empty()) {
        return invalid(fmt::format("{} is not a key of {}; want {} or {}{}", path, shape_.document, shape_.cluster,
                                   shape_.nodes, did_you_mean(name, tops)));
      }
    }
    if (shape_.cluster.empty()) {
      auto ok = strategy("$", "", root, {shape_.nodes}, section.cluster);
      if (!ok) return ok.error();
    }
    return section;
  }

  Result<std::vector<Setting>> read_alone(const json& root) {
    if (!root.is_object()) return wrong("$", root, "an object");
    std::vector<Setting> settings;
    auto ok = strategy("$", "", root, {}, settings);
    if (!ok) return ok.error();
    return settings;
  }

  void put_notices(std::vector<Notice>& out) const {
    for (const auto& [why, place] : notices_) {
      const std::string more = place.count > 1 ? fmt::format(" (in {} places)", place.count) : "";
      out.push_back({origin_, place.first_path, why.second + more});
    }
  }

 private:
  struct Place {
    std::string first_path;
    std::size_t count = 0;
  };

  void notice(const KeySpec& spec, const std::string& path, std::string why) {
    Place& place = notices_[{spec.path, std::move(why)}];
    if (place.count++ == 0) place.first_path = path;
  }

  Result<std::vector<NodeEntry>> node_entries(const std::string& path, const json& value) {
    std::vector<NodeEntry> entries;
    if (value.is_null()) return entries;
    if (!value.is_array()) return wrong(path, value, "a list of objects");
    if (value.size() > Limits::kMaxNodeEntries) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("{} has {} entries; at most {}", path, value.size(), Limits::kMaxNodeEntries));
    }
    std::map<std::string, std::string> names;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string at = fmt::format("{}[{}]", path, i);
      auto entry = node_entry(at, value[i]);
      if (!entry) return entry.error();
      if (!entry->name.empty()) {
        const auto [first, fresh] = names.emplace(entry->name, at);
        if (!fresh) {
          return invalid(
              fmt::format("{}.name is {}, which {} has already", at, shown(json(entry->name)), first->second));
        }
      }
      entries.push_back(*std::move(entry));
    }
    return entries;
  }

  Result<NodeEntry> node_entry(const std::string& path, const json& value) {
    if (!value.is_object()) return wrong(path, value, "an object");
    NodeEntry entry;
    if (const auto name = value.find("name"); name != value.end() && !name->is_null()) {
      if (!name->is_string()) return wrong(path + ".name", *name, "text");
      entry.name = name->get<std::string>();
    }
    if (const auto selector = value.find("nodeSelector"); selector != value.end() && !selector->is_null()) {
      auto read = label_selector(path + ".nodeSelector", *selector);
      if (!read) return read.error();
      entry.selector = *std::move(read);
    }
    auto ok = strategy(path, "", value, {"name", "nodeSelector"}, entry.settings);
    if (!ok) return ok.error();
    if (shape_.replaces) complete(entry.settings);
    return entry;
  }

  /// Settings at their default for all that are not there.
  void complete(std::vector<Setting>& settings) const {
    const model::NodePolicy defaults;
    for (const auto& [path, spec] : leaves_) {
      const bool set = std::any_of(settings.begin(), settings.end(),
                                   [spec = spec](const Setting& setting) { return setting.key == spec; });
      if (set || !spec->read) continue;
      if (auto value = spec->read(defaults)) settings.push_back({spec, *std::move(value)});
    }
  }

  Result<Selector> label_selector(const std::string& path, const json& value) {
    if (!value.is_object()) return wrong(path, value, "an object with matchLabels and matchExpressions");
    Selector selector;
    for (const auto& [name, part] : value.items()) {
      const std::string at = member(path, name);
      if (part.is_null()) continue;
      if (part.is_structured() && part.size() > Limits::kMaxExpressions) {
        return Error(ErrorCode::kOverloaded,
                     fmt::format("{} has {} entries; at most {}", at, part.size(), Limits::kMaxExpressions));
      }
      if (name == "matchLabels") {
        if (!part.is_object()) return wrong(at, part, "an object of label: text");
        for (const auto& [label, text] : part.items()) {
          if (!text.is_string()) return wrong(member(at, label), text, "text");
          selector.match_labels.emplace(label, text.get<std::string>());
        }
      } else if (name == "matchExpressions") {
        if (!part.is_array()) return wrong(at, part, "a list of objects");
        for (std::size_t i = 0; i < part.size(); ++i) {
          auto requirement = expression(fmt::format("{}[{}]", at, i), part[i]);
          if (!requirement) return requirement.error();
          selector.match_expressions.push_back(*std::move(requirement));
        }
      } else {
        return invalid(fmt::format("{} is not a key of a LabelSelector; want matchLabels or matchExpressions{}", at,
                                   did_you_mean(name, {"matchLabels", "matchExpressions"})));
      }
    }
    return selector;
  }

  Result<Requirement> expression(const std::string& path, const json& value) {
    if (!value.is_object()) return wrong(path, value, "an object with key, operator and values");
    Requirement requirement;
    bool has_operator = false;
    for (const auto& [name, part] : value.items()) {
      const std::string at = member(path, name);
      if (part.is_null()) continue;
      if (name == "key") {
        if (!part.is_string() || part.get<std::string>().empty()) return wrong(at, part, "a label's name");
        requirement.key = part.get<std::string>();
      } else if (name == "operator") {
        const std::string text = part.is_string() ? part.get<std::string>() : "";
        using Op = Requirement::Operator;
        if (text == "In") {
          requirement.op = Op::kIn;
        } else if (text == "NotIn") {
          requirement.op = Op::kNotIn;
        } else if (text == "Exists") {
          requirement.op = Op::kExists;
        } else if (text == "DoesNotExist") {
          requirement.op = Op::kDoesNotExist;
        } else {
          return wrong(at, part, "In | NotIn | Exists | DoesNotExist");
        }
        has_operator = true;
      } else if (name == "values") {
        if (!part.is_array()) return wrong(at, part, "a list of text");
        for (std::size_t i = 0; i < part.size(); ++i) {
          if (!part[i].is_string()) return wrong(fmt::format("{}[{}]", at, i), part[i], "text");
          requirement.values.push_back(part[i].get<std::string>());
        }
      } else {
        return invalid(fmt::format("{} is not a key of a match expression; want key, operator and values{}", at,
                                   did_you_mean(name, {"key", "operator", "values"})));
      }
    }
    if (requirement.key.empty()) return invalid(path + ".key is missing");
    if (!has_operator) return invalid(path + ".operator is missing; want In | NotIn | Exists | DoesNotExist");
    const bool needs_values =
        requirement.op == Requirement::Operator::kIn || requirement.op == Requirement::Operator::kNotIn;
    if (needs_values && requirement.values.empty()) return invalid(path + ".values is empty; In and NotIn need values");
    if (!needs_values && !requirement.values.empty()) {
      return invalid(path + ".values must be empty for Exists and DoesNotExist");
    }
    return requirement;
  }

  /// `prefix` is the dotted table path of this object, "" for the strategy itself. `aside` are read elsewhere.
  Result<void> strategy(const std::string& path, const std::string& prefix, const json& object,
                        const std::vector<std::string_view>& aside, std::vector<Setting>& out) {
    for (const auto& [spelt, value] : object.items()) {
      if (std::find(aside.begin(), aside.end(), spelt) != aside.end()) continue;
      const std::string at = member(path, spelt);
      const std::string name = right_name(spelt, prefix, object);
      const std::string table_path = path_in_table(prefix, name);
      if (const auto leaf = leaves_.find(table_path); leaf != leaves_.end() && name.find('.') == std::string::npos) {
        if (value.is_null()) continue;
        if (name != spelt) notice(*leaf->second, at, fmt::format("taken for {}", name));
        auto ok = setting(*leaf->second, at, value, out);
        if (!ok) return ok;
      } else if (inner_.count(table_path) != 0 && name.find('.') == std::string::npos) {
        if (value.is_null()) continue;
        if (!value.is_object()) return wrong(at, value, "an object");
        auto ok = strategy(at, table_path, value, {}, out);
        if (!ok) return ok;
      } else {
        return invalid(
            fmt::format("{} is not a key of {}{}", at, shape_.document, did_you_mean(name, siblings(prefix, aside))));
      }
    }
    return {};
  }

  static std::string path_in_table(const std::string& prefix, const std::string& name) {
    return prefix.empty() ? name : fmt::format("{}.{}", prefix, name);
  }

  /// A key as the table has it. Koordinator does not mind its case, as Go reads JSON, and its documentation has
  /// examples that rely on that. One that is there in two spellings stays as it is, and is no key.
  std::string right_name(const std::string& spelt, const std::string& prefix, const json& object) const {
    const auto table_path = path_in_table(prefix, spelt);
    if (shape_.document == kTidelineKey || leaves_.count(table_path) != 0 || inner_.count(table_path) != 0) {
      return spelt;
    }
    const auto known = siblings(prefix, {});
    const auto same = std::find_if(known.begin(), known.end(),
                                   [&](std::string_view each) { return is_same_but_for_case(each, spelt); });
    if (same == known.end()) return spelt;
    std::size_t spellings = 0;
    for (auto it = object.begin(); it != object.end(); ++it)
      spellings += is_same_but_for_case(it.key(), spelt) ? 1U : 0U;
    return spellings == 1 ? std::string(*same) : spelt;
  }

  std::vector<std::string_view> siblings(const std::string& prefix, const std::vector<std::string_view>& aside) const {
    std::vector<std::string_view> names = aside;
    const std::string start = prefix.empty() ? "" : prefix + ".";
    const auto collect = [&](std::string_view path) {
      if (path.substr(0, start.size()) != start) return;
      const std::string_view rest = path.substr(start.size());
      if (rest.find('.') == std::string_view::npos) names.push_back(rest);
    };
    for (const auto& [path, spec] : leaves_)
      collect(path);
    for (const auto& path : inner_)
      collect(path);
    return names;
  }

  Result<void> setting(const KeySpec& spec, const std::string& path, const json& value, std::vector<Setting>& out) {
    auto scalar = checked(spec, path, value);
    if (!scalar) return scalar.error();
    if (spec.status == KeyStatus::kAccepted) {
      notice(spec, path, "accepted, but this version does not act on it");
    } else if (!spec.acted_choices.empty()) {
      const auto& text = std::get<std::string>(*scalar);
      if (std::find(spec.acted_choices.begin(), spec.acted_choices.end(), text) == spec.acted_choices.end()) {
        notice(spec, path,
               fmt::format("\"{}\" is accepted, but this version acts only on {}", text,
                           fmt::join(spec.acted_choices, " | ")));
      }
    }
    if (spec.type == KeyType::kApplications) {
      for (auto& [place, why] : application_notices(path, value))
        notice(spec, place, std::move(why));
    }
    if (spec.apply || spec.apply_fleet || spec.apply_scaling) out.push_back({&spec, *std::move(scalar)});
    return {};
  }

  Result<Scalar> checked(const KeySpec& spec, const std::string& path, const json& value) {
    if (spec.type == KeyType::kRatioModel) return ratio_model(spec, path, value);
    const std::string range = range_of(spec);
    const std::string wanted =
        range.empty() ? std::string(name_of(spec.type)) : fmt::format("{} ({})", name_of(spec.type), range);
    switch (spec.type) {
      case KeyType::kBool:
        if (value.is_boolean()) return Scalar(value.get<bool>());
        break;
      case KeyType::kInteger: {
        if (!value.is_number_integer()) break;
        // An unsigned beyond int64 would wrap in get<int64_t>; as double it is out of every range.
        if (!within(spec, value.get<double>())) break;
        return Scalar(value.get<std::int64_t>());
      }
      case KeyType::kNumber:
        if (value.is_number() && within(spec, value.get<double>())) return Scalar(value.get<double>());
        break;
      case KeyType::kText: {
        if (!value.is_string()) break;
        auto text = value.get<std::string>();
        if (!spec.choices.empty() && std::find(spec.choices.begin(), spec.choices.end(), text) == spec.choices.end()) {
          return invalid(
              fmt::format("{} is {}; want {}{}", path, shown(value), wanted, did_you_mean(text, spec.choices)));
        }
        return Scalar(std::move(text));
      }
      case KeyType::kTextList:
        if (value.is_array() && std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); })) {
          return Scalar(std::string());
        }
        break;
      case KeyType::kObject:
        if (value.is_object()) return Scalar(std::string());
        break;
      case KeyType::kIntegerOrText:
        if (value.is_number_integer() || value.is_string()) return Scalar(std::string());
        break;
      case KeyType::kRatioModel:
        break;
      case KeyType::kObjectList:
        if (value.is_array() && std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_object(); })) {
          return Scalar(std::string());
        }
        break;
      case KeyType::kApplications: {
        auto applications = read_applications(path, value);
        if (!applications) return applications.error();
        return Scalar(*std::move(applications));
      }
    }
    return wrong(path, value, wanted);
  }

  /// CPU model -> its ratios.
  Result<Scalar> ratio_model(const KeySpec& spec, const std::string& path, const json& value) {
    if (!value.is_object()) return wrong(path, value, "an object of CPU models");
    if (value.size() > ScalingLimits::kMaxModels) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("{} has {} CPU models; at most {}", path, value.size(), ScalingLimits::kMaxModels));
    }
    RatioModel models;
    for (const auto& [name, ratios] : value.items()) {
      const std::string at = member(path, name);
      if (name.empty() || name.size() > ScalingLimits::kMaxModelBytes) {
        return invalid(fmt::format("{}: a CPU model's name has 1 to {} bytes", at, ScalingLimits::kMaxModelBytes));
      }
      auto read = ratios_of(spec, at, ratios);
      if (!read) return read.error();
      models.emplace(name, *read);
    }
    return Scalar(std::move(models));
  }

  Result<ModelRatios> ratios_of(const KeySpec& spec, const std::string& path, const json& value) {
    static const std::vector<std::string_view> kNames = {"baseRatio", "hyperThreadEnabledRatio", "turboEnabledRatio",
                                                         "hyperThreadTurboEnabledRatio"};
    if (!value.is_object()) return wrong(path, value, "an object of ratios");
    ModelRatios ratios;
    const std::array fields = {&ratios.base, &ratios.hyper_threads, &ratios.turbo, &ratios.both};
    for (const auto& [name, ratio] : value.items()) {
      const std::string at = member(path, name);
      const auto known = std::find(kNames.begin(), kNames.end(), name);
      if (known == kNames.end()) {
        return invalid(fmt::format("{} is not a ratio of a CPU model; want {}{}", at, fmt::join(kNames, ", "),
                                   did_you_mean(name, kNames)));
      }
      if (ratio.is_null()) continue;
      auto& field = *fields[static_cast<std::size_t>(known - kNames.begin())];
      // Koordinator refuses such a ratio only for the nodes that it is of, which then have none.
      if (ratio.is_number() && ratio.get<double>() > 0 && ratio.get<double>() < ScalingLimits::kMinNormalization) {
        notice(spec, at, "below 1, and counts as 1");
        field = model::Ratio();
        continue;
      }
      if (!ratio.is_number() || !within(spec, ratio.get<double>())) {
        return wrong(at, ratio, fmt::format("number ({})", range_of(spec)));
      }
      field = model::Ratio::nearest(ratio.get<double>());
    }
    return ratios;
  }

  static bool within(const KeySpec& spec, double value) {
    if (spec.min && (spec.min_excluded ? value <= *spec.min : value < *spec.min)) return false;
    return !spec.max || value <= *spec.max;
  }

  const Shape& shape_;
  const std::string& origin_;
  std::map<std::string, const KeySpec*, std::less<>> leaves_;
  std::set<std::string> inner_;
  std::map<std::pair<std::string_view, std::string>, Place> notices_;
};

constexpr std::array<Shape, 8> kShapes = {{{kColocationKey, "", "nodeConfigs"},
                                           {kAmplificationKey, "", "nodeConfigs"},
                                           {kNormalizationKey, "", "nodeConfigs"},
                                           {kThresholdKey, "clusterStrategy", "nodeStrategies"},
                                           {kQosKey, "clusterStrategy", "nodeStrategies"},
                                           {kBurstKey, "clusterStrategy", "nodeStrategies"},
                                           {kHostApplicationsKey, "", "nodeConfigs", true},
                                           {kTidelineKey, "clusterStrategy", "nodeStrategies"}}};

}  // namespace

const Shape* shape_of(std::string_view document) {
  for (const Shape& shape : kShapes) {
    if (shape.document == document) return &shape;
  }
  return nullptr;
}

Result<Section> read_section(const Shape& shape, const json& root, const std::string& origin,
                             std::vector<Notice>& notices) {
  Reader reader(shape, origin);
  auto section = reader.read(root);
  if (section) reader.put_notices(notices);
  return section;
}

Result<std::vector<Setting>> read_strategy(const Shape& shape, const json& root, std::vector<Notice>& notices) {
  const std::string origin(shape.document);
  Reader reader(shape, origin);
  auto settings = reader.read_alone(root);
  if (settings) reader.put_notices(notices);
  return settings;
}

}  // namespace tideline::policy
