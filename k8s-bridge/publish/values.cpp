#include "k8s-bridge/publish/values.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace tideline::publish {
namespace {

using model::ReclaimRule;

bool is_withdrawn(ReclaimRule rule) {
  return rule == ReclaimRule::kDisabled || rule == ReclaimRule::kStale;
}

bool is_known(ReclaimRule rule) {
  return rule != ReclaimRule::kUnknownUsage && rule != ReclaimRule::kBadAnnotation;
}

template <class Unit>
Terms terms_by(ReclaimRule rule, Unit amount, Unit committed, const model::ReclaimTerms<Unit>& of) {
  Terms terms{.wanted = {},
              .is_known = is_known(rule),
              .committed = committed.value(),
              .safe = (of.capacity - of.margin).value()};
  if (!is_withdrawn(rule)) terms.wanted = std::max<std::int64_t>(amount.value(), 0);
  return terms;
}

template <class Unit>
Terms batch_of(const model::ReclaimTerms<Unit>& of) {
  return terms_by(of.rule, of.published, of.committed, of);
}

template <class Unit>
Terms mid_of(const model::ReclaimTerms<Unit>& of) {
  return terms_by(of.mid_rule, of.mid, of.mid_committed, of);
}

template <class Unit>
std::optional<std::int64_t> number(const std::optional<Unit>& amount) {
  if (!amount) return std::nullopt;
  return amount->value();
}

template <class Unit>
std::optional<Unit> unit(const std::optional<std::int64_t>& value) {
  if (!value) return std::nullopt;
  return Unit(*value);
}

}  // namespace

Values values_of(const k8s::Extended& extended) {
  return {number(extended.batch_cpu), number(extended.batch_memory), number(extended.mid_cpu),
          number(extended.mid_memory)};
}

k8s::Extended extended_of(const Values& values) {
  return {.batch_cpu = unit<model::MilliCpu>(values[0]),
          .batch_memory = unit<model::Bytes>(values[1]),
          .mid_cpu = unit<model::MilliCpu>(values[2]),
          .mid_memory = unit<model::Bytes>(values[3])};
}

std::array<Terms, kResources> terms_of(const model::Reclaimed& account) {
  return {batch_of(account.cpu), batch_of(account.memory), mid_of(account.cpu), mid_of(account.memory)};
}

std::string origin_annotation(const model::Reclaimed& account) {
  const bool has_third_party = account.cpu.third_party.value() > 0 || account.memory.third_party.value() > 0;
  if (!has_third_party || is_withdrawn(account.cpu.rule)) return {};
  nlohmann::json root;
  auto& resources = root["resources"];
  resources[std::string(k8s::kBatchCpu)] = std::to_string(account.cpu.origin.value());
  resources[std::string(k8s::kBatchMemory)] = std::to_string(account.memory.origin.value());
  return root.dump();
}

}  // namespace tideline::publish
