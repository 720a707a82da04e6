#pragma once
// What an account that was computed anew means to others: events for history, and what the node is told.

#include <vector>

#include "coordinator/actor/ledger_book.h"
#include "messages/link/session.h"
#include "messages/model/action.h"

namespace tideline::coordinator {

/// One for each resource that is offered by another rule than before; of mid only where it has or had anything. None of
/// a node's first account.
std::vector<model::Event> events_of(const LedgerBook::Change& change, model::WallTime at);

/// What the ledger has for batch, to be told to the node, each resource by itself: 0 in a deficit, and not known where
/// its account rests on nothing or nothing may be offered. A node evicts for want of the former and never of the
/// latter.
link::BatchAccount batch_account(const model::Reclaimed& account, model::MonoTime now);

}  // namespace tideline::coordinator
