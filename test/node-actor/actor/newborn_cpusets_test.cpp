#include "node-actor/actor/newborn_cpusets.h"

#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/guard/restore.h"
#include "node-actor/kernel/fd.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node {
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
  std::vector<std::string> write_root(const std::string& set) {
    EXPECT_TRUE(newborns_->before_write(set).ok());
    write("", set);
    return newborns_->after_write(set);
  }
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
  EXPECT_THAT(write_root("0-3"), testing::ElementsAre(identity("podnew").path, identity("podnew/main").path));
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
}  // namespace tideline::node
