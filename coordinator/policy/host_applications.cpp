#include "coordinator/policy/host_applications.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "coordinator/policy/json_text.h"
#include "coordinator/policy/spelling.h"

namespace tideline::policy {
namespace {

using model::CgroupBase;
using model::HostApplication;
using model::invalid;
using model::QosClass;
using model::Result;
using model::Tier;
using nlohmann::json;

using Names = std::vector<std::string_view>;

Result<void> check_keys(const std::string& path, const json& object, const Names& keys) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
    return invalid(fmt::format("{}[{}] is not a key; want {}{}", path, shown(json(name)), fmt::join(keys, ", "),
                               did_you_mean(name, keys)));
  }
  return {};
}

/// nullopt: absent or null.
Result<std::optional<std::string>> text_at(const std::string& path, const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::optional<std::string>();
  if (!found->is_string()) return invalid(fmt::format("{}.{} is {}; want text", path, key, shown(*found)));
  return std::optional(found->get<std::string>());
}

/// A word that `from` knows, one of `choices`.
template <class Enum>
Result<std::optional<Enum>> word_at(const std::string& path, const json& object, const char* key,
                                    std::optional<Enum> (*from)(std::string_view), const Names& choices) {
  const auto text = text_at(path, object, key);
  if (!text) return text.error();
  if (!*text) return std::optional<Enum>();
  const auto known = from(**text);
  if (known) return known;
  return invalid(fmt::format("{}.{} is {}; want {}{}", path, key, shown(json(**text)), fmt::join(choices, " | "),
                             did_you_mean(**text, choices)));
}

std::string without_slashes(std::string text) {
  while (!text.empty() && text.back() == '/')
    text.pop_back();
  text.erase(0, std::min(text.find_first_not_of('/'), text.size()));
  return text;
}

Result<void> read_cgroup_path(const std::string& path, const json& value, HostApplication& application) {
  if (!value.is_object()) {
    return invalid(fmt::format("{} is {}; want an object with base, parentDir and relativePath", path, shown(value)));
  }
  if (auto ok = check_keys(path, value, {"base", "parentDir", "relativePath"}); !ok) return ok;
  const auto base = word_at(path, value, "base", &model::cgroup_base_from,
                            {"CgroupRoot", "Kubepods", "KubepodsBurstable", "KubepodsBesteffort"});
  if (!base) return base.error();
  const auto parent = text_at(path, value, "parentDir");
  if (!parent) return parent.error();
  const auto relative = text_at(path, value, "relativePath");
  if (!relative) return relative.error();
  application.base = base->value_or(CgroupBase::kCgroupRoot);
  application.path = without_slashes(parent->value_or(""));
  const auto rest = without_slashes(relative->value_or(""));
  if (!application.path.empty() && !rest.empty()) application.path += '/';
  application.path += rest;
  if (!application.path.empty()) return {};
  return invalid(fmt::format("{} names {} itself; want a group below it, in parentDir or relativePath", path,
                             name_of(application.base)));
}

Result<HostApplication> read_application(const std::string& path, const json& value) {
  if (!value.is_object()) return invalid(fmt::format("{} is {}; want an object", path, shown(value)));
  if (auto ok = check_keys(path, value, {"name", "priority", "qos", "cgroupPath", "strategy"}); !ok) return ok.error();
  HostApplication application;
  const auto name = text_at(path, value, "name");
  if (!name) return name.error();
  if (!*name || (*name)->empty()) return invalid(fmt::format("{}.name is missing", path));
  application.name = **name;
  const auto tier = word_at(path, value, "priority", &model::tier_from_priority_class,
                            {"koord-prod", "koord-mid", "koord-batch", "koord-free"});
  if (!tier) return tier.error();
  const auto qos = word_at(path, value, "qos", &model::qos_class_from, {"LSE", "LSR", "LS", "BE", "SYSTEM"});
  if (!qos) return qos.error();
  const bool is_low = *tier == Tier::kBatch || *tier == Tier::kFree;
  application.qos = qos->value_or(is_low ? QosClass::kBe : QosClass::kSystem);
  application.tier = tier->value_or(model::tier_of(std::nullopt, application.qos));
  if (const auto strategy = value.find("strategy");
      strategy != value.end() && !strategy->is_null() && !strategy->is_object()) {
    return invalid(fmt::format("{}.strategy is {}; want an object", path, shown(*strategy)));
  }
  if (const auto group = value.find("cgroupPath"); group != value.end() && !group->is_null()) {
    if (auto ok = read_cgroup_path(path + ".cgroupPath", *group, application); !ok) return ok.error();
  } else {
    application.path = model::default_path_of(application.name, application.qos);
  }
  if (auto ok = model::validate(application); !ok) return ok.error().in(path);
  return application;
}

}  // namespace

Result<std::vector<HostApplication>> read_applications(const std::string& path, const json& value) {
  if (!value.is_array()) return invalid(fmt::format("{} is {}; want a list of objects", path, shown(value)));
  if (value.size() > model::HostApplicationLimits::kMaxApplications) {
    return model::Error(model::ErrorCode::kOverloaded, fmt::format("{} has {} entries; at most {}", path, value.size(),
                                                                   model::HostApplicationLimits::kMaxApplications));
  }
  std::vector<HostApplication> applications;
  for (std::size_t i = 0; i < value.size(); ++i) {
    auto application = read_application(fmt::format("{}[{}]", path, i), value[i]);
    if (!application) return application.error();
    applications.push_back(*std::move(application));
  }
  if (auto ok = model::validate(applications); !ok) return ok.error().in(path);
  return applications;
}

std::vector<std::pair<std::string, std::string>> application_notices(const std::string& path, const json& value) {
  std::vector<std::pair<std::string, std::string>> notices;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto at = fmt::format("{}[{}]", path, i);
    if (const auto strategy = value[i].find("strategy"); strategy != value[i].end() && !strategy->is_null()) {
      notices.emplace_back(at + ".strategy", "accepted, but this version does not act on it");
    }
    const auto application = read_application(at, value[i]);
    if (!application || application->base != CgroupBase::kKubepodsBesteffort) continue;
    if (application->qos == QosClass::kBe) continue;
    notices.emplace_back(at + ".cgroupPath", "counts as use of services, and yet best-effort's limit binds it there");
  }
  return notices;
}

}  // namespace tideline::policy
