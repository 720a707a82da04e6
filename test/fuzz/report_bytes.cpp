// Bytes of reports, policies, sets of objects, asks for evictions and their answers from anyone: whatever they are, the
// answer is a value that holds or an Error, and what was accepted is written and read back the same.

#include "messages/codec/report_bytes.h"

#include <cstring>
#include <span>

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "messages/codec/wire.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"
#include "test/messages/codec/samples.h"

namespace tideline::fuzz {
namespace {

/// The message as `Schema`; what reads must write and read back the same.
template <class Schema>
bool holds_as(const std::uint8_t* data, std::size_t size) {
  auto words = kj::heapArray<capnp::word>(size / sizeof(capnp::word));
  if (words.size() == 0) return false;
  std::memcpy(words.asBytes().begin(), data, words.size() * sizeof(capnp::word));
  using R = decltype(codec::read(std::declval<typename Schema::Reader>()));
  const auto value = codec::guarded("fuzz", [&]() -> R {
    capnp::FlatArrayMessageReader message(words, codec::reader_options());
    return codec::read(message.getRoot<Schema>());
  });
  if (!value) return false;
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Schema>();
  codec::write(*value, root);
  const auto again = codec::read(root.asReader());
  require(again.ok() && *again == *value, "what is read is read the same when it is written again");
  return true;
}

bool report_holds(codec::ByteView bytes) {
  const auto report = codec::report_from_bytes(bytes);
  if (!report) return false;
  // Bytes may share one text among many fields; written out, such a report can be too large to send.
  const auto written = codec::to_bytes(*report);
  if (!written) return true;
  const auto again = codec::report_from_bytes(*written);
  require(again.ok() && *again == *report, "a report is read the same when it is written again");
  return true;
}

bool policy_holds(codec::ByteView bytes) {
  const auto policy = codec::policy_from_bytes(bytes);
  if (!policy) return false;
  const auto again = codec::policy_from_bytes(codec::to_bytes(*policy));
  require(again.ok() && *again == *policy, "a policy is read the same when it is written again");
  return true;
}

Bytes plain(const std::vector<std::byte>& bytes) {
  Bytes out;
  out.reserve(bytes.size());
  for (const std::byte byte : bytes)
    out.push_back(static_cast<std::uint8_t>(byte));
  return out;
}

template <class Schema, class Value>
Bytes on_the_wire(const Value& value) {
  capnp::MallocMessageBuilder builder;
  codec::write(value, builder.initRoot<Schema>());
  const auto words = capnp::messageToFlatArray(builder);
  return {words.asBytes().begin(), words.asBytes().end()};
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  std::vector<Bytes> sound{plain(*codec::to_bytes(codec::known_report()))};
  sound.push_back(plain(*codec::to_bytes(codec::known_objects())));
  sound.push_back(on_the_wire<schema::EvictionAsk>(codec::known_ask()));
  sound.push_back(on_the_wire<schema::EvictionAnswer>(codec::known_answer()));
  for (int i = 0; i < 4; ++i) {
    sound.push_back(plain(*codec::to_bytes(codec::random_report(random))));
    sound.push_back(plain(codec::to_bytes(codec::random_policy(random))));
  }
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_words(bytes, random);
}

/// A few bytes may claim all that ReportLimits allow, sharing one list of containers among all pods.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{64} << 20) + 16 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  namespace schema = tideline::schema;
  const auto bytes = std::as_bytes(std::span(data, size));
  // The same bytes may hold as several.
  bool taken = fuzz::report_holds(bytes);
  taken = fuzz::policy_holds(bytes) || taken;
  taken = fuzz::holds_as<schema::NodeObjects>(data, size) || taken;
  taken = fuzz::holds_as<schema::EvictionAsk>(data, size) || taken;
  taken = fuzz::holds_as<schema::EvictionAnswer>(data, size) || taken;
  taken = fuzz::holds_as<schema::BatchAllocatable>(data, size) || taken;
  fuzz::accepted += taken ? 1 : 0;
  return 0;
}
