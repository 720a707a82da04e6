// Runs a fuzz target without libFuzzer: the same inputs each time for a seed. Holds it to its bound of the heap, and
// its corpus to being taken for good. usage: <target> [rounds [seed]]
//        <target> --corpus DIR    writes the sound inputs of seed 1 into DIR, a file each, for libFuzzer to begin with

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "test/fuzz/fuzz_target.h"
#include "test/fuzz/heap_meter.h"

namespace {

using tideline::fuzz::Bytes;

unsigned long long seed = 1;
unsigned long long round_number = 0;

// Not for signals from elsewhere: abort() raises it, with nothing half done.
void tell_round(int /*signal*/) {
  std::fprintf(stderr, "in round %llu of seed %llu\n", round_number, seed);
}

int write_corpus(const std::string& directory) {
  std::mt19937_64 random(seed);
  std::size_t number = 0;
  for (const Bytes& bytes : tideline::fuzz::corpus(random)) {
    const std::string path = directory + "/sound-" + std::to_string(number++);
    std::ofstream out(path, std::ios::binary);
    for (const std::uint8_t byte : bytes)
      out.put(static_cast<char>(byte));
    out.close();
    if (out) continue;
    std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--corpus") == 0) return write_corpus(argv[2]);
  const unsigned long long rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : seed;
  std::printf("rounds %llu seed %llu\n", rounds, seed);
  std::fflush(stdout);
  (void)std::signal(SIGABRT, tell_round);

  std::mt19937_64 random(seed);
  const std::vector<Bytes> corpus = tideline::fuzz::corpus(random);
  std::size_t peak = 0;
  for (; round_number < rounds; ++round_number) {
    Bytes bytes = corpus[random() % corpus.size()];
    for (auto steps = random() % 6; steps > 0; --steps)
      tideline::fuzz::damage(bytes, random);
    tideline::fuzz::restart_heap_meter();
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    peak = std::max(peak, tideline::fuzz::heap_peak());
    tideline::fuzz::require(tideline::fuzz::heap_peak() <= tideline::fuzz::heap_bound(bytes.size()),
                            "an input takes no more heap than its size allows");
  }
  std::printf("accepted %llu, most heap of one input %zu bytes\n",
              static_cast<unsigned long long>(tideline::fuzz::accepted), peak);
  // Nothing would be proven by inputs that all end at the first check.
  tideline::fuzz::require(tideline::fuzz::accepted >= rounds / 20, "one input in twenty is taken for good");
  return 0;
}
