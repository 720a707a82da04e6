#include "coordinator/web/switched_backend.h"

#include <string>

#include <gmock/gmock.h>

namespace tideline::web {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Coordinator final : public WebBackend {
 public:
  void metrics(link::Reply<Text> reply) override {
    if (is_broken) {
      reply(model::Error(model::ErrorCode::kInternal, "broken"));
    } else {
      reply(Text([] { return std::string("tideline_nodes 3\n"); }));
    }
  }
  void ready(link::Reply<void> reply) override { reply({}); }
  bool is_broken = false;
};

std::string ready_of(WebBackend& backend) {
  std::string said = "no answer";
  backend.ready([&](const model::Result<void>& ready) { said = ready ? "ready" : ready.error().message(); });
  return said;
}

std::string metrics_of(WebBackend& backend) {
  std::string said = "no answer";
  backend.metrics(
      [&](const model::Result<WebBackend::Text>& text) { said = text ? (*text)() : text.error().message(); });
  return said;
}

TEST(SwitchedBackend, SaysWhyThereIsNothingToAskYet) {
  SwitchedBackend backend("starting");
  EXPECT_EQ(ready_of(backend), "starting");
  EXPECT_EQ(metrics_of(backend), "");
  backend.not_ready("standby: held by other");
  EXPECT_EQ(ready_of(backend), "standby: held by other");
}

TEST(SwitchedBackend, ShowsTheElectionOfAStandbyToo) {
  SwitchedBackend backend("standby");
  backend.elected({false, 7});
  EXPECT_THAT(metrics_of(backend), HasSubstr("\ntideline_leader 0\n"));
  EXPECT_THAT(metrics_of(backend), HasSubstr("\ntideline_lease_transitions 7\n"));
}

TEST(SwitchedBackend, AsksTheCoordinatorOnceThereIsOne) {
  SwitchedBackend backend("starting");
  Coordinator coordinator;
  backend.show(coordinator);
  EXPECT_EQ(ready_of(backend), "ready");
  EXPECT_EQ(metrics_of(backend), "tideline_nodes 3\n") << "without an election nothing is said of one";
  backend.elected({true, 8});
  EXPECT_THAT(metrics_of(backend), StartsWith("# HELP tideline_leader "));
  EXPECT_THAT(metrics_of(backend), HasSubstr("\ntideline_leader 1\n"));
  EXPECT_THAT(metrics_of(backend), EndsWith("\ntideline_nodes 3\n"));
  coordinator.is_broken = true;
  EXPECT_EQ(metrics_of(backend), "broken");
}

TEST(SwitchedBackend, ShowsWhatWasAddedBehindAllElse) {
  SwitchedBackend backend("starting");
  int made = 0;
  backend.add([&made] { return "added " + std::to_string(++made) + "\n"; });
  EXPECT_EQ(metrics_of(backend), "added 1\n");
  Coordinator coordinator;
  backend.show(coordinator);
  EXPECT_EQ(metrics_of(backend), "tideline_nodes 3\nadded 2\n") << "made each time";
  backend.elected({true, 8});
  EXPECT_THAT(metrics_of(backend), StartsWith("# HELP tideline_leader "));
  EXPECT_THAT(metrics_of(backend), EndsWith("\ntideline_nodes 3\nadded 4\n"));
  backend.add([] { return std::string("other\n"); });
  EXPECT_THAT(metrics_of(backend), EndsWith("\ntideline_nodes 3\nadded 5\nother\n")) << "each behind the one before";
}

}  // namespace
}  // namespace tideline::web
