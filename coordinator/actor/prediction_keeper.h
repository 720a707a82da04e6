#pragma once
// What predictions rest on, kept in the store so that a restart does not begin to learn anew.

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>

#include "coordinator/actor/messages.h"
#include "coordinator/fleet/arrival.h"
#include "coordinator/profile/profile_book.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// "prediction/0" ...: the setting of a slice.
std::string prediction_setting(std::size_t slice);

/// All that is stored; a slice that does not parse is logged, and its nodes are learnt anew. An error: the store's own.
model::Result<profile::ProfileBook> remembered_predictions(const store::HistoryStore& store, const fleet::Arrival& now);

/// Not for several threads: the fleet actor's own.
class PredictionKeeper {
 public:
  /// `book` as remembered_predictions() gave it.
  explicit PredictionKeeper(const profile::ProfileBook& book);

  /// To be called once a second: one slice after the other, so that each node is kept every 8.5 minutes. Nodes that are
  /// silent for long are forgotten. nullopt: there is nothing to keep, and nothing stored to be taken away.
  std::optional<KeepSetting> next(profile::ProfileBook& book, const fleet::Arrival& now);

 private:
  std::size_t slice_ = 0;
  std::bitset<profile::ProfileBook::kSlices> stored_;  // slices of which the store has something
};

}  // namespace tideline::coordinator
