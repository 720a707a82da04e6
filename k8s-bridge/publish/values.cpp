#include "k8s-bridge/publish/values.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::publish {
namespace {

using k8s::BatchName;
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

/// Of batch, what is left for one name.
template <class Unit>
Terms left_for(BatchName name, Terms batch, const std::array<Unit, k8s::kBatchNames>& requested) {
  batch.committed = requested.at(static_cast<std::size_t>(name)).value();
  std::int64_t by_others = -batch.committed;
  for (const Unit& each : requested)
    by_others += each.value();
  batch.by_others = by_others;
  if (batch.wanted) batch.wanted = std::max<std::int64_t>(*batch.wanted - by_others, 0);
  return batch;
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

std::string text_of(model::Ratio ratio) {
  return fmt::format("{}.{:02}", ratio.hundredths() / 100, ratio.hundredths() % 100);
}

std::string origin_note(const model::Reclaimed& account) {
  if (is_withdrawn(account.cpu.rule)) return {};
  nlohmann::json root;
  auto& resources = root["resources"];
  resources[std::string(k8s::kBatchCpu)] = std::to_string(account.cpu.origin.value());
  resources[std::string(k8s::kBatchMemory)] = std::to_string(account.memory.origin.value());
  return root.dump();
}

/// With two decimals each, which a JSON library would not write.
std::string amplification_note(const model::ScalingPolicy& scaling) {
  std::string members;
  if (scaling.cpu_amplification > model::Ratio()) {
    members = fmt::format("\"cpu\":{}", text_of(scaling.cpu_amplification));
  }
  if (scaling.memory_amplification > model::Ratio()) {
    members += fmt::format("{}\"memory\":{}", members.empty() ? "" : ",", text_of(scaling.memory_amplification));
  }
  return members.empty() ? std::string() : "{" + members + "}";
}

}  // namespace

Values values_of(const k8s::Extended& extended) {
  return {number(extended.batch_cpu),     number(extended.batch_memory),    number(extended.mid_cpu),
          number(extended.mid_memory),    number(extended.older_batch_cpu), number(extended.older_batch_memory),
          number(extended.reclaimed_cpu), number(extended.reclaimed_memory)};
}

k8s::Extended extended_of(const Values& values) {
  return {.batch_cpu = unit<model::MilliCpu>(values[0]),
          .batch_memory = unit<model::Bytes>(values[1]),
          .mid_cpu = unit<model::MilliCpu>(values[2]),
          .mid_memory = unit<model::Bytes>(values[3]),
          .older_batch_cpu = unit<model::MilliCpu>(values[4]),
          .older_batch_memory = unit<model::Bytes>(values[5]),
          .reclaimed_cpu = unit<model::MilliCpu>(values[6]),
          .reclaimed_memory = unit<model::Bytes>(values[7])};
}

std::array<Terms, kResources> terms_of(const model::Reclaimed& account, const k8s::OlderNames& older,
                                       const std::optional<k8s::BatchRequests>& requested) {
  std::array<Terms, kResources> terms{batch_of(account.cpu), batch_of(account.memory), mid_of(account.cpu),
                                      mid_of(account.memory)};
  if (!older.any() && !requested) return terms;
  const Terms cpu = terms[0];
  const Terms memory = terms[1];
  const auto by = requested.value_or(k8s::BatchRequests{});
  for (const std::size_t place : {std::size_t{0}, std::size_t{4}, std::size_t{6}}) {
    const auto name = batch_name_of(place);
    if (name != BatchName::kKubernetes && !older.has(name)) continue;
    terms.at(place) = left_for(name, cpu, by.cpu);
    terms.at(place + 1) = left_for(name, memory, by.memory);
  }
  return terms;
}

Notes notes_of(const Offer& offer) {
  if (offer.account.cpu.rule == ReclaimRule::kDisabled) return {};
  Notes notes;
  notes.origin = origin_note(offer.account);
  if (offer.scaling.cpu_normalization > model::Ratio()) notes.normalization = text_of(offer.scaling.cpu_normalization);
  notes.amplification = amplification_note(offer.scaling);
  return notes;
}

}  // namespace tideline::publish
