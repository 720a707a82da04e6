#pragma once
// Which of the accounts that were computed anew the bridge hears of.

#include <vector>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/actor/messages.h"

namespace tideline::coordinator {

/// Those that rest on a report: of a node that has only connected, as all do after a start, nothing is known yet. And
/// those that did before: what their nodes have is then withdrawn.
std::vector<ComputedAccount> computed_accounts(const std::vector<LedgerBook::Change>& changes);

}  // namespace tideline::coordinator
