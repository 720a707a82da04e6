// A worker for the supervisor tests: test_worker <state dir> <file> <mode>
//   limit   writes quotas to the file without end, beating
//   once    writes one quota, then beats
//   hang    writes one quota, beats once, then neither beats nor heeds SIGTERM
//   crash   writes one quota and aborts
//   refuse  writes one quota and exits with EX_CONFIG
//   litter  writes one quota and aborts, with a child that its death does not end; its pid is in <state dir>/litter
//   reclaim makes a slow writer reclaim 8 MiB from the file's group without end, the file being memory.limit_in_bytes
//   orphan  writes one quota; restores and exits when its supervisor is gone
// Without a supervisor it takes the lease itself. It appends its pid to <state dir>/pids when it has written,
// and begins by copying what is on record of it to <state dir>/recorded.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include <signal.h>
#include <unistd.h>

#include "node-actor/guard/restore.h"
#include "node-actor/guard/supervisor.h"
#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/parse.h"
#include "test/node-actor/guard/fixture.h"
#include "test/node-actor/guard/slow_fixture.h"

namespace {

using namespace tideline;

int reclaim_without_end(const std::string& state_dir, const std::string& path, guard::Journal& journal,
                        guard::Lease& lease, const std::function<void()>& tell) {
  guard::JournalGate gate(journal, lease, [](const model::KernelWrite&, const std::string& original) {
    return guard::Declaration{guard::RestoreClass::kRestore, original};
  });
  guard::SlowWriter slow(guard::slow_config("serve", state_dir, lease.epoch()));
  const auto file = guard::identity_of(path);
  const auto usage = path.substr(0, path.rfind('/')) + "/memory.usage_in_bytes";
  constexpr std::int64_t kBytes = 8 << 20;
  bool told = false;
  for (;; lease.beat(kernel::monotonic_now())) {
    if (!slow.busy()) {
      const auto limit = kernel::read_value(path);
      const auto used = kernel::read_value(usage);
      const auto bytes = used ? kernel::parse_number(*used) : std::nullopt;
      if (!limit || !bytes) return 5;
      model::KernelWrite write;
      write.value = std::to_string((*bytes - kBytes) / 4096 * 4096);
      if (!gate.before_write(file, *limit, write)) return 5;
      const auto begun =
          slow.begin({.kind = guard::SlowRequest::Kind::kReclaim, .file = file, .value = write.value, .bytes = kBytes},
                     kernel::monotonic_now());
      if (!begun) return 6;
    }
    if (!slow.poll(kernel::monotonic_now())) {
      ::usleep(200);
    } else if (!std::exchange(told, true)) {
      tell();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tideline::guard;
  if (argc != 4) return 64;
  const std::string state_dir = argv[1];
  const std::string path = argv[2];
  const std::string mode = argv[3];
  std::ofstream(state_dir + "/recorded") << std::ifstream(state_dir + "/lock").rdbuf();
  const auto ticket = worker_ticket();
  if (mode == "orphan") {
    ::signal(SIGTERM, SIG_IGN);
  }
  if (ticket && !follow_supervisor(*ticket)) return 3;
  auto lease = ticket ? Lease::join(state_dir, ticket->epoch) : Lease::take(state_dir);
  auto journal = Journal::open(state_dir);
  if (!lease || !journal) return 4;
  JournalGate gate(*journal, *lease, declare_quota);
  const auto tell = [&] { std::ofstream(state_dir + "/pids", std::ios::app) << ::getpid() << std::endl; };
  const auto beat = [&] { lease->beat(kernel::monotonic_now()); };

  if (mode == "reclaim") return reclaim_without_end(state_dir, path, *journal, *lease, tell);
  if (mode == "limit") {
    std::mt19937 random(std::random_device{}());
    for (bool told = false;; beat()) {
      if (auto done = write_gated(gate, path, std::to_string(2000 + random() % 100'000)); !done) {
        std::fprintf(stderr, "%s\n", done.error().message().c_str());
        return 5;
      }
      if (!told) tell();
      told = true;
    }
  }
  if (!write_gated(gate, path, "88000")) return 5;
  beat();
  if (mode == "hang") ::signal(SIGTERM, SIG_IGN);
  tell();
  if (mode == "crash") std::abort();
  if (mode == "litter") {
    const int child = ::fork();
    if (child == 0) {
      ::alarm(60);
      while (true)
        ::pause();
    }
    std::ofstream(state_dir + "/litter") << child << std::endl;
    std::abort();
  }
  if (mode == "refuse") return 78;
  for (;;) {
    ::usleep(10'000);
    if (mode != "hang") beat();
    if (mode == "orphan" && ticket && !supervisor_alive(*ticket)) {
      restore(*journal, RestoreMode::kSafeState, true);
      return 0;
    }
  }
}
