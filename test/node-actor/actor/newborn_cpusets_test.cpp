#include "node-actor/actor/newborn_cpusets.h"

#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/guard/restore.h"
#include "node-actor/kernel/fd.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::newborn_cpusets_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::MonoTime;

const std::string kRoot = "sys/fs/cgroup/cpuset/kubepods/besteffort/";
const std::string kFile = "cpuset.cpus";

/// cgroup v1 of four CPUs with a batch pod of its own two, whose container has one of them.
FixtureTree::Files files() {
  return kernel::test::v1_files() + FixtureTree::Files{{kRoot + kFile, "0-3\n"},
                                                       {kRoot + "podold/" + kFile, "2-3\n"},
                                                       {kRoot + "podold/main/" + kFile, "3\n"}};
}

class NewbornCpusetsTest : public testing::Test {
 protected:
  NewbornCpusetsTest() : tree_(files()), groups_(kernel::test::tree_of(tree_)) { start(); }

  void start() {
    newborns_.reset();
    journal_.reset();
    auto journal = guard::Journal::open(state_.str(), "boot");
    if (!journal) throw std::runtime_error(journal.error().message());
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    newborns_ = std::make_unique<NewbornCpusets>(groups_, *journal_);
  }
  kernel::FileIdentity identity(const std::string& group) const {
    const auto directory = tree_.path(kRoot + group);
    auto plain = directory.ends_with('/') ? directory.substr(0, directory.size() - 1) : directory;
    const auto held = kernel::open_directory(plain);
    if (!held) throw std::runtime_error(held.error().message());
    return {.path = plain + "/" + kFile, .device = held->device, .inode = held->inode};
  }
  /// What the gate and the writer do.
  void write(const std::string& group, const std::string& set) {
    const auto file = identity(group);
    const auto current = cpus(group);
    ASSERT_TRUE(journal_->record(file, current, current, guard::RestoreClass::kRestore).ok());
    journal_->intend(file, current, set);
    put(group, set);
  }
  /// As CpuSide writes a set, the root's or that of a group below it.
  std::vector<std::string> narrow_or_widen(const std::string& below, const std::string& set) {
    const auto group = "kubepods/besteffort" + (below.empty() ? "" : "/" + below);
    EXPECT_TRUE(newborns_->before_write(group, set).ok());
    write(below, set);
    return newborns_->after_write(group, set);
  }
  std::vector<std::string> write_root(const std::string& set) { return narrow_or_widen("", set); }
  void put(const std::string& group, const std::string& set) { tree_.write(file_of(group), set + "\n"); }
  std::string cpus(const std::string& group) const {
    auto text = tree_.read(file_of(group));
    return text.substr(0, text.find('\n'));
  }
  static std::string file_of(const std::string& group) { return kRoot + group + (group.empty() ? "" : "/") + kFile; }
  void make(const std::string& group, const std::string& set) {
    std::filesystem::create_directories(tree_.path(kRoot + group));
    put(group, set);
  }
  void look() {
    now_ = now_ + NewbornCpusets::kLook;
    newborns_->look(now_);
  }
  std::optional<std::string> original(const std::string& group) const {
    const auto record = journal_->find(identity(group));
    return record ? std::optional(record->original) : std::nullopt;
  }

  test::TempDir state_;
  FixtureTree tree_;
  kernel::CgroupTree groups_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<NewbornCpusets> newborns_;
  MonoTime now_{1'000'000'000'000};
  std::vector<std::string> back_;
};

TEST_F(NewbornCpusetsTest, WhatIsThereWhenTheRootIsNarrowedKeepsItsOwnSetAsOriginal) {
  write_root("3");
  look();
  EXPECT_EQ(original("podold"), "2-3");
  EXPECT_EQ(original("podold/main"), "3") << "also one that holds our very set by its own";
}

TEST_F(NewbornCpusetsTest, AGroupMadeSinceWithOurSetHasTheRootsOriginal) {
  write_root("3");
  make("podnew", "3");
  make("podnew/main", "3");
  look();
  EXPECT_EQ(original("podnew"), "0-3");
  EXPECT_EQ(original("podnew/main"), "0-3");
  EXPECT_THAT(write_root("2-3"), testing::IsEmpty());
  EXPECT_THAT(write_root("0-3"), testing::ElementsAre(identity("podnew").path));
  EXPECT_THAT(narrow_or_widen("podnew", "0-3"), testing::ElementsAre(identity("podnew/main").path)) << "parents first";
}

TEST_F(NewbornCpusetsTest, OneMadeSinceTheLastLookGoesBackWithTheRootToo) {
  write_root("3");
  look();
  make("podnew", "3");
  make("podnew/main", "3");
  EXPECT_THAT(write_root("0-3"), testing::ElementsAre(identity("podnew").path));
  EXPECT_EQ(original("podnew/main"), "0-3");
}

TEST_F(NewbornCpusetsTest, OneThatIsWrittenBeforeItWasLookedAtHasTheRootsOriginal) {
  write_root("3");
  make("podnew", "3");
  write_root("2-3");
  narrow_or_widen("podnew", "2");
  EXPECT_EQ(original("podnew"), "0-3");
}

TEST_F(NewbornCpusetsTest, AContainerMadeInANarrowPodBelowAWideRootGoesBackWithThatPod) {
  narrow_or_widen("podold/main", "3");
  narrow_or_widen("podold", "3");
  make("podold/again", "3");
  look();
  EXPECT_EQ(original("podold/again"), "2-3");
  EXPECT_THAT(narrow_or_widen("podold", "2-3"), testing::ElementsAre(identity("podold/again").path));
}

TEST_F(NewbornCpusetsTest, AGroupMadeInAContainerThatHeldNoneIsFoundToo) {
  narrow_or_widen("podold/main", "2");
  look();
  make("podold/main/inner", "2");
  look();
  EXPECT_EQ(original("podold/main/inner"), "3");
}

TEST_F(NewbornCpusetsTest, WhatLiesInAPodThatStaysNarrowWaitsForThat) {
  write_root("3");
  narrow_or_widen("podold", "3");
  make("podold/again", "3");
  make("podnew", "3");
  look();
  EXPECT_THAT(write_root("0-3"), testing::ElementsAre(identity("podnew").path));
  EXPECT_THAT(narrow_or_widen("podold", "2-3"), testing::ElementsAre(identity("podold/again").path));
}

TEST_F(NewbornCpusetsTest, AContainerMadeInABatchPodOutsideOfTheRootGoesBackWithThatPod) {
  const std::string pod = "sys/fs/cgroup/cpuset/kubepods/burstable/podout/";
  for (const auto& group : {pod, pod + "main/"}) {
    std::filesystem::create_directories(tree_.path(group));
    tree_.write(group + kFile, "0-3\n");
  }
  const auto write_pod = [&](const std::string& set) {
    const std::string group = "kubepods/burstable/podout";
    EXPECT_TRUE(newborns_->before_write(group, set).ok());
    const auto directory = tree_.path(pod.substr(0, pod.size() - 1));
    const auto held = kernel::open_directory(directory);
    ASSERT_TRUE(held.ok());
    const kernel::FileIdentity file{.path = directory + "/" + kFile, .device = held->device, .inode = held->inode};
    ASSERT_TRUE(journal_->record(file, "0-3", "0-3", guard::RestoreClass::kRestore).ok());
    journal_->intend(file, tree_.read(pod + kFile), set);
    tree_.write(pod + kFile, set + "\n");
    back_ = newborns_->after_write(group, set);
  };
  ASSERT_NO_FATAL_FAILURE(write_pod("3"));
  std::filesystem::create_directories(tree_.path(pod + "again"));
  tree_.write(pod + "again/" + kFile, "3\n");
  look();
  ASSERT_NO_FATAL_FAILURE(write_pod("0-3"));
  EXPECT_THAT(back_, testing::ElementsAre(tree_.path(pod + "again/" + kFile)));
}

TEST_F(NewbornCpusetsTest, WhatIsGoneIsForgotten) {
  write_root("3");
  make("podnew", "3");
  look();
  std::filesystem::remove_all(tree_.path(kRoot + "podnew"));
  newborns_->forget_gone();
  EXPECT_THAT(write_root("0-3"), testing::IsEmpty());
}

TEST_F(NewbornCpusetsTest, ACopyOfAnEarlierSetIsKnownToo) {
  write_root("3");
  make("podnew", "3");
  write_root("2-3");
  write_root("1-3");
  look();
  EXPECT_EQ(original("podnew"), "0-3");
}

TEST_F(NewbornCpusetsTest, AContainerMadeSinceInAnOldPodHasThatPodsOriginal) {
  write_root("3");
  write("podold", "3");
  make("podold/again", "3");
  look();
  EXPECT_EQ(original("podold/again"), "2-3");
}

TEST_F(NewbornCpusetsTest, AGroupThatGotASetOfItsOwnIsLeftAlone) {
  write_root("2-3");
  make("podpinned", "2");
  make("podempty", "");
  look();
  EXPECT_EQ(original("podpinned"), std::nullopt);
  EXPECT_EQ(original("podempty"), std::nullopt);
  put("podempty", "2-3");
  look();
  EXPECT_EQ(original("podempty"), "0-3") << "it was only being made";
}

TEST_F(NewbornCpusetsTest, OneMadeUnderARootThatIsNotOursIsItsOwn) {
  write_root("3");
  write_root("0-3");
  make("podbetween", "3");
  look();
  EXPECT_EQ(original("podbetween"), std::nullopt);
  write_root("3");
  look();
  EXPECT_EQ(original("podbetween"), "3");
}

TEST_F(NewbornCpusetsTest, TheNextWorkerGoesOn) {
  write_root("3");
  make("podnew", "3");
  start();
  look();
  EXPECT_EQ(original("podnew"), "0-3");
}

TEST_F(NewbornCpusetsTest, TheGuardPutsTheRootsOriginalIntoIt) {
  write_root("3");
  make("podnew", "3");
  make("podpinned", "2");
  look();
  auto report = guard::restore(*journal_, guard::RestoreMode::kAllOriginals, false);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(cpus(""), "0-3");
  EXPECT_EQ(cpus("podnew"), "0-3");
  EXPECT_EQ(cpus("podold"), "2-3");
  EXPECT_EQ(cpus("podold/main"), "3");
  EXPECT_EQ(cpus("podpinned"), "2");
}

}  // namespace
}  // namespace tideline::node::newborn_cpusets_test
