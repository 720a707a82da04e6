#include "coordinator/remote_write/retry.h"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

namespace tideline::remote_write {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Verdict, IsByTheStatus) {
  for (const unsigned status : {200U, 202U, 204U, 299U})
    EXPECT_EQ(verdict_of(status), Verdict::kTaken) << status;
  EXPECT_EQ(verdict_of(429), Verdict::kBusy);
  for (const unsigned status : {500U, 502U, 503U, 599U})
    EXPECT_EQ(verdict_of(status), Verdict::kFailed) << status;
  for (const unsigned status : {0U, 100U, 199U, 301U, 308U, 400U, 401U, 404U, 409U, 413U, 422U, 600U, 999U})
    EXPECT_EQ(verdict_of(status), Verdict::kRefused) << status;
}

TEST(Backoff, DoublesUpToItsMostAndBeginsAnew) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    Backoff backoff(milliseconds(500), seconds(30), seed);
    model::Duration whole = milliseconds(500);
    for (int i = 0; i < 100; ++i) {
      const auto wait = backoff.next();
      EXPECT_GE(wait, whole / 2);
      EXPECT_LE(wait, whole);
      whole = std::min<model::Duration>(2 * whole, seconds(30));
    }
    backoff.reset();
    EXPECT_LE(backoff.next(), milliseconds(500));
  }
}

TEST(Backoff, IsNotTheSameForAll) {
  Backoff one(seconds(10), seconds(10), 1);
  Backoff other(seconds(10), seconds(10), 2);
  EXPECT_NE(one.next(), other.next());
}

}  // namespace
}  // namespace tideline::remote_write
