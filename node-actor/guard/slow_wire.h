#pragma once
// What a worker and its slow writer say to each other over a SOCK_SEQPACKET socket: each message one struct of fixed
// size, of this host's byte order, for both are one program. Not trusted all the same: what does not fit is malformed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/slow_writer.h"

namespace tideline::guard {

constexpr std::size_t kMostSlowPath = 1024;
constexpr std::size_t kMostSlowValue = 64;
constexpr std::size_t kMostSlowText = 480;
/// No message is longer.
constexpr std::size_t kMostSlowMessage = 2048;

struct SlowOrder {
  std::uint64_t number = 0;
  SlowRequest request;
};
struct SlowAnswer {
  std::uint64_t number = 0;  // of the order
  model::Result<void> result;
  model::Duration took{0};
  std::int64_t freed_bytes = 0;
};

/// kInvalidArgument: a path or value is too long for it.
model::Result<std::string> slow_bytes(const SlowOrder& order);
model::Result<SlowOrder> slow_order(std::string_view bytes);
/// An error's text is cut at kMostSlowText.
std::string slow_bytes(const SlowAnswer& answer);
model::Result<SlowAnswer> slow_answer(std::string_view bytes);

}  // namespace tideline::guard
