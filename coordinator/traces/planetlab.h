#pragma once
// PlanetLab's CoMon traces as CloudSim has them: a file a day, a line a VM, its name and 288 times its CPU in percent,
// each of 300 s. Days have no date: each file goes on where the one before it ended.

#include <memory>

#include "coordinator/traces/import.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_planetlab(const ImportOptions& options, Importer::Sink sink);

}  // namespace tideline::traces
