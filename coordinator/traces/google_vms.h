#pragma once
// VMs made of Google's cluster data of 2011: vm_id,step,cpu_util_percent,mem_util_percent, a step being 300 s. Sizes
// are not told.

#include <memory>

#include "coordinator/traces/import.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_google_vms(const ImportOptions& options, Importer::Sink sink);

}  // namespace tideline::traces
