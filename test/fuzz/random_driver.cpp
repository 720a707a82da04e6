// Runs a fuzz target without libFuzzer: the same inputs each time for a seed.
// usage: <target> [rounds [seed]]

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/samples.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

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
  tideline::codec::write(value, builder.initRoot<Schema>());
  const auto words = capnp::messageToFlatArray(builder);
  return {words.asBytes().begin(), words.asBytes().end()};
}

/// One step of damage: bit, byte, word, swap of words, cut, or growth.
void damage(Bytes& bytes, std::mt19937_64& random) {
  if (bytes.size() < 16) {
    bytes.resize(64);
    return;
  }
  const std::size_t at = random() % bytes.size();
  const std::size_t word = (random() % (bytes.size() / 8)) * 8;
  switch (random() % 6) {
    case 0:
      bytes[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      break;
    case 1:
      bytes[at] = static_cast<std::uint8_t>(random());
      break;
    case 2:
      for (std::size_t i = 0; i < 8; ++i)
        bytes[word + i] = static_cast<std::uint8_t>(random());
      break;
    case 3: {
      const std::size_t other = (random() % (bytes.size() / 8)) * 8;
      for (std::size_t i = 0; i < 8; ++i)
        std::swap(bytes[word + i], bytes[other + i]);
      break;
    }
    case 4:
      bytes.resize(8 * (1 + random() % (bytes.size() / 8)));
      break;
    default:
      bytes.resize(bytes.size() + 8 * (random() % 4));
      break;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::printf("rounds %llu seed %llu\n", static_cast<unsigned long long>(rounds),
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  std::vector<Bytes> corpus{plain(*tideline::codec::to_bytes(tideline::codec::known_report()))};
  corpus.push_back(on_the_wire<tideline::schema::EvictionAsk>(tideline::codec::known_ask()));
  corpus.push_back(on_the_wire<tideline::schema::EvictionAnswer>(tideline::codec::known_answer()));
  for (int i = 0; i < 4; ++i) {
    corpus.push_back(plain(*tideline::codec::to_bytes(tideline::codec::random_report(random))));
    corpus.push_back(plain(tideline::codec::to_bytes(tideline::codec::random_policy(random))));
  }
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Bytes bytes = corpus[random() % corpus.size()];
    for (auto steps = random() % 6; steps > 0; --steps)
      damage(bytes, random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  return 0;
}
