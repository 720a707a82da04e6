#include "node-actor/guard/slow_wire.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

namespace tideline::guard {
namespace {

// "TLslow" and a version: a helper of another build answers to nothing.
constexpr std::uint64_t kOrderMagic = 0x0131'776f'6c73'4c54;
constexpr std::uint64_t kAnswerMagic = 0x0132'776f'6c73'4c54;

struct OrderWire {
  std::uint64_t magic;
  std::uint64_t number;
  std::uint64_t device;
  std::uint64_t inode;
  std::int64_t bytes;
  std::uint32_t kind;
  std::uint16_t path_length;
  std::uint16_t value_length;
  char path[kMostSlowPath];
  char value[kMostSlowValue];
};
struct AnswerWire {
  std::uint64_t magic;
  std::uint64_t number;
  std::int64_t took_ns;
  std::int64_t freed_bytes;
  std::uint32_t code;  // 0: done, else 1 + ErrorCode
  std::uint32_t text_length;
  char text[kMostSlowText];
};
static_assert(std::has_unique_object_representations_v<OrderWire>, "no padding");
static_assert(std::has_unique_object_representations_v<AnswerWire>, "no padding");
static_assert(sizeof(OrderWire) <= kMostSlowMessage && sizeof(AnswerWire) <= kMostSlowMessage);

model::Error no_message(const char* why) {
  return {model::ErrorCode::kMalformed, fmt::format("slow writer's message: {}", why)};
}

template <class Wire>
std::string raw(const Wire& wire) {
  return std::string(reinterpret_cast<const char*>(&wire), sizeof wire);
}

}  // namespace

model::Result<std::string> slow_bytes(const SlowOrder& order) {
  const auto& request = order.request;
  if (request.file.path.size() > kMostSlowPath || request.value.size() > kMostSlowValue) {
    return model::invalid(fmt::format("{}: too long for a slow write, limits {} and {} bytes", request.file.path,
                                      kMostSlowPath, kMostSlowValue));
  }
  OrderWire wire{};
  wire.magic = kOrderMagic;
  wire.number = order.number;
  wire.device = request.file.device;
  wire.inode = request.file.inode;
  wire.bytes = request.bytes;
  wire.kind = static_cast<std::uint32_t>(request.kind);
  wire.path_length = static_cast<std::uint16_t>(request.file.path.size());
  wire.value_length = static_cast<std::uint16_t>(request.value.size());
  std::copy(request.file.path.begin(), request.file.path.end(), wire.path);
  std::copy(request.value.begin(), request.value.end(), wire.value);
  return raw(wire);
}

model::Result<SlowOrder> slow_order(std::string_view bytes) {
  OrderWire wire{};
  if (bytes.size() != sizeof wire) return no_message("wrong size");
  std::memcpy(&wire, bytes.data(), sizeof wire);
  if (wire.magic != kOrderMagic) return no_message("not an order");
  if (wire.path_length > kMostSlowPath || wire.value_length > kMostSlowValue) return no_message("a length");
  if (wire.kind > static_cast<std::uint32_t>(SlowRequest::Kind::kLower)) return no_message("kind");
  const std::string path(wire.path, wire.path_length);
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) return no_message("no absolute path");
  SlowOrder order;
  order.number = wire.number;
  order.request = {.kind = static_cast<SlowRequest::Kind>(wire.kind),
                   .file = {.path = path, .device = wire.device, .inode = wire.inode},
                   .value = std::string(wire.value, wire.value_length),
                   .bytes = wire.bytes};
  return order;
}

std::string slow_bytes(const SlowAnswer& answer) {
  AnswerWire wire{};
  wire.magic = kAnswerMagic;
  wire.number = answer.number;
  wire.took_ns = answer.took.count();
  wire.freed_bytes = answer.freed_bytes;
  if (!answer.result) {
    wire.code = 1 + static_cast<std::uint32_t>(answer.result.error().code());
    const auto& text = answer.result.error().message();
    wire.text_length = static_cast<std::uint32_t>(std::min(text.size(), kMostSlowText));
    std::copy_n(text.begin(), wire.text_length, wire.text);
  }
  return raw(wire);
}

model::Result<SlowAnswer> slow_answer(std::string_view bytes) {
  AnswerWire wire{};
  if (bytes.size() != sizeof wire) return no_message("wrong size");
  std::memcpy(&wire, bytes.data(), sizeof wire);
  if (wire.magic != kAnswerMagic) return no_message("not an answer");
  if (wire.text_length > kMostSlowText) return no_message("a length");
  if (wire.code > 1 + static_cast<std::uint32_t>(model::ErrorCode::kInternal)) return no_message("an error's code");
  SlowAnswer answer;
  answer.number = wire.number;
  answer.took = model::Duration(std::max<std::int64_t>(wire.took_ns, 0));
  answer.freed_bytes = std::max<std::int64_t>(wire.freed_bytes, 0);
  if (wire.code != 0) {
    answer.result =
        model::Error(static_cast<model::ErrorCode>(wire.code - 1), std::string(wire.text, wire.text_length));
  }
  return answer;
}

}  // namespace tideline::guard
