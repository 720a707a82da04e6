#pragma once
// tideline-coordinator's options about history: for how long what is kept, and where backups go.

#include <string>
#include <string_view>

#include "coordinator/actor/coordinator.h"
#include "coordinator/actor/history_retention.h"
#include "messages/model/result.h"

namespace tideline::program {

/// As given.
struct HistoryArguments {
  std::string retention = "raw=6h,10s=3d,1m=35d,15m=400d,15m-pods=60d,events=90d,accounts=90d";
  std::string backup_directory = {};  // "" = no backups are made
  std::string fold_every = "30s";
  std::string drop_every = "10m";
};

/// "KIND=DURATION,...": raw (reports as they came), 10s, 1m, 15m (the tiers), 10s-pods, 1m-pods, 15m-pods (what these
/// have of pods and jobs), events, accounts, in any order; what is left out has its default. That of pods is as long as
/// their tier's, but for 15m-pods: 60d, within what 1m-pods and 15m are. Or one duration alone: of raw, events and
/// accounts. kInvalidArgument names kind and value: raw, events and accounts are kept for 2h at least (an hour's
/// reports are folded within an hour of its end, and none is dropped before that), a tier for one block of it (1h, 6h,
/// 2d) and at least as long as the finer one, of pods as well, and pods no longer than their tier.
model::Result<coordinator::HistoryRetention> retention_from(std::string_view text);

/// Fills in what `config` has of history. `store`: the directory of the store, in which no backups may be. Errors begin
/// with the option. Looks at no file.
model::Result<void> settle_history(const HistoryArguments& arguments, const std::string& store,
                                   coordinator::CoordinatorConfig& config);

/// Makes it where one is set, with mode 0750: what is in history is not for everybody. kUnavailable begins with the
/// option.
model::Result<void> make_backup_directory(const std::string& directory);

}  // namespace tideline::program
