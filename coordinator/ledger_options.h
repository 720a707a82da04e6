#pragma once
// tideline-coordinator's options about recordings of the ledger.

#include <memory>
#include <optional>
#include <string>

#include "coordinator/ledger_recorder/recorder.h"
#include "coordinator/web/switched_backend.h"
#include "messages/model/result.h"

namespace tideline::program {

/// As given.
struct LedgerArguments {
  std::string directory = {};  // "" = nothing is recorded
  std::string size = "1Gi";
  bool size_given = false;
};

/// nullopt: nothing is recorded. Errors begin with the option. Looks at no file.
model::Result<std::optional<ledger_recorder::RecorderConfig>> plan_ledger_recording(const LedgerArguments& arguments);

/// Null where nothing is recorded. Makes the directory, as files::make_directory does, and shows its counts in `shown`;
/// errors begin with the option.
model::Result<std::shared_ptr<ledger_recorder::LedgerRecorder>> start_ledger_recording(
    const std::optional<ledger_recorder::RecorderConfig>& plan, web::SwitchedBackend& shown);

}  // namespace tideline::program
