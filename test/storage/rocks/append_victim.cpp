// append_victim DIRECTORY: appends to the store there until it is killed. See kill_test.cpp.

#include "test/storage/rocks/append_victim.h"

#include <cstdio>
#include <random>

#include <unistd.h>

#include "test/storage/rocks/victim_process.h"

using namespace tideline;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto store = rocks::RocksStore::open(argv[1], rocks::victim::kSmall);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message().c_str());
    return 1;
  }
  std::mt19937 random(std::random_device{}());
  std::uint64_t next = (*store)->acked_through(model::NodeName("n"), model::Incarnation(1)).value() + 1;
  for (;;) {
    std::vector<store::IncomingReport> batch;
    for (auto i = 1 + random() % 8; i > 0; --i)
      batch.push_back(rocks::victim::numbered(next++));
    const auto outcomes = (*store)->append(batch);
    if (!outcomes) {
      std::fprintf(stderr, "%s\n", outcomes.error().message().c_str());
      return 1;
    }
    std::vector<std::uint64_t> acked;
    std::vector<model::AccountAt> accounts;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if ((*outcomes)[i] != store::AppendOutcome::kStored) return 1;
      acked.push_back(batch[i].report.seq.value());
      accounts.push_back(rocks::victim::account_of(acked.back()));
    }
    if (!(*store)->append_accounts(accounts)) return 1;
    const std::size_t bytes = acked.size() * sizeof(std::uint64_t);
    if (write(rocks::victim::kAckFd, acked.data(), bytes) != static_cast<ssize_t>(bytes)) return 1;
  }
}
