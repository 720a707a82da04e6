#pragma once
// The body of an answer, with a bound.

#include <cstddef>
#include <optional>
#include <string>

#include <kj/async-io.h>

namespace tideline::http {

/// All of it; nullopt when it is longer than `most`, of which no more is read than it takes to know. No deadline.
kj::Promise<std::optional<std::string>> read_body(kj::Own<kj::AsyncInputStream> body, std::size_t most);

/// The begin of it, `most` bytes; of a longer one the rest is left unread. No deadline.
kj::Promise<std::string> read_begin(kj::Own<kj::AsyncInputStream> body, std::size_t most);

}  // namespace tideline::http
