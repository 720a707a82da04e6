#pragma once
// Alibaba cluster-trace-v2017, batch_task.csv, with or without a header: create time, time of the last change, job,
// task, instances, status, CPU and memory asked for by each instance.

#include <memory>

#include "coordinator/traces/import.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_alibaba_2017_batch(const ImportOptions& options, Importer::Sink sink);

}  // namespace tideline::traces
