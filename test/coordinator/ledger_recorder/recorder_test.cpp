#include "coordinator/ledger_recorder/recorder.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "coordinator/ledger/input.h"
#include "coordinator/ledger/replay.h"
#include "coordinator/ledger/steps.h"
#include "coordinator/ledger_recorder/pieces.h"
#include "coordinator/reclaim/reclaim.h"
#include "messages/clock/clock.h"
#include "messages/codec/report_bytes.h"
#include "test/support/file_size_limit.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::ledger_recorder {
namespace {

using model::NodeName;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kNodes = 3;

/// Tells a recorder what a coordinator of three nodes would.
class ToldFleet {
 public:
  explicit ToldFleet(std::uint64_t life, std::size_t pods = 20)
      : life_(life), pods_(pods), fleet_(options()), rollout_(model::Epoch(life)) {}

  void begin(ledger::Witness& witness) {
    witness.began(life_, fleet_.options(), at_);
    auto parsed = policy::parse({{"colocation-config", R"({"enable": true})"}});
    ASSERT_TRUE(parsed);
    const auto loaded = std::make_shared<const policy::ClusterPolicy>(*std::move(parsed));
    rollout_.set(loaded, model::PolicyVersion(1));
    witness.policy_loaded(loaded, model::PolicyVersion(1), at_);
    told_ += 1 + kNodes;
    for (int node = 0; node < kNodes; ++node) {
      ASSERT_TRUE(fleet_.connected(name_of(node), at_, model::Incarnation(1)));
      ledger::session_opened(fleet_, rollout_, name_of(node));
      witness.opened(name_of(node), model::Incarnation(1), at_);
    }
  }

  /// A report of each node, and its account.
  void round(ledger::Witness& witness) {
    at_.mono = at_.mono + seconds(5);
    at_.wall.ms += 5'000;
    ++seq_;
    told_ += 2 * kNodes;
    for (int node = 0; node < kNodes; ++node) {
      const auto report = std::make_shared<const model::Report>(report_of(node));
      if (node == 0) first_report_ = report;
      const auto intake = fleet_.intake(*report, at_);
      ASSERT_TRUE(intake);
      ASSERT_EQ(intake->outcome, fleet::IntakeOutcome::kLive);
      (void)ledger::report_taken(rollout_, *report);
      witness.reported(report, at_);
      const auto wanted = rollout_.wanted(name_of(node)).value_or(model::NodePolicy{});
      const profile::Reclaimable predicted{model::MilliCpu(static_cast<std::int64_t>(seq_)), std::nullopt};
      const auto input = ledger::input_of(name_of(node), fleet_.usage(name_of(node)), wanted, predicted);
      witness.accounted(reclaim::reclaim(input, wanted.colocation, at_.mono), predicted, at_);
    }
  }

  void set_pods(std::size_t pods) { pods_ = pods; }
  std::uint64_t told() const { return told_; }
  /// Of the last round; expired where nobody holds it any more.
  std::weak_ptr<const model::Report> first_report() const { return first_report_; }

  static NodeName name_of(int node) { return NodeName(fmt::format("n{}", node)); }

 private:
  static fleet::FleetOptions options() {
    fleet::FleetOptions made;
    made.aggregate = seconds(50);
    return made;
  }
  model::Report report_of(int node) const {
    model::Report made;
    made.node = name_of(node);
    made.incarnation = model::Incarnation(1);
    made.seq = model::Seq(seq_);
    made.mono = at_.mono;
    made.wall = at_.wall;
    made.window = seconds(5);
    made.status.cpu_capacity = made.status.cpu_allocatable = model::MilliCpu(64'000);
    made.status.memory_capacity = made.status.memory_allocatable = model::Bytes(std::int64_t{256} << 30);
    model::NodeSample sample;
    sample.window = seconds(5);
    sample.node_cpu = model::MilliCpu(static_cast<std::int64_t>(10'000 + seq_ * 37 % 5'000));
    sample.system_cpu = model::MilliCpu(900);
    sample.node_memory = model::Bytes(std::int64_t{40} << 30);
    made.samples = {sample};
    for (std::size_t i = 0; i < pods_; ++i) {
      model::Pod pod;
      pod.uid = model::PodUid(fmt::format("uid-{}-{}", node, i));
      pod.name_space = "shop";
      pod.name = fmt::format("web-{}", i);
      auto& summary = made.pods.emplace_back();
      summary.pod = std::move(pod);
      const auto milli = static_cast<std::int64_t>((seq_ * 13 + i * 7) % 400);
      summary.cpu_milli = model::Spread{milli, milli, milli};
    }
    return made;
  }

  model::Epoch life_;
  std::size_t pods_;
  fleet::FleetView fleet_;
  policy::Rollout rollout_;
  fleet::Arrival at_{{3'000'000'000'000}, {1'790'000'000'000}};
  std::uint64_t seq_ = 0;
  std::uint64_t told_ = 0;
  std::weak_ptr<const model::Report> first_report_;
};

/// Until all that was told has become of something.
void drain(const LedgerRecorder& recorder, const ToldFleet& fleet) {
  for (;;) {
    const auto counts = recorder.counts();
    if (counts.written + counts.lost == fleet.told()) return;
    std::this_thread::yield();
  }
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> paths;
  const auto pieces = pieces_in(directory);
  EXPECT_TRUE(pieces);
  for (const Piece& piece : *pieces)
    paths.push_back(piece.path);
  return paths;
}

/// Of these files, in their order.
ledger::Verdict verdict_of(const test::TempDir& dir, const std::vector<std::string>& files) {
  ledger::Replay replay(
      [](std::string_view bytes) { return codec::report_from_bytes(std::as_bytes(std::span(bytes))); });
  for (const std::string& path : files) {
    const std::string bytes = dir.read(std::filesystem::path(path).filename().string());
    auto reader = ledger::RecordReader::open(bytes);
    EXPECT_TRUE(reader) << path;
    while (reader) {
      auto record = reader->next();
      EXPECT_TRUE(record) << path;
      if (!record || !*record) break;
      const auto taken = replay.take(**record);
      EXPECT_TRUE(taken) << taken.error().message();
    }
    replay.file_ended(reader && !reader->torn());
  }
  return replay.verdict();
}

std::shared_ptr<LedgerRecorder> recorder_in(const test::TempDir& dir, RecorderConfig config = {}) {
  config.directory = dir.str();
  auto started = LedgerRecorder::start(std::move(config));
  EXPECT_TRUE(started) << started.error().message();
  return started.value_or(nullptr);
}

TEST(PieceNames, StandInTheOrderOfLivesAndPieces) {
  EXPECT_EQ(piece_name(model::Epoch(1'790'000'000), 3), "ledger-001790000000-000003.rec");
  EXPECT_LT(piece_name(model::Epoch(1'790'000'000), 99), piece_name(model::Epoch(1'790'000'000), 100));
  EXPECT_LT(piece_name(model::Epoch(1'790'000'000), 100), piece_name(model::Epoch(1'790'000'001), 1));
  EXPECT_TRUE(is_piece_name(piece_name(model::Epoch(UINT64_MAX), UINT64_MAX)));
  for (const char* other : {"ledger-.rec", "ledger-001790000000.rec", "ledger-001790000000-00000x.rec", "notes.rec",
                            "ledger-001790000000-000003.rec.gz", "ledger-1-000003.rec", ""})
    EXPECT_FALSE(is_piece_name(other)) << other;
}

TEST(Pieces, OldestGoForRoomAndNothingElse) {
  const test::TempDir dir;
  for (const std::uint64_t piece : {2U, 1U, 3U})
    dir.write(piece_name(model::Epoch(5), piece), std::string(100, 'x'));
  dir.write("ledger-notes.rec", std::string(1'000, 'x'));
  ASSERT_TRUE(make_room(dir.str(), 50, 260));
  EXPECT_THAT(files_in(dir.str()), ElementsAre(HasSubstr("-000002.rec"), HasSubstr("-000003.rec")));
  ASSERT_TRUE(make_room(dir.str(), 50, 0));
  EXPECT_THAT(files_in(dir.str()), IsEmpty());
  EXPECT_EQ(dir.read("ledger-notes.rec").size(), 1'000U);
}

TEST(LedgerRecorder, WritesWhatItIsToldSoThatItReplaysExactly) {
  const test::TempDir dir;
  ToldFleet fleet(1'790'000'000);
  const auto recorder = recorder_in(dir);
  fleet.begin(*recorder);
  for (int i = 0; i < 40; ++i)
    fleet.round(*recorder);
  recorder->stop();
  const auto counts = recorder->counts();
  EXPECT_EQ(counts.written, fleet.told());
  EXPECT_EQ(counts.lost, 0U);
  EXPECT_EQ(counts.files, 1U);
  const auto files = files_in(dir.str());
  ASSERT_THAT(files, SizeIs(1));
  EXPECT_EQ(std::filesystem::file_size(files[0]), counts.bytes);
  const auto verdict = verdict_of(dir, files);
  EXPECT_EQ(verdict.accounts, 40U * kNodes);
  EXPECT_EQ(verdict.held, verdict.accounts);
  EXPECT_EQ(verdict.different, 0U);
}

TEST(LedgerRecorder, TurnsToNewFilesWithinItsBoundAndEachOfThemIsOfUse) {
  const test::TempDir dir;
  dir.write(piece_name(model::Epoch(7), 1), "of an earlier life");
  ToldFleet fleet(1'790'000'000, 300);
  const auto recorder = recorder_in(dir, {.directory = "", .max_bytes = kLeastRecordingBytes});
  fleet.begin(*recorder);
  while (recorder->counts().bytes < 2 * kLeastRecordingBytes && !HasFatalFailure()) {
    for (int i = 0; i < 20; ++i)
      fleet.round(*recorder);
    drain(*recorder, fleet);
  }
  recorder->stop();
  EXPECT_EQ(recorder->counts().lost, 0U);
  EXPECT_GT(recorder->counts().files, 8U);
  const auto files = files_in(dir.str());
  ASSERT_GT(files.size(), 3U);
  std::uint64_t all = 0;
  for (const auto& path : files)
    all += std::filesystem::file_size(path);
  EXPECT_LE(all, kLeastRecordingBytes + (std::uint64_t{1} << 20));
  EXPECT_THAT(files[0], testing::Not(HasSubstr("000000000007"))) << "the oldest went first";

  const auto verdict = verdict_of(dir, files);
  EXPECT_EQ(verdict.stretches, 1U) << "each goes on from the one before";
  EXPECT_EQ(verdict.different, 0U);
  EXPECT_GT(verdict.held, verdict.unsettled);
  const auto last = verdict_of(dir, {files.back()});
  EXPECT_EQ(last.different, 0U);
  EXPECT_EQ(last.policies, 1U) << "what is in force is said again";
  EXPECT_EQ(last.sessions, std::uint64_t{kNodes});
}

TEST(LedgerRecorder, WhatItLosesIsCountedAndWhatFollowsBeginsAnew) {
  const test::TempDir dir;
  ToldFleet fleet(1'790'000'000);
  // Not even an empty queue has room for a report of so many pods.
  constexpr std::size_t kTooMany = 1'100;
  const auto recorder = recorder_in(dir, {.directory = "", .queue_bytes = 1 << 20});
  fleet.begin(*recorder);
  for (const std::size_t pods : {std::size_t{20}, kTooMany, std::size_t{20}}) {
    fleet.set_pods(pods);
    for (int i = 0; i < (pods == kTooMany ? 1 : 30); ++i) {
      fleet.round(*recorder);
      drain(*recorder, fleet);
    }
  }
  recorder->stop();
  const auto counts = recorder->counts();
  EXPECT_GE(counts.lost, std::uint64_t{kNodes});
  EXPECT_EQ(counts.lost + counts.written, fleet.told()) << "each is one or the other";
  const auto verdict = verdict_of(dir, files_in(dir.str()));
  EXPECT_EQ(verdict.lost, counts.lost);
  EXPECT_GT(verdict.stretches, 1U);
  EXPECT_EQ(verdict.lives, 1U);
  EXPECT_GT(verdict.unsettled, 0U) << "nothing is held that rests on what was lost";
  EXPECT_GT(verdict.held, 30U * kNodes) << "and what follows is, after a while";
  EXPECT_EQ(verdict.different, 0U);
}

TEST(LedgerRecorder, ADirectoryThatIsNotThereIsNamed) {
  const test::TempDir dir;
  for (const std::string& place : {dir.write("file", ""), dir.str() + "/nothing"}) {
    RecorderConfig config;
    config.directory = place;
    const auto started = LedgerRecorder::start(config);
    ASSERT_FALSE(started) << place;
    EXPECT_EQ(started.error().code(), model::ErrorCode::kUnavailable);
    EXPECT_THAT(started.error().message(), HasSubstr(place));
  }
}

TEST(LedgerRecorder, AFullDiskLeavesNoFilesBehindAndAllThatWasLostIsSaid) {
  const test::TempDir dir;
  ToldFleet fleet(1'790'000'000);
  const auto recorder = recorder_in(dir, {.directory = "", .retry = model::Duration(1)});
  {
    const test::FileSizeLimit full(100);
    fleet.begin(*recorder);
    for (int i = 0; i < 20; ++i) {
      fleet.round(*recorder);
      drain(*recorder, fleet);
    }
    EXPECT_THAT(files_in(dir.str()), IsEmpty()) << "each attempt would leave one";
    EXPECT_TRUE(recorder->counts().failing);
  }
  const std::uint64_t lost = fleet.told();
  EXPECT_EQ(recorder->counts().lost, lost);
  EXPECT_EQ(recorder->counts().files, 0U);
  for (int i = 0; i < 60; ++i) {
    fleet.round(*recorder);
    drain(*recorder, fleet);
  }
  recorder->stop();
  EXPECT_FALSE(recorder->counts().failing);
  EXPECT_EQ(recorder->counts().lost, lost);
  const auto files = files_in(dir.str());
  ASSERT_THAT(files, SizeIs(1));
  const auto verdict = verdict_of(dir, files);
  EXPECT_EQ(verdict.lost, lost) << "of all attempts";
  EXPECT_EQ(verdict.sessions, std::uint64_t{kNodes}) << "which are still open";
  EXPECT_GT(verdict.held, 30U * kNodes);
  EXPECT_EQ(verdict.different, 0U);
}

/// In the place of a file that this process has open: a pipe that takes no more than a page until somebody reads.
class HungFile {
 public:
  explicit HungFile(const std::string& path) {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    EXPECT_EQ(::fcntl(ends_[1], F_SETPIPE_SZ, kBytes), kBytes);
    EXPECT_EQ(::fcntl(ends_[0], F_SETFL, O_NONBLOCK), 0);
    int replaced = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(each.path(), gone) != path || gone) continue;
      EXPECT_GE(::dup2(ends_[1], std::stoi(each.path().filename().string())), 0);
      ++replaced;
    }
    EXPECT_EQ(replaced, 1) << path;
  }
  ~HungFile() {
    for (const int end : ends_)
      ::close(end);
  }
  HungFile(const HungFile&) = delete;
  HungFile& operator=(const HungFile&) = delete;

  /// Who writes more than it takes is held up then.
  bool is_written_to() const {
    int waiting = 0;
    EXPECT_EQ(::ioctl(ends_[0], FIONREAD, &waiting), 0);
    return waiting > 0;
  }
  /// Takes what was written meanwhile.
  void answer() {
    char some[kBytes];
    while (::read(ends_[0], some, sizeof some) > 0) {
    }
  }

 private:
  static constexpr int kBytes = 4'096;
  int ends_[2] = {-1, -1};
};

TEST(LedgerRecorder, TheEndDoesNotWaitForADiskThatHangs) {
  const test::TempDir dir;
  ToldFleet fleet(1'790'000'000);
  auto recorder = recorder_in(dir, {.directory = "", .stop_within = std::chrono::milliseconds(100)});
  fleet.begin(*recorder);
  fleet.round(*recorder);
  drain(*recorder, fleet);
  const std::uint64_t written = fleet.told();
  const auto files = files_in(dir.str());
  ASSERT_THAT(files, SizeIs(1));
  HungFile hung(std::filesystem::canonical(files[0]).string());
  fleet.set_pods(50);
  fleet.round(*recorder);
  while (!hung.is_written_to())
    std::this_thread::yield();
  const auto of_thread = fleet.first_report();

  const auto begin = clock::mono_now();
  recorder->stop();
  EXPECT_LT(clock::mono_now() - begin, model::Duration(test::patience(seconds(10))));
  EXPECT_EQ(recorder->counts().written, written);
  EXPECT_EQ(recorder->counts().lost, fleet.told() - written) << "what it had, and what waited";
  fleet.round(*recorder);
  recorder->stop();
  recorder.reset();
  EXPECT_FALSE(of_thread.expired());
  // Its end follows when the disk answers.
  EXPECT_TRUE(test::eventually(seconds(20), [&] {
    hung.answer();
    return of_thread.expired();
  }));
}

TEST(LedgerRecorder, WithoutItsDirectoryItGoesOnLosing) {
  const test::TempDir dir;
  ToldFleet fleet(1'790'000'000);
  RecorderConfig config;
  config.directory = dir.str() + "/gone";
  config.retry = model::Duration(1);
  std::filesystem::create_directory(config.directory);
  auto started = LedgerRecorder::start(config);
  ASSERT_TRUE(started);
  std::filesystem::remove(config.directory);
  fleet.begin(**started);
  fleet.round(**started);
  (*started)->stop();
  EXPECT_EQ((*started)->counts().written, 0U);
  EXPECT_EQ((*started)->counts().lost, fleet.told());
  EXPECT_TRUE((*started)->counts().failing);
}

}  // namespace
}  // namespace tideline::ledger_recorder
