#pragma once
// Traces on disk.

#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/simulation/trace.h"

namespace tideline::rehearsal {

/// Reads files (simulation/trace.h has their formats) as one trace; a directory stands for its .csv files, by name, of
/// which numbers count as such. `host_cpu`: see TraceReader. kUnavailable: a path cannot be read. kInvalidArgument
/// names file, line and what is wrong.
model::Result<simulation::Trace> read_trace(const std::vector<std::string>& paths, model::MilliCpu host_cpu);

}  // namespace tideline::rehearsal
