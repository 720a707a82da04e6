#pragma once
// Alibaba cluster-trace-v2018: what machines used, in percent. Neither file has a header:
// machine_meta.csv   machine_id, time_stamp, failure_domain_1, failure_domain_2, cpu_num, mem_size, status
// machine_usage.csv  machine_id, time_stamp, cpu_util_percent, mem_util_percent, mem_gps, mkpi, net_in, net_out,
//                    disk_io_percent

#include <memory>

#include "coordinator/traces/import.h"

namespace tideline::traces {

std::unique_ptr<Importer> make_alibaba_2018(const ImportOptions& options, Importer::Sink sink);

}  // namespace tideline::traces
