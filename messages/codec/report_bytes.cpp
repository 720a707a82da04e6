#include "messages/codec/report_bytes.h"

#include <cstring>

#include <capnp/serialize.h>
#include <fmt/format.h>

#include "messages/codec/wire.h"

namespace tideline::codec {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

// Holds a usual report in one segment.
constexpr unsigned kFirstSegmentWords = 4096;
constexpr unsigned kAccountWords = 128;

std::vector<std::byte> flat(capnp::MessageBuilder& message) {
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  std::vector<std::byte> out(bytes.size());
  std::memcpy(out.data(), bytes.begin(), bytes.size());
  return out;
}

/// Reads one message that fills `bytes` to the last one.
template <class Schema, class... More>
auto from_flat(std::string_view what, ByteView bytes, const More&... more) {
  using R = decltype(read(std::declval<typename Schema::Reader>()));
  return guarded(what, [&]() -> R {
    if (bytes.size() > model::ReportLimits::kMaxWireBytes) {
      return Error(ErrorCode::kMalformed,
                   fmt::format("{} bytes, limit {}", bytes.size(), model::ReportLimits::kMaxWireBytes));
    }
    if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0) {
      return Error(ErrorCode::kMalformed, fmt::format("{} bytes are no whole words", bytes.size()));
    }
    // The span may lie anywhere; Cap'n Proto wants whole words at word addresses.
    auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
    std::memcpy(words.asBytes().begin(), bytes.data(), bytes.size());
    capnp::FlatArrayMessageReader message(words, reader_options());
    if (message.getEnd() != words.end()) {
      return Error(ErrorCode::kMalformed,
                   fmt::format("{} bytes after the message's end",
                               (words.end() - message.getEnd()) * static_cast<std::ptrdiff_t>(sizeof(capnp::word))));
    }
    return read(message.getRoot<Schema>(), more...);
  });
}

/// What from_flat would read again, or kInvalidArgument.
template <class Schema, class Value>
Result<std::vector<std::byte>> to_flat(std::string_view what, const Value& value) {
  if (auto valid = model::validate(value); !valid) {
    return Error(ErrorCode::kInvalidArgument, valid.error().message()).in(what);
  }
  capnp::MallocMessageBuilder message(kFirstSegmentWords);
  write(value, message.initRoot<Schema>());
  auto bytes = flat(message);
  if (bytes.size() > model::ReportLimits::kMaxWireBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: {} bytes, limit {}", what, bytes.size(), model::ReportLimits::kMaxWireBytes));
  }
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> to_bytes(const model::Report& report) {
  return to_flat<schema::Report>("report", report);
}

std::vector<std::byte> flat_copy(schema::Report::Reader report, std::uint64_t words, std::uint64_t list) {
  capnp::MallocMessageBuilder message(static_cast<unsigned>(words) + 1);
  message.setRoot(report);
  if (list != report.getPodList()) message.getRoot<schema::Report>().setPodList(list);
  return flat(message);
}

Result<model::Report> report_from_bytes(ByteView bytes) {
  return from_flat<schema::Report>("report", bytes);
}

Result<model::Report> report_from_bytes(ByteView bytes, const PodsOfList& pods_of) {
  return from_flat<schema::Report>("report", bytes, pods_of);
}

std::vector<std::byte> to_bytes(const model::NodePolicy& policy) {
  capnp::MallocMessageBuilder message(kFirstSegmentWords);
  write(policy, message.initRoot<schema::NodePolicy>());
  return flat(message);
}

Result<model::NodePolicy> policy_from_bytes(ByteView bytes) {
  return from_flat<schema::NodePolicy>("policy", bytes);
}

Result<std::vector<std::byte>> to_bytes(const model::NodeObjects& objects) {
  return to_flat<schema::NodeObjects>("objects", objects);
}

Result<model::NodeObjects> objects_from_bytes(ByteView bytes) {
  return from_flat<schema::NodeObjects>("objects", bytes);
}

std::vector<std::byte> to_bytes(const model::Reclaimed& account) {
  capnp::MallocMessageBuilder message(kAccountWords);
  write(account, message.initRoot<schema::Reclaimed>());
  return flat(message);
}

Result<model::Reclaimed> account_from_bytes(ByteView bytes) {
  return from_flat<schema::Reclaimed>("account", bytes);
}

}  // namespace tideline::codec
