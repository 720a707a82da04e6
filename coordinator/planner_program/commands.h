#pragma once
// The commands, one a file. An error is for people: it names file, option or place.

#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/session.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

model::Result<void> run_import(const Options& options, Session& session);
model::Result<void> run_scan(const Options& options, Session& session);
model::Result<void> run_predictors(const Options& options, Session& session);
model::Result<void> run_replay(const Options& options, Session& session);
model::Result<void> run_fit(const Options& options, Session& session);
model::Result<void> run_merge(const Options& options, Session& session);
model::Result<void> run_compare(const Options& options, Session& session);
model::Result<void> run_sweep(const Options& options, Session& session);
model::Result<void> run_capacity(const Options& options, Session& session);
model::Result<void> run_explain(const Options& options, Session& session);
model::Result<void> run_verify_ledger(const Options& options, Session& session);

}  // namespace tideline::planner_program
