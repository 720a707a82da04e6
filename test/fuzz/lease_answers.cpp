// What an API server, or whoever stands between, answers about a Lease: it is refused in short, or taken, and then what
// is written back is read as it was meant and keeps what others put there.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "k8s-bridge/lease/elector.h"
#include "k8s-bridge/lease/lease_object.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

Bytes input(const std::string& text) {
  return {text.begin(), text.end()};
}

void look_at(const lease::LeaseObject& object) {
  lease::Record record = object.record;
  record.holder = "process-1";
  record.renew_time = lease::micro_time(1);
  const auto again = lease::lease_from(lease::updated(object, record));
  // Escapes may take more room than what they stand for.
  if (!again) {
    require(again.error().code() == model::ErrorCode::kOverloaded, "what was read is sound when it is written again");
    return;
  }
  require(again->record == record, "the record is the one that was written");
  require(again->resource_version == object.resource_version, "the version is the one that was read");
  require(again->json.at("metadata") == object.json.at("metadata"), "others' part is as it was");
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& /*random*/) {
  const std::string bare =
      R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"l","resourceVersion":"1"}})";
  const std::string held =
      R"({"kind":"Lease","metadata":{"name":"l","resourceVersion":"7","labels":{"a":"b"}},"spec":{"holderIdentity":"x",
          "leaseDurationSeconds":15,"acquireTime":"2026-11-30T12:00:00.000000Z","renewTime":"2026-11-30T12:00:02.000001Z",
          "leaseTransitions":2147483647,"strategy":"s"}})";
  const std::string status = R"({"kind":"Status","code":404,"message":"leases \"l\" not found"})";
  return {input(bare), input(held), input(status)};
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs; it is copied, and read again.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{2} << 20) + 256 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  namespace lease = tideline::lease;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto answer = lease::answer_of(200, text, "200 OK");
  fuzz::require(answer.why.size() <= 1024, "what is wrong is told in short");
  fuzz::require((answer.kind == lease::Answer::Kind::kObject) == answer.object.has_value(),
                "an object is there or not");
  if (answer.object) {
    fuzz::look_at(*answer.object);
    ++fuzz::accepted;
  }
  return 0;
}
