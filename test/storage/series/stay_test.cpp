#include "storage/series/stay.h"

#include <gtest/gtest.h>

namespace tideline::series::stay_test {
namespace {

TEST(Stay, NodesLastAndPodsPass) {
  EXPECT_EQ(stay_of(Subject{}), Stay::kLasting);
  EXPECT_EQ(stay_of({.kind = SubjectKind::kPod, .name = "4f1a"}), Stay::kPassing);
  EXPECT_EQ(stay_of({.kind = SubjectKind::kPod, .name = "shop/Deployment/web"}), Stay::kPassing) << "whatever its uid";
}

TEST(Stay, AWorkloadPassesWhereItsKindIsAJobs) {
  const auto of = [](std::string_view name) { return stay_of(SubjectKind::kWorkload, name); };
  for (const auto* passing : {"jobs/Job/etl-28393020", "ml/RayJob/a", "ml/PyTorchJob/a", "/Job/", "jobs/Job/a/b"})
    EXPECT_EQ(of(passing), Stay::kPassing) << passing;
  for (const auto* lasting : {"shop/Deployment/web", "shop/StatefulSet/Job", "jobs/CronJob/etl", "Job/Job", "Job",
                              "jobs/JobSet/a", "jobs/job/a", "shop/DaemonSet/x-Job", "", "/", "//"})
    EXPECT_EQ(of(lasting), Stay::kLasting) << lasting;
}

}  // namespace
}  // namespace tideline::series::stay_test
