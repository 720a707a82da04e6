#pragma once
// The writer's counts, written by its loop and by whoever offers, and read by anyone.

#include "coordinator/remote_write/writer.h"
#include "messages/http/shared_counts.h"

namespace tideline::remote_write {

using Counters = http::SharedCounts<WriterCounts>;

}  // namespace tideline::remote_write
