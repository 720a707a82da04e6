#include "node-actor/actor/tick_actor.h"

#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/guard/lease.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::node {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;

// It writes in its first round already. A supervisor that has seen no beat would grant it a start's patience.
TEST(TickActor, TheLeaseRunsFromBeforeTheFirstRound) {
  const FixtureTree host(kernel::test::v1_files() + FixtureTree::Files{{"sys/devices/system/cpu/online", "0-3\n"},
                                                                       {"proc/sys/kernel/random/boot_id", "boot\n"},
                                                                       {"proc/sys/kernel/osrelease", "6.18.1\n"},
                                                                       {"proc/sys/kernel/hostname", "host\n"}});
  const test::TempDir state;
  auto lease = guard::Lease::take(state.str());
  auto journal = guard::Journal::open(state.str(), "boot");
  ASSERT_TRUE(lease.ok() && journal.ok());
  NodeConfig config;
  config.kernel = kernel::KernelRoot::below(host.str());
  config.state_dir = state.str();
  const auto loop = NodeLoop::open(config, *journal, *lease);
  ASSERT_TRUE(loop.ok()) << loop.error().message();

  // A file of the first round that does not end: the round stands still in it.
  const auto file = host.path("sys/fs/cgroup/cpu/kubepods/burstable/cpu.shares");
  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  const int held_open = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(held_open, 0);

  caf::actor_system_config actor_config;
  caf::actor_system system(actor_config);
  caf::scoped_actor self(system);
  auto tick = system.spawn<TickActor, caf::detached>(
      **loop, *lease, TickOptions{std::chrono::milliseconds(100), std::chrono::seconds(1)},
      caf::actor_cast<caf::actor>(self), [](const model::Error&) {});
  EXPECT_TRUE(test::eventually(std::chrono::seconds(20), [&] { return lease->last_beat().ns != 0; }));

  host.write("sys/fs/cgroup/cpu/kubepods/burstable/cpu.shares.new", "512\n");
  std::filesystem::rename(file + ".new", file);
  ::close(held_open);
  caf::anon_send_exit(tick, caf::exit_reason::user_shutdown);
  self->wait_for(tick);
  tick = nullptr;
}

}  // namespace
}  // namespace tideline::node
