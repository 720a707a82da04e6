#include "k8s-bridge/publish/explanation.h"

#include <array>
#include <chrono>

#include <nlohmann/json.hpp>

#include "messages/model/json_text.h"

namespace tideline::publish {
namespace {

using nlohmann::json;

constexpr const char* kNamesKey = "older-names";
constexpr std::array kOlder{k8s::BatchName::kKoordinator, k8s::BatchName::kAlibaba};

template <class Unit>
json terms_json(const model::ReclaimTerms<Unit>& terms) {
  json out = json::object();
  const auto add = [&out](const char* name, Unit amount) { out[name] = amount.value(); };
  // What is not there on most nodes is left out where it is 0.
  const auto add_if_any = [&](const char* name, Unit amount) {
    if (amount != Unit(0)) add(name, amount);
  };
  add("capacity", terms.capacity);
  add("margin", terms.margin);
  add("system", terms.system);
  add("high-priority", terms.high_priority);
  add("requested", terms.requested);
  if (terms.used) add("used", *terms.used);
  add("committed", terms.committed);
  add("published", terms.published);
  add("mid", terms.mid);
  add_if_any("deficit", terms.deficit);
  add_if_any("mid-charged", terms.mid_charged);
  add_if_any("mid-committed", terms.mid_committed);
  add_if_any("mid-offered", terms.mid_offered);
  add_if_any("reservation", terms.reservation);
  add_if_any("third-party", terms.third_party);
  add_if_any("host-applications", terms.host_charged);
  return out;
}

template <class Unit>
json zone_json(const model::ZoneTerms<Unit>& terms) {
  json out = {{"capacity", terms.capacity.value()}, {"offered", terms.offered.value()}};
  if (terms.charged) out["charged"] = terms.charged->value();
  return out;
}

}  // namespace

std::string account_annotation(const model::Reclaimed& account, std::size_t max_bytes, const k8s::OlderNames& older) {
  json root = json::object();
  for (const auto name : kOlder) {
    if (older.has(name)) root[kNamesKey].push_back(std::string(k8s::name_of(name)));
  }
  root["rules"] = {{"batch-cpu", std::string(model::name_of(account.cpu.rule))},
                   {"batch-memory", std::string(model::name_of(account.memory.rule))},
                   {"mid-cpu", std::string(model::name_of(account.cpu.mid_rule))},
                   {"mid-memory", std::string(model::name_of(account.memory.mid_rule))}};
  root["policy"] = account.policy.value();
  if (account.data_age) {
    root["data-age-seconds"] = std::chrono::duration_cast<std::chrono::seconds>(*account.data_age).count();
  }
  const std::string rules = root.dump();
  root["cpu"] = terms_json(account.cpu);
  root["memory"] = terms_json(account.memory);
  std::string terms = root.dump();
  if (!account.zones.empty()) {
    json zones = json::array();
    for (const auto& zone : account.zones)
      zones.push_back({{"id", zone.id}, {"cpu", zone_json(zone.cpu)}, {"memory", zone_json(zone.memory)}});
    root["zones"] = std::move(zones);
    std::string all = root.dump();
    if (all.size() <= max_bytes) return all;
  }
  if (terms.size() <= max_bytes) return terms;
  return rules.size() <= max_bytes ? rules : std::string();
}

k8s::OlderNames older_names_in(const std::string& annotation) {
  k8s::OlderNames older;
  // As a rule there are none, and each of a Node's many events comes by here.
  if (annotation.find(kNamesKey) == std::string::npos) return older;
  const auto root = model::parse_json(annotation, {.max_bytes = std::size_t{4} << 10, .max_depth = 8});
  if (!root || !root->is_object()) return older;
  const auto names = root->find(kNamesKey);
  if (names == root->end() || !names->is_array()) return older;
  for (const auto& each : *names) {
    for (const auto name : kOlder) {
      if (each == json(std::string(k8s::name_of(name)))) older.add(name);
    }
  }
  return older;
}

}  // namespace tideline::publish
