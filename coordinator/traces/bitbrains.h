#pragma once
// GWA-T-12 Bitbrains (Grid Workloads Archive): VMs with what they were given and what they used, every 300 s. Either a
// file a VM, its name the file's, with fields by ";\t" and the archive's own header; or one CSV with the header
// vm_id,timestamp_s,cpu_cores,cpu_cap_mhz,cpu_used_mhz,mem_cap_kb,mem_used_kb.

#include <memory>

#include "coordinator/traces/import.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_bitbrains(Importer::Sink sink);

}  // namespace tideline::traces
