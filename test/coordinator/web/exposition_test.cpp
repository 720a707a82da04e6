#include "coordinator/web/exposition.h"

#include <limits>

#include <gtest/gtest.h>

namespace tideline::web {
namespace {

TEST(Exposition, WritesAFamilyOnceAndItsSamplesAfterIt) {
  Exposition out;
  out.family("tideline_nodes", Exposition::Type::kGauge, "Nodes.");
  out.sample(3, {{"liveness", "live"}});
  out.sample(0, {{"liveness", "gone"}, {"zone", "a"}});
  out.one("tideline_reports_total", Exposition::Type::kCounter, "Reports.", 1e12);
  EXPECT_EQ(out.take(),
            "# HELP tideline_nodes Nodes.\n"
            "# TYPE tideline_nodes gauge\n"
            "tideline_nodes{liveness=\"live\"} 3\n"
            "tideline_nodes{liveness=\"gone\",zone=\"a\"} 0\n"
            "# HELP tideline_reports_total Reports.\n"
            "# TYPE tideline_reports_total counter\n"
            "tideline_reports_total 1000000000000\n");
  EXPECT_EQ(out.take(), "");
}

TEST(Exposition, EscapesWhatWouldEndALineOrALabel) {
  Exposition out;
  out.family("a", Exposition::Type::kGauge, "back\\slash \"quote\"\nline");
  out.sample(0.5, {{"l", "back\\slash \"quote\"\nline"}});
  EXPECT_EQ(out.take(),
            "# HELP a back\\\\slash \"quote\"\\nline\n"
            "# TYPE a gauge\n"
            "a{l=\"back\\\\slash \\\"quote\\\"\\nline\"} 0.5\n");
}

TEST(Exposition, SpellsWhatIsNoNumberAsPrometheusDoes) {
  Exposition out;
  out.family("a", Exposition::Type::kGauge, "A.");
  out.sample(std::numeric_limits<double>::infinity());
  out.sample(-std::numeric_limits<double>::infinity());
  out.sample(std::numeric_limits<double>::quiet_NaN());
  const auto text = out.take();
  EXPECT_NE(text.find("\na +Inf\na -Inf\na NaN\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace tideline::web
