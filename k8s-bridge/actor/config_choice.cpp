#include "k8s-bridge/actor/config_choice.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::bridge {
namespace {

constexpr std::size_t kMaxNamespaceBytes = 63;
constexpr std::size_t kMaxObjectNameBytes = 253;

bool is_dns_name(std::string_view text, std::size_t most, bool with_dots) {
  const auto is_inner = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (with_dots && c == '.');
  };
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), is_inner) &&
         text.front() != '-' && text.front() != '.' && text.back() != '-' && text.back() != '.';
}

}  // namespace

model::Result<ConfigMapName> config_map_name(const std::string& text) {
  const auto slash = text.find('/');
  if (slash != std::string::npos) {
    ConfigMapName name{text.substr(0, slash), text.substr(slash + 1)};
    if (is_dns_name(name.name_space, kMaxNamespaceBytes, false) && is_dns_name(name.name, kMaxObjectNameBytes, true)) {
      return name;
    }
  }
  return model::invalid(fmt::format("\"{}\" names no ConfigMap; want NAMESPACE/NAME", text));
}

std::string text_of(const ConfigMapName& name) {
  return fmt::format("{}/{}", name.name_space, name.name);
}

std::string subject_of(const ConfigMapName& name) {
  return fmt::format("configmap {}", text_of(name));
}

const std::vector<ConfigMapName>& default_config_maps() {
  static const std::vector<ConfigMapName> names = {{"kube-system", "ack-slo-config"},
                                                   {"koordinator-system", "slo-controller-config"}};
  return names;
}

model::Result<std::vector<ConfigMapName>> by_preference(std::vector<ConfigMapName> names,
                                                        const ConfigMapName& preferred) {
  const auto found = std::find(names.begin(), names.end(), preferred);
  if (found == names.end()) {
    std::string all;
    for (const auto& name : names)
      all += (all.empty() ? "" : " or ") + text_of(name);
    return model::invalid(fmt::format("\"{}\" is none of those that are looked at: want {}", text_of(preferred), all));
  }
  std::rotate(names.begin(), found, found + 1);
  return names;
}

std::vector<policy::Document> documents_of(const ConfigMapName& name, const k8s::ConfigMapObject& object) {
  const nlohmann::json whole{{"data", object.data}};
  return {{subject_of(name), whole.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}};
}

ConfigChoice::ConfigChoice(std::vector<ConfigMapName> names) : names_(std::move(names)), rows_(names_.size()) {}

void ConfigChoice::begin(std::size_t which) {
  rows_[which].was_seen = false;
}

void ConfigChoice::take(std::size_t which, k8s::ConfigMapObject object) {
  Row& row = rows_[which];
  row.object = std::move(object);
  row.was_seen = true;
  row.is_unreadable = false;
}

void ConfigChoice::gone(std::size_t which) {
  rows_[which].object.reset();
  rows_[which].is_unreadable = false;
}

void ConfigChoice::unreadable(std::size_t which) {
  rows_[which].was_seen = true;
  rows_[which].is_unreadable = true;
}

void ConfigChoice::listed(std::size_t which) {
  Row& row = rows_[which];
  row.is_listed = true;
  if (!row.was_seen) gone(which);
}

std::optional<ConfigChoice::Choice> ConfigChoice::choice() const {
  Choice choice;
  for (std::size_t which = 0; which < rows_.size(); ++which) {
    const Row& row = rows_[which];
    if (row.object) {
      if (choice.in_force) {
        choice.left_aside.push_back(which);
      } else {
        choice.in_force = which;
      }
    } else if ((!row.is_listed || row.is_unreadable) && !choice.in_force) {
      return std::nullopt;
    }
  }
  return choice;
}

const k8s::ConfigMapObject* ConfigChoice::object(std::size_t which) const {
  const auto& object = rows_[which].object;
  return object ? &*object : nullptr;
}

}  // namespace tideline::bridge
