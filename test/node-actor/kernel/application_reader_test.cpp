#include "node-actor/kernel/application_reader.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::application_reader_test {
namespace {

using model::ApplicationCounters;
using model::Bytes;
using model::CgroupBase;
using model::HostApplication;
using model::QosClass;
using model::Tier;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr model::MonoTime kAnyTime{1};

HostApplication application(const std::string& name, CgroupBase base, const std::string& path,
                            QosClass qos = QosClass::kLs) {
  return {.name = name, .tier = Tier::kProd, .qos = qos, .base = base, .path = path};
}

class ApplicationReaderV1 : public ::testing::Test {
 protected:
  ApplicationReaderV1() {
    fixture_.write(acct_ + "cpuacct.usage", "4000000000\n");
    fixture_.write(memory_ + "memory.stat", "total_inactive_anon 5\ntotal_active_anon 6\ntotal_unevictable 7\n");
  }
  std::vector<ApplicationCounters> read() { return reader_.read(kAnyTime, errors_); }

  const std::string acct_ = "sys/fs/cgroup/cpuacct/web/nginx/";
  const std::string memory_ = "sys/fs/cgroup/memory/web/nginx/";
  FixtureTree fixture_{v1_files()};
  CgroupTree tree_ = tree_of(fixture_);
  ApplicationReader reader_{tree_, 1};
  std::vector<model::Error> errors_;
};

TEST_F(ApplicationReaderV1, ReadsCpuTimeAndMemory) {
  EXPECT_TRUE(reader_.empty());
  reader_.set({application("nginx", CgroupBase::kCgroupRoot, "web/nginx")}, {});
  const auto read_now = read();
  ASSERT_THAT(read_now, SizeIs(1));
  const auto& one = read_now.front();
  EXPECT_EQ(one.name, "nginx");
  EXPECT_EQ(one.where, "web/nginx");
  EXPECT_NE(one.group.inode, 0U);
  EXPECT_EQ(one.group.cpu, seconds(4));
  EXPECT_EQ(one.group.memory, Bytes(18));
  EXPECT_FALSE(one.failed);
  EXPECT_FALSE(one.holds_pods);
  EXPECT_FALSE(one.below_besteffort);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(ApplicationReaderV1, OneThatIsNotThereIsEmptyAndNoError) {
  reader_.set({application("later", CgroupBase::kCgroupRoot, "web/later")}, {});
  EXPECT_EQ(read().at(0).group, model::GroupCounters{});
  EXPECT_FALSE(read().at(0).failed);
  EXPECT_THAT(errors_, IsEmpty());
  fixture_.write("sys/fs/cgroup/cpuacct/web/later/cpuacct.usage", "7\n");
  EXPECT_EQ(read().at(0).group.cpu, std::chrono::nanoseconds(7)) << "it came";
}

TEST_F(ApplicationReaderV1, OneThatVanishesIsEmptyAndNoError) {
  reader_.set({application("nginx", CgroupBase::kCgroupRoot, "web/nginx")}, {});
  EXPECT_EQ(read().at(0).group.cpu, seconds(4));
  fixture_.remove("sys/fs/cgroup/cpuacct/web");
  fixture_.remove("sys/fs/cgroup/memory/web");
  EXPECT_EQ(read().at(0).group, model::GroupCounters{});
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(ApplicationReaderV1, GarbageIsUnknownAndNamed) {
  fixture_.write(acct_ + "cpuacct.usage", "much\n");
  reader_.set({application("nginx", CgroupBase::kCgroupRoot, "web/nginx")}, {});
  const auto one = read().at(0);
  EXPECT_TRUE(one.failed);
  EXPECT_NE(one.group.inode, 0U);
  EXPECT_EQ(one.group.cpu, std::nullopt);
  ASSERT_THAT(errors_, SizeIs(1));
  EXPECT_THAT(errors_[0].message(), HasSubstr("web/nginx/cpuacct.usage"));
}

TEST_F(ApplicationReaderV1, AGroupWithoutAMemoryControllersHasCpuTimeAlone) {
  fixture_.remove(memory_);
  reader_.set({application("nginx", CgroupBase::kCgroupRoot, "web/nginx")}, {});
  const auto one = read().at(0);
  EXPECT_EQ(one.group.cpu, seconds(4));
  EXPECT_EQ(one.group.memory, std::nullopt);
  EXPECT_FALSE(one.failed);
}

TEST_F(ApplicationReaderV1, BasesAreThoseOfThisHost) {
  const auto where = [&](CgroupBase base) { return group_of(tree_, application("a", base, "x/a")); };
  EXPECT_EQ(where(CgroupBase::kCgroupRoot), "x/a");
  EXPECT_EQ(where(CgroupBase::kKubepods), "kubepods/x/a");
  EXPECT_EQ(where(CgroupBase::kKubepodsBurstable), "kubepods/burstable/x/a");
  EXPECT_EQ(where(CgroupBase::kKubepodsBesteffort), "kubepods/besteffort/x/a");
  reader_.set({application("in", CgroupBase::kKubepodsBesteffort, "x/a"),
               application("by", CgroupBase::kCgroupRoot, "kubepods/besteffort/y"),
               application("beside", CgroupBase::kCgroupRoot, "kubepods/besteffort-2/y")},
              {});
  const auto all = read();
  EXPECT_TRUE(all.at(0).below_besteffort);
  EXPECT_TRUE(all.at(1).below_besteffort) << "whatever it is named by";
  EXPECT_FALSE(all.at(2).below_besteffort);
}

TEST_F(ApplicationReaderV1, WhatHoldsPodsIsNotRead) {
  const auto holds = [&](CgroupBase base, const std::string& path) {
    reader_.set({application("a", base, path)}, {pod_of("a")});
    const auto one = read().at(0);
    EXPECT_TRUE(!one.holds_pods || one.group == model::GroupCounters{}) << path;
    return one.holds_pods;
  };
  EXPECT_TRUE(holds(CgroupBase::kCgroupRoot, "kubepods"));
  EXPECT_TRUE(holds(CgroupBase::kCgroupRoot, "kubepods/besteffort"));
  EXPECT_TRUE(holds(CgroupBase::kKubepods, "burstable"));
  EXPECT_TRUE(holds(CgroupBase::kKubepodsBurstable, "poda")) << "a pod";
  EXPECT_TRUE(holds(CgroupBase::kKubepodsBurstable, "poda/c1")) << "a part of a pod";
  EXPECT_FALSE(holds(CgroupBase::kKubepodsBurstable, "podab"));
  EXPECT_FALSE(holds(CgroupBase::kKubepods, "web"));
}

TEST_F(ApplicationReaderV1, WhatHoldsAnotherApplicationIsNotReadInWhateverOrder) {
  fixture_.write("sys/fs/cgroup/cpuacct/web/cpuacct.usage", "9000000000\n");
  const auto outer = application("outer", CgroupBase::kCgroupRoot, "web", QosClass::kBe);
  const auto inner = application("inner", CgroupBase::kCgroupRoot, "web/nginx");
  const auto beside = application("beside", CgroupBase::kCgroupRoot, "web/nginx-2");
  for (const auto& list : {std::vector{outer, inner, beside}, std::vector{beside, inner, outer}}) {
    reader_.set(list, {});
    for (const auto& one : read()) {
      EXPECT_EQ(one.holds_pods, one.name == "outer") << one.name;
      if (one.name == "outer") {
        EXPECT_EQ(one.group, model::GroupCounters{});
      }
      if (one.name == "inner") {
        EXPECT_EQ(one.group.cpu, seconds(4));
      }
    }
  }
  reader_.set({outer}, {});
  EXPECT_FALSE(read().at(0).holds_pods) << "it holds none any more";
  EXPECT_EQ(read().at(0).group.cpu, seconds(9));
}

TEST_F(ApplicationReaderV1, OfTwoThatAreOneGroupNeitherIsRead) {
  reader_.set({application("a", CgroupBase::kKubepodsBesteffort, "x"),
               application("b", CgroupBase::kCgroupRoot, "kubepods/besteffort/x")},
              {});
  EXPECT_TRUE(read().at(0).holds_pods);
  EXPECT_TRUE(read().at(1).holds_pods);
}

TEST_F(ApplicationReaderV1, OneThatStaysKeepsItsPlaceInTheNewList) {
  const auto nginx = application("nginx", CgroupBase::kCgroupRoot, "web/nginx");
  const auto other = application("other", CgroupBase::kCgroupRoot, "web/other");
  reader_.set({nginx, other}, {});
  reader_.set({other, nginx}, {});
  auto all = read();
  EXPECT_EQ(all.at(0).name, "other");
  EXPECT_EQ(all.at(1).name, "nginx");
  EXPECT_EQ(all.at(1).group.cpu, seconds(4));
  reader_.set({}, {});
  EXPECT_TRUE(reader_.empty());
  EXPECT_THAT(read(), IsEmpty());
}

TEST(ApplicationReaderV2, ReadsCpuTimeAndMemory) {
  FixtureTree fixture(v2_files());
  const std::string group = "sys/fs/cgroup/system.slice/nginx.service/";
  fixture.write(group + "cpu.stat", "usage_usec 3000000\nuser_usec 1\nsystem_usec 1\n");
  fixture.write(group + "memory.stat", "inactive_anon 1\nactive_anon 2\nunevictable 3\n");
  const CgroupTree tree = tree_of(fixture);
  ApplicationReader reader(tree, 1);
  reader.set({application("nginx", CgroupBase::kCgroupRoot, "system.slice/nginx.service"),
              application("yarn", CgroupBase::kKubepodsBesteffort, "yarn", QosClass::kBe)},
             {});
  std::vector<model::Error> errors;
  const auto all = reader.read(kAnyTime, errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(all.at(0).group.cpu, seconds(3));
  EXPECT_EQ(all.at(0).group.memory, Bytes(6));
  EXPECT_EQ(all.at(1).where, "kubepods.slice/kubepods-besteffort.slice/yarn");
  EXPECT_EQ(all.at(1).group.inode, 0U);
}

TEST(ApplicationReader, MemoryIsReadAsSeldomAsOfPods) {
  FixtureTree fixture(v2_files());
  const std::string group = "sys/fs/cgroup/web/";
  fixture.write(group + "cpu.stat", "usage_usec 1\n");
  fixture.write(group + "memory.stat", "inactive_anon 1\nactive_anon 0\nunevictable 0\n");
  const CgroupTree tree = tree_of(fixture);
  ApplicationReader reader(tree, 3);
  reader.set({application("web", CgroupBase::kCgroupRoot, "web")}, {});
  std::vector<model::Error> errors;
  EXPECT_EQ(reader.read(kAnyTime, errors).at(0).group.memory, Bytes(1));
  fixture.write(group + "memory.stat", "inactive_anon 9\nactive_anon 0\nunevictable 0\n");
  EXPECT_EQ(reader.read(kAnyTime, errors).at(0).group.memory, Bytes(1));
  EXPECT_EQ(reader.read(kAnyTime, errors).at(0).group.memory, Bytes(1));
  EXPECT_EQ(reader.read(kAnyTime, errors).at(0).group.memory, Bytes(9));
}

}  // namespace
}  // namespace tideline::kernel::test::application_reader_test
