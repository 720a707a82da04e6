#pragma once
// The commands. An error is for people: it names file, directory or option.

#include "messages/model/result.h"
#include "storage/history_program/options.h"
#include "storage/history_program/session.h"

namespace tideline::history_program {

model::Result<ExitCode> run_state(const Options& options, Session& session);
/// kFailed where something is damaged.
model::Result<ExitCode> run_verify(const Options& options, Session& session);
model::Result<ExitCode> run_backup(const Options& options, Session& session);
model::Result<ExitCode> run_backups(const Options& options, Session& session);
model::Result<ExitCode> run_restore(const Options& options, Session& session);
/// kDone once the new store is there, whatever could not be read.
model::Result<ExitCode> run_salvage(const Options& options, Session& session);
model::Result<ExitCode> run_export(const Options& options, Session& session);
model::Result<ExitCode> run_import(const Options& options, Session& session);

}  // namespace tideline::history_program
