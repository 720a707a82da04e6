#include "coordinator/actor/ledger_change.h"

#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace tideline::coordinator {
namespace {

template <class Unit>
void note_rule_change(std::vector<model::Event>& events, std::string_view resource,
                      const model::ReclaimTerms<Unit>& before, const model::ReclaimTerms<Unit>& now,
                      model::WallTime at) {
  if (before.rule == now.rule) return;
  const auto text = [](const model::ReclaimTerms<Unit>& terms) {
    return fmt::format("{} by {}", terms.published.value(), model::name_of(terms.rule));
  };
  events.push_back({at, model::Controller::kCoordinator, model::Reason::kReclaimedChanged, std::string(resource),
                    text(before), text(now)});
}

/// The same of mid, where it has or had anything.
template <class Unit>
void note_mid_change(std::vector<model::Event>& events, std::string_view resource,
                     const model::ReclaimTerms<Unit>& before, const model::ReclaimTerms<Unit>& now,
                     model::WallTime at) {
  const auto of_mid = [](const model::ReclaimTerms<Unit>& terms) {
    model::ReclaimTerms<Unit> mid;
    mid.published = terms.mid_offered;
    mid.rule = terms.mid_rule;
    return mid;
  };
  if (before.mid != Unit{} || now.mid != Unit{}) note_rule_change(events, resource, of_mid(before), of_mid(now), at);
}

/// What is published, where the account of this resource rests on something.
template <class Unit>
std::optional<Unit> published_of(const model::ReclaimTerms<Unit>& terms) {
  using Rule = model::ReclaimRule;
  switch (terms.rule) {
    case Rule::kDisabled:
    case Rule::kStale:
    case Rule::kUnknownUsage:
    case Rule::kBadAnnotation:
      return std::nullopt;
    default:
      return terms.published;
  }
}

}  // namespace

std::vector<model::Event> events_of(const LedgerBook::Change& change, model::WallTime at) {
  std::vector<model::Event> events;
  if (!change.before) return events;
  const auto& before = *change.before;
  const auto& now = change.now;
  note_rule_change(events, "kubernetes.io/batch-cpu", before.cpu, now.cpu, at);
  note_rule_change(events, "kubernetes.io/batch-memory", before.memory, now.memory, at);
  note_mid_change(events, "kubernetes.io/mid-cpu", before.cpu, now.cpu, at);
  note_mid_change(events, "kubernetes.io/mid-memory", before.memory, now.memory, at);
  return events;
}

link::BatchAccount batch_account(const model::Reclaimed& account, model::MonoTime now) {
  if (!account.data_age) return {};
  const auto cpu = published_of(account.cpu);
  const auto memory = published_of(account.memory);
  if (!cpu && !memory) return {};
  return {cpu, now + -*account.data_age, memory};
}

}  // namespace tideline::coordinator
