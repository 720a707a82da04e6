#include <gtest/gtest.h>

#include "node-actor/recording/decide_fields.h"

namespace tideline::recording::suppress_state_test {
namespace {

TEST(SuppressState, WhatItRemembersOfWindowsComesBack) {
  decide::SuppressState state;
  for (std::int64_t i = 0; i < 100; ++i) {
    const model::MonoTime at{i * 500'000'000};
    state.rise.recent.add(at, model::MilliCpu(100 - i));
    state.noise.uses.add(at, model::MilliCpu(1000 + i));
    state.noise.excursions.add(at, model::MilliCpu(-i));
  }
  state.noise.left_at = model::MonoTime{7};
  state.noise.deepest = model::MilliCpu(-800);
  state.noise.far_below_since = model::MonoTime{9};
  const Json object = {{"state", Writer::json_of(state)}};
  std::optional<model::Error> problem;
  Reader reader(object, "test", problem);
  decide::SuppressState read;
  reader("state", read);
  EXPECT_FALSE(problem) << problem->message();
  EXPECT_EQ(read.rise.recent.kept(), state.rise.recent.kept());
  EXPECT_EQ(read.noise.uses.kept(), state.noise.uses.kept());
  EXPECT_EQ(read.noise.excursions.kept(), state.noise.excursions.kept());
  EXPECT_EQ(read.noise.excursions.span(), decide::kNoiseMemory);
  EXPECT_EQ(Writer::json_of(read), Writer::json_of(state));
}

}  // namespace
}  // namespace tideline::recording::suppress_state_test
