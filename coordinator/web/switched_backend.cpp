#include "coordinator/web/switched_backend.h"

#include <utility>

#include "coordinator/web/exposition.h"

namespace tideline::web {

std::string election_text(const Election& election) {
  Exposition out;
  out.one("tideline_leader", Exposition::Type::kGauge, "1: this coordinator leads, 0: it stands by.",
          election.leads ? 1 : 0);
  out.one("tideline_lease_transitions", Exposition::Type::kGauge,
          "How often the Lease went from one holder to another.", static_cast<double>(election.transitions));
  return out.take();
}

void SwitchedBackend::not_ready(std::string why) {
  const std::lock_guard lock(mutex_);
  why_ = std::move(why);
}

void SwitchedBackend::elected(const Election& election) {
  auto text = election_text(election);
  const std::lock_guard lock(mutex_);
  election_ = std::move(text);
}

void SwitchedBackend::show(WebBackend& backend) {
  const std::lock_guard lock(mutex_);
  shown_ = &backend;
}

void SwitchedBackend::add(Text text) {
  const std::lock_guard lock(mutex_);
  added_.push_back(std::move(text));
}

void SwitchedBackend::metrics(link::Reply<Text> reply) {
  std::string election;
  WebBackend* shown = nullptr;
  Text added;
  {
    const std::lock_guard lock(mutex_);
    election = election_;
    shown = shown_;
    added = [all = added_] {
      std::string text;
      for (const Text& each : all)
        text += each();
      return text;
    };
  }
  if (shown == nullptr) {
    reply(Text([election, added] { return election + added(); }));
    return;
  }
  shown->metrics([election, added, reply = std::move(reply)](const model::Result<Text>& text) {
    if (!text) {
      reply(text.error());
      return;
    }
    reply(Text([election, added, rest = *text] { return election + rest() + added(); }));
  });
}

void SwitchedBackend::ready(link::Reply<void> reply) {
  std::string why;
  WebBackend* shown = nullptr;
  {
    const std::lock_guard lock(mutex_);
    why = why_;
    shown = shown_;
  }
  if (shown != nullptr) {
    shown->ready(std::move(reply));
    return;
  }
  reply(model::Error(model::ErrorCode::kUnavailable, why));
}

}  // namespace tideline::web
