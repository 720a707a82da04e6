#include "node-actor/guard/quota_room.h"

#include <gtest/gtest.h>

#include "node-actor/guard/restore.h"
#include "node-actor/kernel/fd.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

class QuotaRoom : public testing::Test {
 protected:
  void group(const std::string& name, const std::string& quota_us, const std::string& period_us) {
    host_.write(name + "/cpu.cfs_quota_us", quota_us + "\n");
    host_.write(name + "/cpu.cfs_period_us", period_us + "\n");
  }
  int make_room(const std::string& value) {
    const auto directory = kernel::open_directory(host_.str() + "/besteffort");
    return make_room_below(journal_,
                           {host_.str() + "/besteffort/cpu.cfs_quota_us", directory->device, directory->inode}, value);
  }
  std::string quota(const std::string& name) const { return host_.read(name + "/cpu.cfs_quota_us"); }

  test::TempDir host_;
  test::TempDir state_;
  Journal journal_{std::move(*Journal::open(state_.str(), "boot"))};
};

TEST_F(QuotaRoom, WiderSharesComeDownToTheParentsInTheirOwnPeriod) {
  group("besteffort", "-1", "1000000");
  group("besteffort/poda", "90000", "100000");
  group("besteffort/poda/c1", "60000", "50000");
  group("besteffort/podb", "15000", "100000");
  group("besteffort/podc", "-1", "100000");
  EXPECT_EQ(make_room("200000"), 2);
  EXPECT_EQ(quota("besteffort/poda"), "20000");
  EXPECT_EQ(quota("besteffort/poda/c1"), "10000");
  EXPECT_EQ(quota("besteffort/podb"), "15000\n") << "narrower already";
  EXPECT_EQ(quota("besteffort/podc"), "-1\n") << "none is in nobody's way";
  EXPECT_EQ(quota("besteffort"), "-1\n");

  const auto report = restore(journal_, RestoreMode::kAllOriginals, false);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(quota("besteffort/poda"), "90000");
  EXPECT_EQ(quota("besteffort/poda/c1"), "60000");
}

TEST_F(QuotaRoom, NoQuotaNeedsNoRoom) {
  group("besteffort", "50000", "100000");
  group("besteffort/poda", "90000", "100000");
  EXPECT_EQ(make_room("-1"), 0);
  EXPECT_EQ(quota("besteffort/poda"), "90000\n");
}

}  // namespace
}  // namespace tideline::guard
