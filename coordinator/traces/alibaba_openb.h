#pragma once
// Alibaba cluster-trace-gpu-v2023 (openb): the list of nodes, and that of pods with what they ask for. The header tells
// which one a file is.

#include <memory>

#include "coordinator/traces/import.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_alibaba_openb(const ImportOptions& options, Importer::Sink sink);

}  // namespace tideline::traces
