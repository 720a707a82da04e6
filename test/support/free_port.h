#pragma once

#include <cstdint>

namespace tideline::test {

/// A TCP port of 127.0.0.1 that was free a moment ago. For programs that must be told a port; servers in a test's own
/// process listen on port 0 instead.
std::uint16_t free_port();

}  // namespace tideline::test
