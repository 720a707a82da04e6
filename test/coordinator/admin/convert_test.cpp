#include "coordinator/admin/convert.h"

#include <limits>
#include <string>

#include <capnp/message.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::admin {
namespace {

using model::ErrorCode;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

const Caller kAnn{{link::Role::kOperator, "ann"}, "127.0.0.1:40112"};

/// What read() says of arguments that `fill` filled in.
template <class Params, class Fill, class... Who>
auto asked(const Fill& fill, const Who&... who) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<Params>();
  fill(root);
  return read(root.asReader(), who...);
}

template <class Answer>
std::string refusal(const Answer& answer, ErrorCode code = ErrorCode::kInvalidArgument) {
  if (answer.ok()) return "accepted";
  EXPECT_EQ(answer.error().code(), code) << answer.error().message();
  return answer.error().message();
}

std::string refusal_of_node(const std::string& name) {
  return refusal(asked<schema::Admin::NodeParams>([&](auto in) { in.setName(name.c_str()); }));
}

TEST(Arguments, ANodesNameIsNoLongerThanADnsName) {
  EXPECT_EQ(refusal_of_node(std::string(253, 'n')), "accepted");
  EXPECT_THAT(refusal_of_node(std::string(254, 'n')), HasSubstr("254 bytes"));
  EXPECT_THAT(refusal_of_node(""), HasSubstr("empty"));
}

TEST(Arguments, OnlyWhatCanBeOfAllNodesTakesNoName) {
  const auto nothing = [](auto) {};
  EXPECT_TRUE(asked<schema::Admin::PodsParams>(nothing).ok());
  EXPECT_TRUE(asked<schema::Admin::PolicyGetParams>(nothing).ok());
  EXPECT_TRUE(asked<schema::Admin::HandsOffListParams>(nothing).ok());
  EXPECT_TRUE(asked<schema::Admin::WatchParams>([](auto in) { in.setSeconds(1); }).ok());
  EXPECT_TRUE(asked<schema::Admin::EventsParams>([](auto in) { in.setToMs(1); }).ok());
  EXPECT_THAT(refusal(asked<schema::Admin::ExplainParams>(nothing)), HasSubstr("name is empty"));
  EXPECT_THAT(refusal(asked<schema::Admin::HistoryParams>(nothing)), HasSubstr("name is empty"));
  EXPECT_THAT(refusal(asked<schema::Admin::HandsOffEndParams>(nothing)), HasSubstr("name is empty"));
  EXPECT_THAT(refusal(asked<schema::Admin::ReleaseParams>(nothing, kAnn)), HasSubstr("name is empty"));
  EXPECT_THAT(refusal(asked<schema::Admin::ResumeParams>(nothing)), HasSubstr("name is empty"));
}

TEST(Arguments, ARangeHasAnInstantInIt) {
  const auto events = [](std::int64_t from, std::int64_t to) {
    return refusal(asked<schema::Admin::EventsParams>([&](auto in) {
      in.setFromMs(from);
      in.setToMs(to);
    }));
  };
  EXPECT_EQ(events(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()), "accepted");
  EXPECT_THAT(events(7, 7), HasSubstr("from 7 to 7"));
}

TEST(Arguments, AWatchIsOfOneToThreeThousandSixHundredSeconds) {
  const auto watch = [](std::uint32_t seconds) {
    return refusal(asked<schema::Admin::WatchParams>([&](auto in) { in.setSeconds(seconds); }));
  };
  EXPECT_EQ(watch(3600), "accepted");
  EXPECT_THAT(watch(0), HasSubstr("1..3600"));
  EXPECT_THAT(watch(std::numeric_limits<std::uint32_t>::max()), HasSubstr("4294967295 s"));
}

TEST(Arguments, HistoryWithoutABoundOfPointsHasTheServers) {
  const auto points = [](std::uint32_t most) {
    const auto query = asked<schema::Admin::HistoryParams>([&](auto in) {
      auto out = in.initQuery();
      out.setNode("web-1");
      out.initMetrics(1).set(0, static_cast<std::uint16_t>(model::Metric::kNodeCpu));
      out.setToMs(1);
      out.setMaxPoints(most);
    });
    return query.ok() ? query->max_points : std::size_t{0};
  };
  EXPECT_EQ(points(0), AdminLimits::kMaxPoints);
  EXPECT_EQ(points(1), 1u);
  EXPECT_EQ(points(std::numeric_limits<std::uint32_t>::max()), AdminLimits::kMaxPoints);
}

TEST(Arguments, ExplainTakesTheInstantZeroForNow) {
  const auto explain = [](std::int64_t at_ms) {
    return asked<schema::Admin::ExplainParams>([&](auto in) {
      in.setNode("web-1");
      in.setAtMs(at_ms);
      in.setFile("cpu.max");
    });
  };
  ASSERT_TRUE(explain(0).ok());
  EXPECT_EQ(explain(0)->at, std::nullopt);
  EXPECT_EQ(explain(5)->at, model::WallTime{5});
  EXPECT_EQ(explain(5)->file_part, "cpu.max");
  EXPECT_THAT(refusal(explain(-1)), HasSubstr("-1 ms is before 1970"));
}

TEST(Arguments, PolicyApplyTakesDocumentsWithinTheirBounds) {
  const auto apply = [](unsigned documents, const std::string& key, const std::string& json) {
    return asked<schema::Admin::PolicyApplyParams>([&](auto in) {
      auto list = in.initDocuments(documents);
      for (auto document : list) {
        document.setKey(key.c_str());
        document.setJson(json.c_str());
      }
      in.setDryRun(true);
    });
  };
  const auto call = apply(1, "colocation-config", "{}");
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_TRUE(call->dry_run);
  EXPECT_THAT(call->documents, ElementsAre(Field(&PolicyDocument::key, "colocation-config")));
  EXPECT_THAT(refusal(apply(0, "", "")), HasSubstr("0 documents"));
  EXPECT_THAT(refusal(apply(17, "", "")), HasSubstr("17 documents"));
  EXPECT_THAT(refusal(apply(1, std::string(254, 'k'), "")), HasSubstr("254 bytes"));
  const std::string half(AdminLimits::kMaxDocumentBytes / 2 + 1, ' ');
  EXPECT_EQ(refusal(apply(1, "k", half)), "accepted");
  EXPECT_THAT(refusal(apply(2, "k", half), ErrorCode::kOverloaded), HasSubstr("1048576"));
}

TEST(Arguments, AHandsOffIsOfItsCaller) {
  const auto begin = [](std::int64_t for_ms, const std::string& group) {
    return asked<schema::Admin::HandsOffBeginParams>(
        [&](auto in) {
          in.setNode("web-1");
          in.setGroup(group.c_str());
          in.setForMs(for_ms);
          in.setReason("tuning by hand");
        },
        kAnn);
  };
  const auto call = begin(60'000, "kubepods/besteffort");
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->hands_off,
            (model::HandsOff{"kubepods/besteffort", std::chrono::minutes(1), false, "ann", "tuning by hand"}));
  EXPECT_THAT(refusal(begin(0, "g")), HasSubstr("0 ms"));
  EXPECT_THAT(refusal(begin(std::numeric_limits<std::int64_t>::max(), "g")), HasSubstr("(7d)"));
  EXPECT_THAT(refusal(begin(1, "a/../b")), HasSubstr("\"..\""));
}

TEST(Arguments, AHandsOffEndsByAGroupThatOneCouldHaveBegunWith) {
  const auto end = [](std::size_t bytes) {
    return refusal(asked<schema::Admin::HandsOffEndParams>([&](auto in) {
      in.setNode("web-1");
      in.setGroup(std::string(bytes, 'g').c_str());
    }));
  };
  EXPECT_EQ(end(model::HandsOffLimits::kMaxGroupBytes), "accepted");
  EXPECT_THAT(end(model::HandsOffLimits::kMaxGroupBytes + 1), HasSubstr("513 bytes"));
}

TEST(Arguments, AReleaseIsOfTheWholeTreeUntilItIsResumed) {
  const auto call = asked<schema::Admin::ReleaseParams>(
      [](auto in) {
        in.setNode("web-1");
        in.setReason("kernel debugging");
      },
      kAnn);
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->hands_off, (model::HandsOff{"", std::nullopt, true, "ann", "kernel debugging"}));
}

}  // namespace
}  // namespace tideline::admin
