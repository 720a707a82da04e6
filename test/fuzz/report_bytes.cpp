// Bytes of reports, policies, asks for evictions and their answers from anyone: whatever they are, the answer is a
// value that holds or an Error, and what was accepted is written and read back the same.

#include "messages/codec/report_bytes.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "messages/codec/wire.h"

namespace {

/// The message as `Schema`; what reads must write and read back the same.
template <class Schema>
void try_as(const std::uint8_t* data, std::size_t size) {
  namespace codec = tideline::codec;
  auto words = kj::heapArray<capnp::word>(size / sizeof(capnp::word));
  if (words.size() == 0) return;
  std::memcpy(words.asBytes().begin(), data, words.size() * sizeof(capnp::word));
  using R = decltype(codec::read(std::declval<typename Schema::Reader>()));
  const auto value = codec::guarded("fuzz", [&]() -> R {
    capnp::FlatArrayMessageReader message(words, codec::reader_options());
    return codec::read(message.getRoot<Schema>());
  });
  if (!value) return;
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Schema>();
  codec::write(*value, root);
  if (codec::read(root.asReader()).value() != *value) std::abort();
}

}  // namespace

// libFuzzer's entry point.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tideline::codec::ByteView;
  const ByteView bytes = std::as_bytes(std::span(data, size));
  if (const auto report = tideline::codec::report_from_bytes(bytes); report) {
    const auto again = tideline::codec::to_bytes(*report);
    // Bytes may share one text among many fields; written out, such a report can be too large to send.
    if (again && tideline::codec::report_from_bytes(*again).value() != *report) std::abort();
  }
  if (const auto policy = tideline::codec::policy_from_bytes(bytes); policy) {
    if (tideline::codec::policy_from_bytes(tideline::codec::to_bytes(*policy)).value() != *policy) std::abort();
  }
  try_as<tideline::schema::EvictionAsk>(data, size);
  try_as<tideline::schema::EvictionAnswer>(data, size);
  try_as<tideline::schema::BatchAllocatable>(data, size);
  return 0;
}
