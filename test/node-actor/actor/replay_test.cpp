// A recording of the real loop, replayed: decide says the same again, byte for byte.

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/actor/node_loop.h"
#include "node-actor/guard/lease.h"
#include "node-actor/recording/recording.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::replay_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::MilliCpu;

const std::string kCpu = "sys/fs/cgroup/cpu/kubepods/";
const std::string kAcct = "sys/fs/cgroup/cpuacct/kubepods/";

/// A host of 4 CPUs with an LS pod "a" that is throttled at its limit, and a batch pod "b".
FixtureTree::Files files() {
  auto all = kernel::test::v1_files();
  const auto group = [&](const std::string& name, const std::string& quota) {
    all = all + FixtureTree::Files{{kCpu + name + "/cpu.shares", "1024\n"},
                                   {kCpu + name + "/cpu.idle", "0\n"},
                                   {kCpu + name + "/cpu.cfs_quota_us", quota + "\n"},
                                   {kCpu + name + "/cpu.cfs_period_us", "100000\n"},
                                   {kCpu + name + "/cpu.cfs_burst_us", "0\n"},
                                   {kCpu + name + "/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 99\n"},
                                   {kCpu + name + "/tasks", ""},
                                   {kAcct + name + "/cpuacct.usage", "3000000000\n"}};
  };
  group("burstable/poda", "100000");
  group("burstable/poda/c1", "100000");
  group("besteffort/podb", "-1");
  group("besteffort/podb/c1", "-1");
  return all + FixtureTree::Files{{kCpu + "besteffort/cpu.cfs_burst_us", "0\n"},
                                  {"sys/devices/system/cpu/online", "0-3\n"},
                                  {"proc/sys/kernel/random/boot_id", "boot\n"},
                                  {"proc/sys/kernel/osrelease", "6.18.1\n"},
                                  {"proc/sys/kernel/hostname", "host\n"}};
}

class Replay : public testing::Test {
 protected:
  void open(std::size_t max_bytes = 8u << 20) {
    auto lease = guard::Lease::take(state_.str());
    auto journal = guard::Journal::open(state_.str(), "boot");
    ASSERT_TRUE(lease.ok() && journal.ok());
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    NodeConfig config;
    config.kernel = kernel::KernelRoot::below(tree_.str());
    config.state_dir = state_.str();
    config.record_file = state_.str() + "/rec";
    config.record_max_bytes = max_bytes;
    config.pod_interval = std::chrono::milliseconds(100);
    auto loop = NodeLoop::open(config, *journal_, *lease_);
    ASSERT_TRUE(loop.ok()) << loop.error().message();
    loop_ = std::move(*loop);
  }
  static model::NodePolicy policy() {
    model::NodePolicy policy;
    policy.version = model::PolicyVersion(1);
    policy.threshold.enable = true;
    policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
    policy.threshold.cpu_evict_threshold_percent = 1;
    policy.threshold.evict_enabled_priority_threshold = 9999;
    policy.threshold.cpu_evict_be_satisfaction_lower_percent = 50;
    policy.threshold.cpu_evict_be_satisfaction_upper_percent = 80;
    policy.threshold.cpu_evict_time_window_seconds = 1;
    policy.qos.be.enable = true;
    policy.qos.be.sched_idle = 1;
    policy.burst.policy = model::BurstPolicy::kAuto;
    policy.burst.cfs_quota_burst_period_seconds = 60;
    return policy;
  }
  static std::vector<model::Pod> pods() {
    auto ls = kernel::test::pod_of("a");
    ls.name_space = "shop";
    ls.name = "web";
    ls.containers = {{.name = "web", .id = "c1", .requests = {}, .limits = {}}};
    ls.containers[0].limits.cpu = ls.limits.cpu = MilliCpu(1000);
    auto be = kernel::test::pod_of("b", model::KubeQos::kBestEffort);
    be.name_space = "jobs";
    be.name = "train \xff";
    be.eviction.enabled = true;
    be.containers = {{.name = "job", .id = "c1", .requests = {}, .limits = {}}};
    be.containers[0].requests.batch_cpu = be.requests.batch_cpu = MilliCpu(4000);
    return {ls, be};
  }
  /// The host moves on: `busy` ms of CPU for each group.
  void work(int busy) {
    used_ms_ += busy;
    const auto usage = std::to_string(3'000'000'000 + std::int64_t{used_ms_} * 1'000'000) + "\n";
    for (const auto* name : {"burstable/poda", "burstable/poda/c1", "besteffort/podb", "besteffort"})
      tree_.write(kAcct + name + "/cpuacct.usage", usage);
    const auto periods = std::to_string(10 + used_ms_ / 10);
    const auto throttled = std::to_string(4 + used_ms_ / 15);
    tree_.write(kCpu + "burstable/poda/c1/cpu.stat",
                "nr_periods " + periods + "\nnr_throttled " + throttled + "\nthrottled_time 99\n");
    tree_.write("proc/stat", "cpu  " + std::to_string(100 + used_ms_ / 4) + " 10 50 9999 888 5 5 777 66 6\n");
  }
  void rounds(int count, int busy = 40) {
    for (int i = 0; i < count; ++i) {
      work(busy);
      ASSERT_TRUE(loop_->fast_round().ok());
      loop_->pod_round();
    }
  }

  struct Count {
    std::map<std::string, int> lines;
    int suppress = 0;
    int relief = 0;
    int memory = 0;
    int cpu = 0;
    int settled = 0;  // values that rounds wanted of the kernel
    int same = 0;     // rounds whose settlement was that of the one before
    int victims = 0;
    int memory_wants = 0;
    int states = 0;  // pod rounds that brought what was remembered
    std::set<std::string> actions;
  };
  /// Replays what is in the files; every decision must come out as it is there.
  Count replay() {
    Count count;
    recording::Reading reading;
    recording::Memory memory;
    bool begun = false;
    for (const auto* name : {"rec.1", "rec"}) {
      if (!std::filesystem::exists(state_.str() + "/" + name)) continue;
      std::istringstream in(state_.read(name));
      for (std::string line; std::getline(in, line);) {
        const auto type = nlohmann::json::parse(line).at("type").get<std::string>();
        ++count.lines[type];
        count.same += line.find(R"("settlement":"same")") != std::string::npos ? 1 : 0;
        auto entry = reading.line(line);
        if (!entry.ok()) {
          ADD_FAILURE() << entry.error().message() << ": " << line.substr(0, 200);
          continue;
        }
        if (!*entry) continue;
        if (const auto* suppress = std::get_if<recording::SuppressRound>(&**entry)) {
          ++count.suppress;
          count.actions.insert(suppress->decision.at("action"));
          EXPECT_EQ(recording::text_of(recording::replay(memory, *suppress)), recording::text_of(suppress->decision));
        } else if (const auto* relief = std::get_if<recording::ReliefRound>(&**entry)) {
          EXPECT_TRUE(relief->state || count.relief > 0) << "the first round of a recording brings its state";
          ++count.relief;
          EXPECT_EQ(recording::text_of(recording::replay(memory, *relief)), recording::text_of(relief->decision));
        } else if (const auto* memory_round = std::get_if<recording::MemoryRound>(&**entry)) {
          EXPECT_TRUE(memory_round->state || count.memory > 0) << "the first round of a recording brings its state";
          ++count.memory;
          count.memory_wants += static_cast<int>(memory_round->decision.at("wants").at("wants").size());
          EXPECT_EQ(recording::text_of(recording::replay(memory, *memory_round)),
                    recording::text_of(memory_round->decision));
        } else if (const auto* round = std::get_if<recording::CpuRound>(&**entry)) {
          ++count.cpu;
          if (!std::exchange(begun, true)) {
            EXPECT_TRUE(round->state) << "the first round of a recording brings its state";
          }
          count.states += round->state ? 1 : 0;
          count.settled += static_cast<int>(round->decision.at("settlement").at("settled").size());
          count.victims += static_cast<int>(round->decision.at("evict").at("victims").size());
          EXPECT_EQ(recording::text_of(recording::replay(memory, *round)), recording::text_of(round->decision));
        }
      }
    }
    return count;
  }

  FixtureTree tree_{files()};
  test::TempDir state_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<NodeLoop> loop_;
  int used_ms_ = 0;
};

TEST_F(Replay, DecidesWhatTheNodeDecided) {
  open();
  loop_->set_pods(pods());
  loop_->set_policy(policy());
  rounds(12);
  auto off = policy();
  off.threshold.enable = false;
  off.burst.policy = model::BurstPolicy::kNone;
  loop_->set_policy(off);
  rounds(3);
  auto dry = policy();
  dry.dry_run.cpu_suppress = dry.dry_run.cpu_burst = true;
  loop_->set_policy(dry);
  rounds(3);
  auto fewer = pods();
  fewer.pop_back();
  loop_->set_pods(fewer);
  rounds(2);

  const auto count = replay();
  EXPECT_EQ(count.suppress, 20 + 5) << "dry run decides twice";
  EXPECT_EQ(count.cpu, 20);
  EXPECT_GT(count.settled, 40) << "there was something to decide";
  EXPECT_GT(count.same, 3);
  EXPECT_THAT(count.actions, testing::IsSupersetOf({"limit", "release"}));
  EXPECT_EQ(count.states, 1) << "all others go on from the round before";
  EXPECT_EQ(count.lines.at("host"), 20);
  EXPECT_EQ(count.lines.at("policy"), 3);
  EXPECT_EQ(count.lines.at("pods"), 2);
  EXPECT_EQ(count.lines.at("node"), 1);
  EXPECT_EQ(count.relief, 12 + 3 + 2) << "not while resource-threshold-config is off";
  EXPECT_EQ(count.memory, 20);
  EXPECT_EQ(count.lines.at("memory_node"), 1);
  EXPECT_EQ(count.lines.at("sample"), 20) << "both sides rest on the same";
  EXPECT_GT(count.lines.at("write"), 0);
}

TEST_F(Replay, TheMemorySideIsReplayedWithWhatItWantsOfTheCpuSide) {
  const std::string memory = "sys/fs/cgroup/memory/kubepods/besteffort/";
  for (const auto* group : {"podb/", "podb/c1/"}) {
    tree_.write(memory + group + "memory.limit_in_bytes", "9223372036854771712\n");
    tree_.write(memory + group + "memory.usage_in_bytes", "104857600\n");
    tree_.write(memory + group + "memory.stat",
                "total_rss 94371840\ntotal_shmem 0\ntotal_inactive_anon 94371840\ntotal_active_anon 0\n"
                "total_inactive_file 10485760\ntotal_active_file 0\ntotal_unevictable 0\n");
  }
  open();
  auto batch = pods();
  batch[1].containers[0].limits.batch_memory = batch[1].limits.batch_memory = model::Bytes(256 << 20);
  loop_->set_pods(batch);
  auto both = policy();
  both.qos.be_memory.enable = both.qos.ls_memory.enable = true;
  both.qos.ls_memory.min_limit_percent = 50;
  loop_->set_policy(both);
  rounds(3);
  // Memory gets short, with evictions, and is easy again.
  for (const auto* available : {"250", "200", "100", "50", "40", "700", "700"}) {
    tree_.write("proc/meminfo", std::string("MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    ") +
                                    available + " kB\n");
    rounds(2);
  }
  both.dry_run.memory_relief = both.dry_run.memory_evict = true;
  loop_->set_policy(both);
  rounds(2);
  const auto count = replay();
  EXPECT_EQ(count.relief, 3 + 14 + 2);
  EXPECT_EQ(count.memory, 3 + 14 + 2);
  EXPECT_GT(count.memory_wants, 0) << "there was something to decide";
  EXPECT_GE(count.lines.at("others"), 1);
}

TEST_F(Replay, BeginsInTheMiddleOfARingThatHasGoneRound) {
  open(512u << 10);
  loop_->set_pods(pods());
  loop_->set_policy(policy());
  rounds(120, 25);
  ASSERT_TRUE(std::filesystem::exists(state_.str() + "/rec.1"));
  EXPECT_LE(std::filesystem::file_size(state_.str() + "/rec") + std::filesystem::file_size(state_.str() + "/rec.1"),
            512u << 10);
  const auto count = replay();
  EXPECT_GT(count.cpu, 20);
  EXPECT_LT(count.cpu, 120) << "the begin is gone";
  EXPECT_EQ(count.lines.at("pods"), 2) << "once in each file";
}

TEST_F(Replay, AHandsOffAndItsEndAreReplayedToo) {
  open();
  loop_->set_pods(pods());
  loop_->set_policy(policy());
  rounds(2);
  model::HandsOff order;
  order.group = "kubepods/burstable/poda";
  order.who = "ann";
  order.reason = "debugging";
  ASSERT_TRUE(loop_->set_hands_off(decide::holds_of({order}, model::MonoTime{}, {})).ok());
  rounds(2);
  ASSERT_TRUE(loop_->set_hands_off({}).ok());
  rounds(2);
  EXPECT_EQ(replay().cpu, 6);
}

TEST_F(Replay, ARoundThatSaysSomethingElseIsNoticed) {
  open();
  loop_->set_pods(pods());
  loop_->set_policy(policy());
  rounds(3);
  recording::Reading reading;
  std::istringstream in(state_.read("rec"));
  int different = 0;
  recording::Memory memory;
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(R"("policy":{"burst")");
    if (at != std::string::npos)
      line.replace(line.find(R"("cpuSuppressThresholdPercent":65)"), 32, R"("cpuSuppressThresholdPercent":20)");
    auto entry = reading.line(line);
    ASSERT_TRUE(entry.ok());
    if (!*entry) continue;
    if (const auto* suppress = std::get_if<recording::SuppressRound>(&**entry)) {
      different += recording::replay(memory, *suppress) != suppress->decision ? 1 : 0;
    }
  }
  EXPECT_GT(different, 0);
}

}  // namespace
}  // namespace tideline::node::replay_test
