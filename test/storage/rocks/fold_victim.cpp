// fold_victim DIRECTORY: appends to the store there, folds what it has, and drops old reports, until it is killed. See
// fold_kill_test.cpp.

#include "test/storage/rocks/fold_victim.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include <unistd.h>

#include "test/storage/rocks/victim_process.h"

using namespace tideline;

namespace {

[[noreturn]] void give_up(const model::Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  std::_Exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto opened = rocks::RocksStore::open(argv[1], rocks::victim::kFolding);
  if (!opened) give_up(opened.error());
  rocks::RocksStore& store = **opened;
  const model::NodeName node("n");
  std::atomic<std::uint64_t> next = store.acked_through(node, model::Incarnation(1)).value() + 1;
  const std::thread folder([&] {
    for (;;) {
      const auto slice = store.fold_slice({rocks::victim::clock_ms(next)}, model::NodeName(), 1);
      if (!slice) give_up(slice.error());
      if (slice->trouble) give_up(*slice->trouble);
    }
  });
  std::mt19937 random(std::random_device{}());
  for (;;) {
    std::vector<store::IncomingReport> batch;
    std::vector<std::uint64_t> acked;
    for (auto i = 1 + random() % 8; i > 0; --i) {
      acked.push_back(next + acked.size());
      batch.push_back(rocks::victim::drawn_report(acked.back()));
    }
    const auto outcomes = store.append(batch);
    if (!outcomes) give_up(outcomes.error());
    for (const auto outcome : *outcomes) {
      if (outcome != store::AppendOutcome::kStored) return 1;
    }
    next += acked.size();
    if (random() % 16 == 0) {
      // Most of the reports that are folded are gone then, and only tables tell of them.
      const auto dropped = store.drop_before(model::WallTime{rocks::victim::clock_ms(next) - 3 * rocks::kHourMs});
      if (!dropped) give_up(dropped.error());
    }
    const std::size_t bytes = acked.size() * sizeof(std::uint64_t);
    if (write(rocks::victim::kAckFd, acked.data(), bytes) != static_cast<ssize_t>(bytes)) return 1;
  }
}
