// The node's disk is full, or may only be read: what starts on it controls its host as far as it may, reports, and says
// why it does no more.

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class NodeDisk : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      missing_ = std::string("mounts of its own: ") + std::strerror(errno);
    }
  }
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    fs::create_directories(disk_);
    if (missing_.empty() && ::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=16m") != 0) {
      missing_ = std::string("a tmpfs: ") + std::strerror(errno);
    }
    if (!missing_.empty()) GTEST_SKIP() << "needs " << missing_;
    tree_ = std::make_unique<PodTree>();
    tree_->spin_ls();
    tree_->spin_be(2);
    cluster_.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65));
    cluster_.start_coordinator();
  }
  void TearDown() override { ::umount2(disk_.c_str(), MNT_DETACH); }

  Process start_node() {
    return cluster_.start_node({.name = "n1", .kubepods = tree_->kubepods(), .pods_json = PodTree::pods_json()});
  }
  void fill() const {
    std::ofstream file(ballast(), std::ios::binary);
    const std::string piece(4'096, 'x');
    while (file.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  void make_room() const { fs::remove(ballast()); }
  std::size_t points() const {
    const auto history = cluster_.ask({"history", "--node", "n1", "--metric", "node.cpu", "--from", "-5m"});
    if (!history.is_object() || history["series"].empty()) return 0;
    return history["series"][0]["points"].size();
  }
  bool is_limited(seconds patience) const {
    return eventually(patience, [&] { return tree_->limited(); });
  }
  static bool says(const Process& node, const std::string& what) {
    return eventually(seconds(30), [&] { return node.output().find(what) != std::string::npos; });
  }

  Cluster cluster_;
  std::unique_ptr<PodTree> tree_;
  std::string disk_ = cluster_.node_dir("n1");
  static inline std::string missing_;

 private:
  std::string ballast() const { return disk_ + "/ballast"; }
};

TEST_F(NodeDisk, ThatIsFullKeepsNoWorkerThatStartsAnewFromControlAndReports) {
  auto node = start_node();
  ASSERT_TRUE(is_limited(seconds(30))) << node.output();
  ASSERT_TRUE(eventually(seconds(30), [&] { return points() > 0; })) << node.output();
  fill();
  const auto workers = node.children();
  ASSERT_EQ(workers.size(), 1u);
  ::kill(workers[0], SIGKILL);
  ASSERT_TRUE(says(node, "restoring the safe state")) << node.output();
  ASSERT_TRUE(says(node, "spool-in-memory")) << node.output();
  EXPECT_TRUE(is_limited(seconds(30))) << node.output();
  const auto before = points();
  EXPECT_TRUE(eventually(seconds(30), [&] { return points() > before; })) << node.output();
  EXPECT_THAT(node.output(), Not(HasSubstr("exited with code")));
  make_room();
  EXPECT_TRUE(says(node, "spool-on-disk")) << node.output();
}

TEST_F(NodeDisk, ThatIsFullAtTheFirstStartIsWatchedAndReportedOnAndControlledOnceThereIsRoom) {
  fill();
  const auto original = tree_->quota();
  auto node = start_node();
  ASSERT_TRUE(eventually(seconds(30), [&] { return points() > 0; })) << node.output();
  EXPECT_THAT(node.output(), HasSubstr("the lease is in memory"));
  EXPECT_THAT(node.output(), HasSubstr("journal-unwritable"));
  EXPECT_THAT(node.output(), HasSubstr("spool-in-memory"));
  ASSERT_TRUE(cluster_.policy_is_applied("n1", seconds(20)));
  EXPECT_EQ(tree_->quota(), original) << "an original that is not durable could not be put back";
  make_room();
  EXPECT_TRUE(is_limited(seconds(30))) << node.output();
  EXPECT_THAT(node.output(), HasSubstr("journal-writable"));
  const auto before = points();
  EXPECT_TRUE(eventually(seconds(30), [&] { return points() > before; })) << node.output();
}

TEST_F(NodeDisk, ThatMayOnlyBeReadGivesBackWhatADeadAgentLeftAndTheHostIsWatched) {
  const auto original = tree_->quota();
  {
    auto node = start_node();
    ASSERT_TRUE(is_limited(seconds(30))) << node.output();
    const auto workers = node.children();
    ASSERT_EQ(workers.size(), 1u);
    // So that it puts nothing back when its supervisor is gone.
    ::kill(workers[0], SIGSTOP);
    node.signal(SIGKILL);
    node.wait(seconds(10));
    ::kill(workers[0], SIGKILL);
  }
  ASSERT_TRUE(eventually(seconds(10), [&] {
    return ::mount("none", disk_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  })) << std::strerror(errno);
  ASSERT_NE(tree_->quota(), original);
  const auto before = points();
  auto node = start_node();
  ASSERT_TRUE(says(node, "journal-unwritable")) << node.output();
  EXPECT_EQ(tree_->quota(), original) << node.output();
  EXPECT_TRUE(eventually(seconds(60), [&] { return points() > before; })) << node.output();
  EXPECT_EQ(tree_->quota(), original) << node.output();
}

}  // namespace
}  // namespace tideline::test
