#include "coordinator/web/remote_write_text.h"

#include <gmock/gmock.h>

namespace tideline::web {
namespace {

using testing::HasSubstr;

TEST(RemoteWriteText, HasEachCountUnderItsLabel) {
  const auto text = remote_write_text({.samples = {{"sent", 7}, {"late", 1}},
                                       .answers = {{"taken", 3}, {"none", 2}},
                                       .queued_bytes = 4096,
                                       .queued_samples = 50,
                                       .newest = {1'900'000'000'500}});
  for (const auto* line : {"# TYPE tideline_remote_write_samples_total counter\n",
                           "\ntideline_remote_write_samples_total{outcome=\"sent\"} 7\n",
                           "\ntideline_remote_write_samples_total{outcome=\"late\"} 1\n",
                           "\ntideline_remote_write_requests_total{answer=\"taken\"} 3\n",
                           "\ntideline_remote_write_requests_total{answer=\"none\"} 2\n",
                           "\ntideline_remote_write_queue_bytes 4096\n", "\ntideline_remote_write_queue_samples 50\n",
                           "\ntideline_remote_write_newest_timestamp_seconds 1900000000.5\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace tideline::web
