#pragma once
// A user's own trace, by a mapping: CSV with a header, or an object of JSON a line.

#include <memory>

#include "coordinator/traces/import.h"
#include "coordinator/traces/mapping.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_mapped_csv(Mapping mapping, Importer::Sink sink);
std::unique_ptr<Importer> make_mapped_json_lines(Mapping mapping, Importer::Sink sink);

}  // namespace tideline::traces
