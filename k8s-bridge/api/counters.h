#pragma once
// The client's counts, written by its loop and read by anyone.

#include "k8s-bridge/api/client.h"
#include "messages/http/shared_counts.h"

namespace tideline::k8s_api {

using Counters = http::SharedCounts<ClientCounts>;

}  // namespace tideline::k8s_api
