#include "messages/clock/term.h"

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::clock {
namespace {

using std::chrono::hours;

TEST(Term, DoesNotHoldBeforeItHasBegun) {
  const Term term;
  EXPECT_FALSE(term.holds());
}

TEST(Term, HoldsUntilItsInstantAndNoLonger) {
  Term term;
  term.extend(boot_now() + hours(1));
  EXPECT_TRUE(term.holds());
  Term over;
  over.extend(boot_now());
  EXPECT_FALSE(over.holds()) << "its own instant is over already";
}

TEST(Term, IsNeverShortenedByALateExtension) {
  Term term;
  term.extend(boot_now() + hours(1));
  term.extend(model::BootTime{1});
  EXPECT_TRUE(term.holds());
}

TEST(Term, StaysOverOnceItWasEnded) {
  Term term;
  term.extend(boot_now() + hours(1));
  term.end();
  EXPECT_FALSE(term.holds());
  term.extend(boot_now() + hours(2));
  EXPECT_FALSE(term.holds());
}

TEST(Term, WhereThereIsNoneItHoldsForEver) {
  EXPECT_TRUE(holds(nullptr));
  EXPECT_FALSE(holds(std::make_shared<const Term>()));
}

TEST(Term, OfManyExtensionsTheLongestCounts) {
  Term term;
  const auto now = boot_now();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&term, now, thread] {
      for (int i = 0; i < 1000; ++i)
        term.extend(now + std::chrono::milliseconds(i * 4 + thread - 1000));
    });
  }
  for (auto& thread : threads)
    thread.join();
  term.extend(now + hours(1));
  EXPECT_TRUE(term.holds());
}

TEST(BootClock, GoesOnAndIsNotBehindTheOneThatStopsInSuspend) {
  const auto before = boot_now();
  const auto mono = mono_now();
  const auto after = boot_now();
  EXPECT_LE(before, after);
  EXPECT_GE(after.ns, mono.ns);
}

}  // namespace
}  // namespace tideline::clock
