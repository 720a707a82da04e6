// What answers at a bootstrap port: whatever it is, the node has two texts for its own name, or one line that is short
// and shows no token.
//
// An input's first byte says how: 'r' and the body of a refusal; otherwise the body of an answer 200.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/ids.h"
#include "node-actor/enrol/wire.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

constexpr char kRefusal = 'r';
constexpr std::string_view kToken = "eyJhbGciOi.J9-s3cret";

void check_line(const std::string& text) {
  require(text.size() <= 512, "what is told is short");
  require(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "what is told holds no control characters");
  require(text.find(kToken) == std::string::npos, "what is told does not show the token");
}

Bytes bytes_of(char first, std::string_view text) {
  // Not insert() behind the first: GCC 12 believes that it writes beyond the one byte.
  Bytes bytes(1 + text.size(), static_cast<std::uint8_t>(first));
  std::copy(text.begin(), text.end(), bytes.begin() + 1);
  return bytes;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  const std::string pem = R"(-----BEGIN CERTIFICATE-----\nMIIBojCCAUmgAwIBAgIIQ\n-----END CERTIFICATE-----\n)";
  const auto answer = [&](const std::string& node) {
    return R"({"node":")" + node + R"(","certificate":")" + pem + R"(","ca":")" + pem + pem + R"("})";
  };
  std::vector<Bytes> sound;
  sound.push_back(bytes_of('a', answer("n1")));
  sound.push_back(bytes_of('a', answer("n" + std::to_string(random() % 10))));
  sound.push_back(bytes_of('a', R"({"node": "n1", "certificate": "c", "ca": "a", "more": {"x": [1, 2.5e3, null]}})"));
  sound.push_back(bytes_of('a', R"({"node": ")" + std::string(kToken) + R"(", "certificate": "c", "ca": "a"})"));
  sound.push_back(bytes_of(kRefusal, "the token has expired\n"));
  sound.push_back(bytes_of(kRefusal, "Bearer " + std::string(kToken) + " is bad: " + std::string(kToken)));
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{16} << 20) + 128 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  namespace enrol = tideline::enrol;
  if (size == 0) return 0;
  const std::string token(fuzz::kToken);
  const std::string body = enrol::without_token(std::string(reinterpret_cast<const char*>(data) + 1, size - 1), token);
  if (static_cast<char>(*data) == fuzz::kRefusal) {
    fuzz::check_line(enrol::text_of_refusal(403, body));
    return 0;
  }
  const auto answer = enrol::read_answer(body, tideline::model::NodeName("n1"));
  if (!answer) {
    fuzz::check_line(enrol::without_token(answer.error().message(), token));
    return 0;
  }
  ++fuzz::accepted;
  fuzz::require(!answer->certificate.empty() && !answer->ca.empty(), "both texts are there");
  fuzz::require(answer->certificate.size() + answer->ca.size() <= enrol::kMaxAnswerBytes, "they are within the bound");
  const auto joined = enrol::joined_authorities("known\n", answer->ca);
  fuzz::require(joined.starts_with("known\n"), "what was known stays in front");
  fuzz::require(joined.size() <= 6 + 2 * answer->ca.size() + 1, "and no more is added than there was");
  fuzz::require(enrol::joined_authorities(joined, answer->ca) == joined, "the second time adds nothing");
  return 0;
}
