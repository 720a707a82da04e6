// Worker, supervisor or both die or stand still at random moments, with every mechanism of CPU and memory in force, and
// so does the process that makes the writes which may block in reclaim. Whatever happened, the files are then in the
// declared safe state, or hold their originals.

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "test/e2e/storm_tree.h"
#include "test/support/cluster.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using Mode = StormTree::Mode;

constexpr auto kLease = milliseconds(2000);
constexpr auto kStartPatience = seconds(10);
/// Kill, restore and scheduling on a busy two-core machine, beyond the lease itself.
constexpr auto kSlack = milliseconds(1000);
/// cpuSuppressMinPercent of the policy: what BE is held to where nobody watches and the kernel does not protect.
constexpr long kSafePercent = 10;
/// The first rounds in which the host is not protected are struck as they were begun, so that few rounds have all that
/// is asked of them.
constexpr int kSettledRounds = 8;
/// A node evicts 20 s after its start, and waits 30 s for a coordinator that is not there: few rounds wait for it.
constexpr int kRoundsPerEviction = 20;

enum class Blow {
  kKillWorker,
  kHangWorker,
  kKillSupervisor,
  kKillBoth,
  kPauseWorker,
  kPauseSupervisor,
  kPauseBoth,
  kKillWorkerUnseen,  // the supervisor stands still meanwhile
  // The slow writer, a child of the worker, stands still, in a reclaiming write where it can be caught in one.
  kHangSlowWriter,
  kKillWorkerInSlowWrite,
  kKillBothInSlowWrite,
};
constexpr std::array<std::pair<Blow, const char*>, 11> kBlows = {
    {{Blow::kKillWorker, "kill worker"},
     {Blow::kHangWorker, "hang worker"},
     {Blow::kKillSupervisor, "kill supervisor"},
     {Blow::kKillBoth, "kill both"},
     {Blow::kPauseWorker, "pause worker"},
     {Blow::kPauseSupervisor, "pause supervisor"},
     {Blow::kPauseBoth, "pause both"},
     {Blow::kKillWorkerUnseen, "kill worker unseen"},
     {Blow::kHangSlowWriter, "hang slow writer"},
     {Blow::kKillWorkerInSlowWrite, "kill worker in a slow write"},
     {Blow::kKillBothInSlowWrite, "kill both in a slow write"}}};

bool hangs_a_slow_write(Blow blow) {
  return blow == Blow::kHangSlowWriter || blow == Blow::kKillWorkerInSlowWrite || blow == Blow::kKillBothInSlowWrite;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The letter of /proc/PID/stat; 0: no such process.
char state_of(const fs::path& task) {
  const auto text = bytes_of(task / "stat");
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text.size() ? '\0' : text[name_end + 2];
}

bool gone(pid_t pid) {
  const char state = state_of("/proc/" + std::to_string(pid));
  return state == '\0' || state == 'Z' || state == 'X';
}

/// Of all its threads.
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
    std::istringstream listed(bytes_of(task.path() / "children"));
    for (pid_t child = 0; listed >> child;)
      found.push_back(child);
  }
  return found;
}

/// Whether a slow writer has joined its worker's lease, a shared mapping, which is the last of its start. Stopped
/// before that it has not yet asked to end with its worker.
bool has_joined(pid_t pid) {
  return bytes_of("/proc/" + std::to_string(pid) + "/maps").find(" rw-s ") != std::string::npos;
}

/// Whether it does something. Most of what the slow writer does is to reclaim, in write(2); else it sleeps.
bool is_at_work(pid_t pid) {
  if (!has_joined(pid)) return false;
  const char state = state_of("/proc/" + std::to_string(pid));
  return state == 'R' || state == 'D';
}

bool stands_still(pid_t pid) {
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
    const char state = state_of(task.path());
    if (state != 'T' && state != '\0') return false;
  }
  return true;
}

/// An LS load that comes and goes, so that there is always something to write.
class Pulse {
 public:
  Pulse(pid_t pid, unsigned seed) : pid_(pid), thread_([this, seed] { beat(seed); }) {}
  ~Pulse() {
    ended_ = true;
    thread_.join();
    ::kill(pid_, SIGCONT);
  }
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

 private:
  void beat(unsigned seed) {
    std::minstd_rand random(seed);
    for (bool on = false; !ended_; on = !on) {
      ::kill(pid_, on ? SIGCONT : SIGSTOP);
      std::this_thread::sleep_for(milliseconds(100 + random() % 600));
    }
  }
  pid_t pid_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

class Storm : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs, one of them for a bound pod";
    const char* seed = std::getenv("TIDELINE_SEED");
    seed_ = seed != nullptr ? static_cast<unsigned>(std::strtoul(seed, nullptr, 10)) : std::random_device{}();
    random_.seed(seed_);
    std::cout << "seed " << seed_ << std::endl;
    tree_ = std::make_unique<StormTree>();
    originals_ = tree_->read();
    cluster_ = std::make_unique<Cluster>();
    spec_ = {.name = "n1", .kubepods = tree_->kubepods(), .pods_json = tree_->pods_json(false)};
    learn_policies();
    if (HasFatalFailure()) return;
    for (const pid_t service : tree_->load())
      pulses_.push_back(std::make_unique<Pulse>(service, random_()));
  }
  void TearDown() override {
    pulses_.clear();
    node_.reset();
  }

  /// What a node keeps on disk of each policy, as the coordinator gives it. Afterwards no coordinator is needed: which
  /// policy a worker starts with, or that it has none and writes nothing, is a matter of this file.
  void learn_policies() {
    cluster_->set_policy("cpu-burst-config", StormTree::burst_config());
    cluster_->set_policy("tideline-config", StormTree::relief_config());
    for (const auto mode : {Mode::kQuota, Mode::kCpuset}) {
      cluster_->set_policy("resource-threshold-config", StormTree::threshold_config(mode));
      cluster_->set_policy("resource-qos-config", StormTree::qos_config(mode));
      cluster_->start_coordinator();
      node_ = std::make_unique<Process>(cluster_->start_node(spec_));
      ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(30))) << node_->output();
      policies_[mode] = bytes_of(policy_file());
      ASSERT_FALSE(policies_[mode].empty());
      stop();
      cluster_->stop_coordinator();
    }
    ASSERT_NE(policies_[Mode::kQuota], policies_[Mode::kCpuset]);
  }

  fs::path policy_file() const { return cluster_->node_dir("n1") + "/policy"; }
  void keep_policy(const std::string& bytes) const {
    const auto fresh = cluster_->dir().write("policy.new", bytes);
    fs::rename(fresh, policy_file());
  }
  void forget_policy() const { fs::remove(policy_file()); }

  void start() { node_ = std::make_unique<Process>(cluster_->start_node(spec_)); }
  bool runs() { return node_ && node_->running(); }
  void stop() {
    node_->signal(SIGTERM);
    EXPECT_EQ(node_->wait(patience(seconds(15))), 0) << why();
    expect_originals("stopped");
  }
  /// 0: there is none now.
  pid_t worker() const {
    const auto children = node_->children();
    return children.size() == 1 ? children.front() : 0;
  }

  /// Stopped, in a reclaiming write where one comes soon. 0: there was none within some seconds.
  pid_t hang_slow_writer(pid_t owner) {
    pid_t slow = 0;
    eventually(seconds(8), [&] {
      const auto children = children_of(owner);
      slow = children.empty() ? 0 : children.front();
      return slow != 0;
    });
    if (slow == 0) return 0;
    if (!eventually(seconds(3), [&] { return has_joined(slow) || gone(slow); })) return 0;
    const auto end = steady_clock::now() + seconds(3);
    while (!is_at_work(slow) && !gone(slow) && steady_clock::now() < end)
      std::this_thread::sleep_for(milliseconds(1));
    if (is_at_work(slow)) ++caught_at_work_;
    // A signal ends its reclaim, and it never answers.
    ::kill(slow, SIGSTOP);
    return gone(slow) ? 0 : slow;
  }

  milliseconds random_ms(int least, int most) {
    return milliseconds(least + static_cast<int>(random_() % (most - least + 1)));
  }
  bool chance(unsigned one_in) { return random_() % one_in == 0; }
  void pause(int least_ms, int most_ms) { std::this_thread::sleep_for(random_ms(least_ms, most_ms)); }

  bool freeze(pid_t pid) {
    ::kill(pid, SIGSTOP);
    return eventually(seconds(5), [&] { return stands_still(pid); });
  }

  std::vector<StormTree::Mark> marks(Mode mode) const { return tree_->marks(mode, !is_protected_); }

  /// Whether every mechanism of the mode has changed what it is to change; else the first that has not.
  std::string missing(Mode mode) const { return missing(mode, tree_->read()); }
  std::string missing(Mode mode, const Snapshot& now) const {
    for (const auto& mark : marks(mode)) {
      const auto found = now.find(mark.file);
      if (found != now.end() && found->second == originals_.at(mark.file)) return mark.mechanism + ": " + mark.file;
    }
    return "";
  }

  /// All of its own mode, and nothing of the other's alone.
  bool in_force(const Snapshot& files) const {
    if (!missing(mode_, files).empty()) return false;
    const auto own = marks(mode_);
    for (const auto& other : marks(mode_ == Mode::kQuota ? Mode::kCpuset : Mode::kQuota)) {
      const bool is_own =
          std::any_of(own.begin(), own.end(), [&](const auto& mark) { return mark.file == other.file; });
      const auto found = files.find(other.file);
      if (!is_own && found != files.end() && found->second != originals_.at(other.file)) return false;
    }
    return true;
  }

  bool is_tightened(const Snapshot& files) const {
    return files.at(tree_->relief_file()) != originals_.at(tree_->relief_file());
  }
  /// Relief's limit may change while a file is compared with what it was a moment ago.
  Snapshot without_relief(Snapshot files) const {
    files.erase(tree_->relief_file());
    return files;
  }
  bool is_scaled(const Snapshot& files) const {
    return quota_milli(files, StormTree::kLs) > quota_milli(originals_, StormTree::kLs);
  }
  /// An eviction has begun and has not ended, by what is kept of it for the next worker.
  bool evicts() const {
    return bytes_of(cluster_->node_dir("n1") + "/evictions").find(StormTree::kPreyUid) != std::string::npos;
  }

  bool differs(const Snapshot& files) {
    for (const auto& mark : marks(mode_)) {
      const auto found = files.find(mark.file);
      if (found != files.end() && found->second != originals_.at(mark.file)) seen_.insert(mark.mechanism);
    }
    if (is_scaled(files)) seen_.insert(kScaling);
    if (is_tightened(files)) seen_.insert(kRelief);
    if (evicts()) seen_.insert(kEviction);
    EXPECT_EQ(unsafe_as_the_last(files), "") << why();
    return !difference(originals_, files).empty();
  }

  void expect_safe_state(const Snapshot& before, steady_clock::time_point since, milliseconds usual = kLease + kSlack) {
    const auto safe =
        is_protected_ ? std::nullopt : std::optional<long>(std::thread::hardware_concurrency() * kSafePercent * 10);
    std::string wrong;
    const bool held = eventually(usual, [&] {
      wrong = against_safe_state(originals_, before, tree_->read(), safe);
      return wrong.empty();
    });
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - since);
    slowest_[blow_] = std::max(slowest_[blow_], took);
    EXPECT_TRUE(held) << "not the safe state after " << took.count() << " ms:\n" << wrong << why();
  }

  void expect_originals(const std::string& when) {
    std::string left;
    EXPECT_TRUE(eventually(seconds(10),
                           [&] {
                             left = difference(originals_, tree_->read());
                             return left.empty();
                           }))
        << when << ":\n"
        << left << why();
  }

  void expect_same_worker(pid_t before) {
    std::this_thread::sleep_for(patience(milliseconds(700)));
    EXPECT_FALSE(gone(before)) << "one that only paused was taken for dead; " << why();
  }

  /// Supervisor and worker are dead: all originals come back at the next start, or by release.
  void put_back() {
    if (chance(2)) {
      const auto released = run({program("tideline-node"), "release", "--state-dir", cluster_->node_dir("n1")});
      EXPECT_EQ(released.exit, 0) << released.output;
      EXPECT_EQ(difference(originals_, tree_->read()), "") << released.output << why();
      return;
    }
    // Without a policy it writes nothing more, so that what the start put back can be seen.
    forget_policy();
    start();
    expect_originals("the next start");
    stop();
  }

  void end_agent() {
    if (!runs()) return put_back();
    if (chance(2)) return stop();
    const pid_t last = worker();
    node_->signal(SIGKILL);
    if (last != 0) ::kill(last, SIGKILL);
    node_->wait(seconds(10));
    EXPECT_TRUE(last == 0 || eventually(seconds(10), [&] { return gone(last); }));
    put_back();
  }

  /// Quota scaling, eviction and relief's limit take their time: now and then a round waits for one of them.
  void wait_for_the_slow_ones() {
    if (round_ % 4 == 2) eventually(seconds(20), [&] { return is_scaled(tree_->read()); });
    if (round_ % 4 == 3) eventually(seconds(20), [&] { return is_tightened(tree_->read()); });
    if (round_ % kRoundsPerEviction != kRoundsPerEviction - 9) return;
    tree_->spin_prey();
    eventually(seconds(80), [&] { return evicts(); });
  }

  /// Strikes and judges. Whether a file differed from its original at that moment; nullopt: there was no worker to hit.
  std::optional<bool> strike(pid_t hit);
  bool round(Blow blow);

  std::string why() const {
    return "seed " + std::to_string(seed_) + ", round " + std::to_string(round_) + ", " + std::string(name_of(blow_)) +
           (is_protected_ ? "" : ", unprotected") + "\n" + (node_ ? node_->output() : "");
  }
  static const char* name_of(Blow blow) {
    return std::find_if(kBlows.begin(), kBlows.end(), [&](const auto& each) { return each.first == blow; })->second;
  }

  unsigned seed_ = 0;
  std::mt19937 random_;
  std::unique_ptr<StormTree> tree_;
  Snapshot originals_;
  std::unique_ptr<Cluster> cluster_;
  Cluster::Node spec_;
  std::unique_ptr<Process> node_;
  std::vector<std::unique_ptr<Pulse>> pulses_;
  std::map<Mode, std::string> policies_;
  Mode mode_ = Mode::kQuota;
  bool is_protected_ = true;
  int round_ = 0;
  Blow blow_ = Blow::kKillWorker;
  std::set<std::string> seen_;
  static constexpr const char* kScaling = "quota scaling";
  static constexpr const char* kEviction = "eviction";
  static constexpr const char* kRelief = "relief's limit";
  int caught_at_work_ = 0;
  std::map<Blow, milliseconds> slowest_;
};

std::optional<bool> Storm::strike(pid_t hit) {
  const pid_t slow = hangs_a_slow_write(blow_) ? hang_slow_writer(hit) : 0;
  if (hangs_a_slow_write(blow_) && slow == 0) return std::nullopt;
  if (!freeze(hit)) return std::nullopt;
  const auto before = tree_->read();
  if (worker() != hit) return std::nullopt;  // it ended while it was being stopped
  const bool counts = differs(before);
  // The next worker writes nothing, so that the safe state can be looked at.
  forget_policy();
  const auto since = steady_clock::now();
  switch (blow_) {
    case Blow::kKillWorker:
      ::kill(hit, SIGKILL);
      expect_safe_state(before, since);
      break;
    case Blow::kHangWorker:
      // A supervisor that stood still itself meanwhile gives it another lease (LeaseWatch).
      expect_safe_state(before, since, 2 * (kLease + kSlack));
      // One that had not begun yet, and written nothing, has the patience for a start.
      EXPECT_TRUE(eventually(kStartPatience + kLease + kSlack, [&] { return gone(hit); })) << why();
      ::kill(hit, SIGCONT);
      break;
    case Blow::kKillSupervisor:
      node_->signal(SIGKILL);
      ::kill(hit, SIGCONT);
      node_->wait(seconds(10));
      // It ends the round it was in, and may do one more, which may be one that takes over from another policy.
      expect_safe_state(in_force(before) ? before : without_what_a_round_adds(before), since);
      EXPECT_TRUE(eventually(seconds(12), [&] { return gone(hit); })) << why();
      break;
    case Blow::kKillBoth:
      // Half of the time the worker learns of it and is killed while it restores.
      if (chance(2)) {
        node_->signal(SIGKILL);
        ::kill(hit, SIGCONT);
        pause(0, 40);
      } else {
        node_->signal(SIGKILL);
      }
      ::kill(hit, SIGKILL);
      node_->wait(seconds(10));
      EXPECT_TRUE(eventually(seconds(10), [&] { return gone(hit); })) << why();
      break;
    case Blow::kPauseWorker:
      pause(50, 900);
      ::kill(hit, SIGCONT);
      expect_same_worker(hit);
      break;
    case Blow::kPauseSupervisor:
      ::kill(hit, SIGCONT);
      node_->signal(SIGSTOP);
      pause(100, 2500);
      node_->signal(SIGCONT);
      expect_same_worker(hit);
      break;
    case Blow::kPauseBoth:
      node_->signal(SIGSTOP);
      pause(100, 3500);
      if (chance(2)) {
        ::kill(hit, SIGCONT);
        node_->signal(SIGCONT);
      } else {
        node_->signal(SIGCONT);
        ::kill(hit, SIGCONT);
      }
      expect_same_worker(hit);
      break;
    case Blow::kKillWorkerUnseen:
      freeze(node_->pid());
      ::kill(hit, SIGKILL);
      pause(100, 2500);
      EXPECT_EQ(difference(without_relief(before), tree_->read()), "") << "nobody was there to write; " << why();
      node_->signal(SIGCONT);
      expect_safe_state(before, steady_clock::now());
      break;
    case Blow::kHangSlowWriter:
      ::kill(hit, SIGCONT);
      // It is ended at the deadline of what it is asked for next, and its worker works on. There is always something to
      // reclaim where there are files.
      EXPECT_TRUE(eventually(seconds(20), [&] { return gone(slow); }) || !cluster_->dir().is_on_disk()) << why();
      ::kill(slow, SIGCONT);
      expect_same_worker(hit);
      break;
    case Blow::kKillWorkerInSlowWrite:
      ::kill(hit, SIGKILL);
      expect_safe_state(before, since);
      EXPECT_TRUE(eventually(seconds(2), [&] { return gone(slow); })) << why();
      break;
    case Blow::kKillBothInSlowWrite:
      node_->signal(SIGKILL);
      ::kill(hit, SIGKILL);
      node_->wait(seconds(10));
      EXPECT_TRUE(eventually(seconds(10), [&] { return gone(hit) && gone(slow); })) << why();
      break;
  }
  return counts;
}

bool Storm::round(Blow blow) {
  blow_ = blow;
  // In turn and not by chance: each mode is to be had with and without protection in any run of a few rounds.
  is_protected_ = round_ % 4 != 1;
  for (const auto& [file, text] : tree_->protect(is_protected_))
    originals_[file] = text;
  tree_->run_outside(!is_protected_);
  tree_->end_prey();
  fs::remove(cluster_->node_dir("n1") + "/evictions");
  spec_.pods_json = tree_->pods_json(!is_protected_);
  mode_ = (round_ + round_ / 4) % 2 == 0 ? Mode::kQuota : Mode::kCpuset;
  keep_policy(policies_[mode_]);
  tree_->want_memory(cluster_->dir().str(), cluster_->dir().is_on_disk());
  start();
  if (!eventually(seconds(60), [&] { return missing(mode_).empty(); })) {
    ADD_FAILURE() << "never in force: " << missing(mode_) << "; " << why();
    return false;
  }
  wait_for_the_slow_ones();
  // Now and then it strikes a worker that starts with another one's leavings and another policy.
  const bool settled = !is_protected_ && round_ < kSettledRounds;
  if (!settled && chance(3)) {
    mode_ = mode_ == Mode::kQuota ? Mode::kCpuset : Mode::kQuota;
    keep_policy(policies_[mode_]);
    const pid_t first = worker();
    if (first != 0) ::kill(first, SIGKILL);
    if (!eventually(seconds(20), [&] { return worker() != 0 && worker() != first; })) {
      ADD_FAILURE() << "no worker after the first; " << why();
      return false;
    }
    pause(0, 2500);
  } else {
    pause(0, 1200);
  }
  const pid_t hit = worker();
  const auto counts = hit == 0 ? std::nullopt : strike(hit);
  end_agent();
  return counts.value_or(false);
}

TEST_F(Storm, AfterAnyDeathTheFilesAreInTheSafeStateOrHoldTheirOriginals) {
  const int wanted = rounds(static_cast<int>(kBlows.size()));
  std::vector<Blow> deck;
  std::map<Blow, int> counted;
  int repeated = 0;
  const auto begun = steady_clock::now();
  while (round_ < wanted && repeated <= wanted && !HasFailure()) {
    if (deck.empty()) {
      for (const auto& [blow, name] : kBlows)
        deck.push_back(blow);
      std::shuffle(deck.begin(), deck.end(), random_);
    }
    if (!round(deck.back())) {
      ++repeated;
      continue;
    }
    ++counted[deck.back()];
    deck.pop_back();
    ++round_;
  }
  const auto took = std::chrono::duration_cast<seconds>(steady_clock::now() - begun).count();
  std::cout << round_ << " of " << wanted << " rounds in " << took << " s, " << repeated
            << " repeated because no file differed or no worker was there; seed " << seed_ << "\n";
  for (const auto& [blow, count] : counted)
    std::cout << "  " << name_of(blow) << ": " << count << ", slowest safe state " << slowest_[blow].count() << " ms\n";
  std::cout << "  differed:";
  for (const auto& mechanism : seen_)
    std::cout << " " << mechanism << ";";
  std::cout << "\n  slow writer caught at work: " << caught_at_work_ << " times" << std::endl;
  EXPECT_EQ(round_, wanted);
  std::set<std::string> required{kScaling, kEviction, kRelief};
  for (const auto mode : {Mode::kQuota, Mode::kCpuset}) {
    for (const auto& mark : tree_->marks(mode, true))
      required.insert(mark.mechanism);
  }
  for (const auto& mechanism : required)
    EXPECT_TRUE(wanted < kRoundsPerEviction || seen_.contains(mechanism)) << mechanism << " was never struck";

  // Once more with everything in force, and then the operator's word.
  keep_policy(policies_[mode_]);
  start();
  EXPECT_TRUE(eventually(seconds(60), [&] { return missing(mode_).empty(); })) << missing(mode_) << why();
  const pid_t last = worker();
  ASSERT_NE(last, 0) << why();
  freeze(last);
  node_->signal(SIGKILL);
  ::kill(last, SIGKILL);
  node_->wait(seconds(10));
  EXPECT_TRUE(eventually(seconds(10), [&] { return gone(last); }));
  EXPECT_NE(difference(originals_, tree_->read()), "");
  const auto released = run({program("tideline-node"), "release", "--state-dir", cluster_->node_dir("n1")});
  EXPECT_EQ(released.exit, 0) << released.output;
  EXPECT_EQ(difference(originals_, tree_->read()), "") << released.output;
}

}  // namespace
}  // namespace tideline::test
