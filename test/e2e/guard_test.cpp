#include <csignal>
#include <random>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLease = seconds(2);
/// Kill, restore and scheduling on a busy two-core machine, beyond the lease itself.
constexpr auto kSlack = milliseconds(1000);

/// A node that holds BE down, so that a file differs from its original whenever something dies.
class Guard : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    tree_ = std::make_unique<PodTree>();
    original_ = tree_->quota();
    cluster_ = std::make_unique<Cluster>();
    cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
    cluster_->start_coordinator();
    spec_ = {.name = "n1", .kubepods = tree_->kubepods(), .pods_json = PodTree::pods_json()};
    start();
    tree_->spin_ls();
    tree_->spin_be();
    const char* seed = std::getenv("TIDELINE_SEED");
    seed_ = seed != nullptr ? static_cast<unsigned>(std::strtoul(seed, nullptr, 10)) : std::random_device{}();
    random_.seed(seed_);
    RecordProperty("seed", std::to_string(seed_));
  }

  void start() {
    node_ = std::make_unique<Process>(cluster_->start_node(spec_));
    restores_ = 0;
  }

  /// Waits for a limit, then for a random moment at which it still stands; the worker's pid then.
  pid_t wait_for_a_limited_moment() {
    for (int tries = 0; tries < 20; ++tries) {
      if (!eventually(seconds(30), [&] { return tree_->limited(); })) break;
      std::this_thread::sleep_for(milliseconds(random_() % 400));
      const auto children = node_->children();
      restores_ = restores_told();
      if (tree_->limited() && children.size() == 1) return children.front();
    }
    ADD_FAILURE() << "never limited; seed " << seed_ << "\n" << node_->output();
    return 0;
  }

  /// How often the supervisor says that it put batch's quota back.
  std::size_t restores_told() const {
    const auto file = tree_->kubepods() + "/besteffort/" + (tree_->v1() ? "cpu.cfs_quota_us" : "cpu.max") + ": ";
    std::istringstream output(node_->output());
    std::size_t count = 0;
    for (std::string line; std::getline(output, line);) {
      const bool is_told = line.find("supervisor: restored ") != std::string::npos;
      if (is_told && line.find(file) != std::string::npos) ++count;
    }
    return count;
  }

  /// Seen, or told: the next worker may limit batch again before this process has a look at it.
  bool restored_within(milliseconds usual) {
    const auto end = std::chrono::steady_clock::now() + patience(usual);
    while (std::chrono::steady_clock::now() < end) {
      if (tree_->quota() == original_ || restores_told() > restores_) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }

  static bool gone(pid_t pid) { return ::kill(pid, 0) != 0; }

  std::string why() const { return "seed " + std::to_string(seed_) + "\n" + node_->output(); }

  std::unique_ptr<PodTree> tree_;
  std::string original_;
  std::unique_ptr<Cluster> cluster_;
  Cluster::Node spec_;
  std::unique_ptr<Process> node_;
  unsigned seed_ = 0;
  std::mt19937 random_;
  std::size_t restores_ = 0;  // that were told before the blow
};

TEST_F(Guard, AKilledWorkerLeavesTheSafeStateWithinTheLease) {
  for (int round = 0; round < rounds(3); ++round) {
    const pid_t worker = wait_for_a_limited_moment();
    ASSERT_NE(worker, 0);
    ::kill(worker, SIGKILL);
    ASSERT_TRUE(restored_within(kLease + kSlack)) << "round " << round << " " << why();
  }
  EXPECT_TRUE(
      eventually(seconds(30),
                 [&] {
                   return cluster_->ask({"events", "--node", "n1", "--from", "-10m"}).dump().find("\"safe-state\"") !=
                          std::string::npos;
                 }))
      << "the next worker tells history; " << why();
}

TEST_F(Guard, AStoppedWorkerIsKilledAndLeavesTheSafeStateWithinTheLease) {
  for (int round = 0; round < rounds(2); ++round) {
    const pid_t worker = wait_for_a_limited_moment();
    ASSERT_NE(worker, 0);
    ::kill(worker, SIGSTOP);
    // A supervisor that stood still itself meanwhile gives it another lease (LeaseWatch).
    ASSERT_TRUE(restored_within(2 * (kLease + kSlack))) << "round " << round << " " << why();
    // Whoever wakes the old one up finds that it is no more: nothing it held can be written late.
    EXPECT_TRUE(eventually(seconds(2), [&] { return gone(worker); }));
    ::kill(worker, SIGCONT);
  }
}

TEST_F(Guard, AKilledSupervisorTakesTheWorkerAlongAndLeavesTheSafeState) {
  for (int round = 0; round < rounds(2); ++round) {
    const pid_t worker = wait_for_a_limited_moment();
    ASSERT_NE(worker, 0);
    node_->signal(SIGKILL);
    node_->wait(seconds(5));
    ASSERT_TRUE(restored_within(kLease + kSlack)) << "round " << round << " " << why();
    ASSERT_TRUE(eventually(seconds(12), [&] { return gone(worker); })) << why();
    EXPECT_EQ(tree_->quota(), original_);
    start();
  }
}

TEST_F(Guard, AfterBothWereKilledReleaseOrTheNextStartPutsBackAllOriginals) {
  for (int round = 0; round < rounds(4); ++round) {
    const pid_t worker = wait_for_a_limited_moment();
    ASSERT_NE(worker, 0);
    // The worker first, stopped: it must not see its supervisor die.
    ::kill(worker, SIGSTOP);
    node_->signal(SIGKILL);
    ::kill(worker, SIGKILL);
    node_->wait(seconds(5));
    ASSERT_TRUE(eventually(seconds(5), [&] { return gone(worker); }));
    ASSERT_NE(tree_->quota(), original_) << "nobody was left to restore";
    if (round % 2 == 0) {
      const auto released = run({program("tideline-node"), "release", "--state-dir", cluster_->node_dir("n1")});
      EXPECT_EQ(released.exit, 0) << released.output;
      ASSERT_EQ(tree_->quota(), original_) << released.output;
      start();
    } else {
      start();
      ASSERT_TRUE(restored_within(seconds(5))) << "round " << round << " " << why();
    }
  }
}

TEST_F(Guard, ReleaseRefusesWhileAnAgentLives) {
  ASSERT_NE(wait_for_a_limited_moment(), 0);
  const auto released = run({program("tideline-node"), "release", "--state-dir", cluster_->node_dir("n1")});
  EXPECT_NE(released.exit, 0);
  EXPECT_NE(released.output.find(std::to_string(node_->pid())), std::string::npos) << released.output;
}

}  // namespace
}  // namespace tideline::test
