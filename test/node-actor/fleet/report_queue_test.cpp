#include "node-actor/fleet/report_queue.h"

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "test/sim/campaign.h"
#include "test/support/memory_reports.h"
#include "test/support/temp_dir.h"

namespace tideline::rehearsal::report_queue_test {
namespace {

using model::Lane;
using model::Seq;
using std::chrono::seconds;

constexpr std::size_t kMostReports = 6;

/// A queue in a spool and its twin in memory, to which the same happens.
class Twins {
 public:
  Twins() {
    disk_->draw = [this] { return ++drawn_; };
    disk_->max_reports = kMostReports;
    open("boot-0");
  }
  ~Twins() {
    real_.reset();
    twin_.reset();
  }
  Twins(const Twins&) = delete;
  Twins& operator=(const Twins&) = delete;

  void store(model::MonoTime now) {
    model::Report report;
    report.node = model::NodeName("n");
    report.mono = now;
    report.wall = {1'790'000'000'000 + now.ns / 1'000'000};
    report.window = seconds(10);
    report.status.boot_id = boot_id_;
    model::Report twins = report;
    ASSERT_TRUE(real_->store(report));
    ASSERT_TRUE(twin_->store(twins));
    ASSERT_EQ(report.seq, twins.seq);
    ASSERT_EQ(report.gap_reports, twins.gap_reports);
    newest = report.seq;
  }
  void ack(Seq seq) {
    real_->ack(seq);
    twin_->ack(seq);
  }
  void ack_through(Seq seq) {
    real_->ack_through(seq);
    twin_->ack_through(seq);
  }
  void drop(Seq seq) {
    real_->drop(seq);
    twin_->drop(seq);
  }
  void close_and_open(bool killed, const std::string& boot_id) {
    if (killed) real_->abandon();
    if (killed) twin_->abandon();
    real_.reset();
    twin_.reset();
    open(boot_id);
  }

  void compare(model::MonoTime now) {
    ASSERT_EQ(real_->pending(), twin_->pending());
    ASSERT_EQ(real_->dropped(), twin_->dropped());
    std::optional<model::Error> error;
    const auto real = real_->next(now, error);
    const auto twin = twin_->next(now, error);
    ASSERT_FALSE(error) << error->message();
    ASSERT_EQ(real.has_value(), twin.has_value());
    if (!real) return;
    ASSERT_EQ(real->seq, twin->seq);
    ASSERT_EQ(real->lane, twin->lane);
    ASSERT_EQ(real->gap_reports, twin->gap_reports);
    ASSERT_EQ(real->mono, twin->mono);
    ASSERT_EQ(real->incarnation, real_->incarnation());
    ASSERT_EQ(twin->incarnation, twin_->incarnation());
    next = real->seq;
    backfilled += real->lane == Lane::kBackfill ? 1 : 0;
    gaps += real->gap_reports > 0 ? 1 : 0;
  }

  Seq newest;
  Seq next;
  int backfilled = 0;
  int gaps = 0;
  int incarnations = 0;

 private:
  void open(const std::string& boot_id) {
    const auto before = incarnation_;
    const auto twin_before = twin_incarnation_;
    boot_id_ = boot_id;
    auto opened = SpooledReports::open(dir_.str() + "/spool", boot_id,
                                       {.max_bytes = 8U << 20, .max_reports = kMostReports, .segment_bytes = 1U << 20});
    ASSERT_TRUE(opened) << opened.error().message();
    real_ = *std::move(opened);
    twin_ = std::make_unique<test::MemoryReports>(disk_, boot_id);
    incarnation_ = real_->incarnation();
    twin_incarnation_ = twin_->incarnation();
    ASSERT_EQ(incarnation_ != before, twin_incarnation_ != twin_before) << "one of them began a new incarnation";
    incarnations += incarnation_ != before ? 1 : 0;
  }

  test::TempDir dir_;
  std::shared_ptr<test::MemoryDisk> disk_ = std::make_shared<test::MemoryDisk>();
  std::uint64_t drawn_ = 0;
  std::string boot_id_;
  std::unique_ptr<ReportQueue> real_;
  std::unique_ptr<ReportQueue> twin_;
  model::Incarnation incarnation_;
  model::Incarnation twin_incarnation_;
};

TEST(ReportQueue, InMemoryIsAsOnDiskWhateverIsAckedDroppedKilledOrBootedAnew) {
  int backfilled = 0;
  int gaps = 0;
  int incarnations = 0;
  const bool complete = sim::each_seed(10, [&](std::uint64_t seed) {
    sim::Random random(seed);
    Twins twins;
    model::MonoTime now{1'000'000'000'000};
    int boot = 0;
    for (int step = 0; step < 300 && !testing::Test::HasFatalFailure(); ++step) {
      now = now + seconds(random.between(1, 15));
      const auto dice = random.between(0, 99);
      const Seq any(static_cast<std::uint64_t>(random.between(1, static_cast<std::int64_t>(twins.newest.value()) + 1)));
      if (dice < 45) {
        twins.store(now);
      } else if (dice < 70) {
        twins.ack(twins.next);
      } else if (dice < 80) {
        twins.ack(any);
      } else if (dice < 85) {
        twins.ack_through(any);
      } else if (dice < 90) {
        twins.drop(any);
      } else if (dice < 93) {
        boot += random.percent(50) ? 1 : 0;
        twins.close_and_open(true, "boot-" + std::to_string(boot));
      } else if (dice < 95) {
        boot += random.percent(50) ? 1 : 0;
        twins.close_and_open(false, "boot-" + std::to_string(boot));
      }
      twins.compare(now);
    }
    backfilled += twins.backfilled;
    gaps += twins.gaps;
    incarnations += twins.incarnations;
  });
  if (!complete) return;
  EXPECT_GT(backfilled, 50);
  EXPECT_GT(gaps, 20);
  EXPECT_GT(incarnations, 20);
}

}  // namespace
}  // namespace tideline::rehearsal::report_queue_test
