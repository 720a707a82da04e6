#pragma once
// The body of an answer, with a bound.

#include <cstddef>
#include <optional>
#include <string>

#include <kj/async-io.h>

namespace tideline::k8s_api {

/// All of it; nullopt when it is longer than `most`, of which no more is read than it takes to know. No deadline.
kj::Promise<std::optional<std::string>> read_body(kj::Own<kj::AsyncInputStream> body, std::size_t most);

}  // namespace tideline::k8s_api
