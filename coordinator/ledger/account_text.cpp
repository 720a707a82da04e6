#include "coordinator/ledger/account_text.h"

#include <optional>

#include <fmt/format.h>

#include "messages/model/json_text.h"

namespace tideline::ledger {
namespace {

using nlohmann::json;

constexpr std::size_t kMostTermBytes = 60;

template <class Unit>
json amount(const std::optional<Unit>& value) {
  return value ? json(value->value()) : json();
}

template <class Unit>
json terms_json(const model::ReclaimTerms<Unit>& terms) {
  json shortfall;
  if (terms.shortfall) {
    shortfall = {{"mid", terms.shortfall->mid.value()}, {"batch", terms.shortfall->batch.value()}};
  }
  return {{"capacity", terms.capacity.value()},
          {"margin", terms.margin.value()},
          {"system", terms.system.value()},
          {"highPriority", terms.high_priority.value()},
          {"offered", terms.offered.value()},
          {"deficit", terms.deficit.value()},
          {"rule", std::string(model::name_of(terms.rule))},
          {"committed", terms.committed.value()},
          {"midCharged", terms.mid_charged.value()},
          {"midCommitted", terms.mid_committed.value()},
          {"mid", terms.mid.value()},
          {"midOffered", terms.mid_offered.value()},
          {"midRule", std::string(model::name_of(terms.mid_rule))},
          {"requested", terms.requested.value()},
          {"used", amount(terms.used)},
          {"prodUsed", terms.prod_used.value()},
          {"midUsed", terms.mid_used.value()},
          {"batchUsed", terms.batch_used.value()},
          {"reservation", terms.reservation.value()},
          {"thirdParty", terms.third_party.value()},
          {"origin", terms.origin.value()},
          {"hostCharged", terms.host_charged.value()},
          {"hostUsed", terms.host_used.value()},
          {"published", terms.published.value()},
          {"shortfall", std::move(shortfall)}};
}

template <class Unit>
json zone_json(const model::ZoneTerms<Unit>& terms) {
  return {{"capacity", terms.capacity.value()},
          {"margin", terms.margin.value()},
          {"charged", amount(terms.charged)},
          {"beUsed", amount(terms.be_used)},
          {"offered", terms.offered.value()}};
}

class Comparison {
 public:
  explicit Comparison(std::size_t most) : most_(most) {}

  void compare(const std::string& path, const json& recorded, const json& computed) {
    if (found_.size() == most_ || recorded == computed) return;
    if (recorded.is_object() && computed.is_object()) {
      const json nothing(json::value_t::discarded);
      for (const auto& [key, value] : recorded.items()) {
        const auto other = computed.find(key);
        compare(below(path, key), value, other == computed.end() ? nothing : *other);
      }
      for (const auto& [key, value] : computed.items()) {
        if (!recorded.contains(key)) compare(below(path, key), nothing, value);
      }
      return;
    }
    if (recorded.is_array() && computed.is_array() && recorded.size() == computed.size()) {
      for (std::size_t i = 0; i < recorded.size(); ++i)
        compare(below(path, std::to_string(i)), recorded[i], computed[i]);
      return;
    }
    found_.push_back(fmt::format("{}: recorded {}, computed {}", model::printable(path, kMostTermBytes),
                                 shown(recorded), shown(computed)));
  }
  std::vector<std::string> take() && { return std::move(found_); }

 private:
  static std::string below(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }
  static std::string shown(const json& value) {
    return value.is_discarded() ? "nothing" : model::shown(value, kMostTermBytes);
  }

  std::size_t most_;
  std::vector<std::string> found_;
};

}  // namespace

nlohmann::json account_json(const model::Reclaimed& account) {
  json zones = json::array();
  for (const auto& zone : account.zones) {
    zones.push_back({{"id", zone.id}, {"cpu", zone_json(zone.cpu)}, {"memory", zone_json(zone.memory)}});
  }
  return {{"node", account.node.str()},
          {"cpu", terms_json(account.cpu)},
          {"memory", terms_json(account.memory)},
          {"policy", account.policy.value()},
          {"dataAgeNs", account.data_age ? json(account.data_age->count()) : json()},
          {"zones", std::move(zones)}};
}

std::string text_of(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> differences(const nlohmann::json& recorded, const nlohmann::json& computed, std::size_t most) {
  Comparison comparison(most);
  comparison.compare("", recorded, computed);
  return std::move(comparison).take();
}

}  // namespace tideline::ledger
