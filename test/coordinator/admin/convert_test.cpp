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

/// A good question, changed by `fill`.
template <class Fill>
model::Result<SeriesQuery> question(const Fill& fill, std::int64_t page_from_s = 0) {
  return asked<schema::Admin::HistoryQueryParams>([&](auto in) {
    auto out = in.initQuestion();
    out.initFields(1).set(0, static_cast<std::uint16_t>(series::Field::kReports));
    out.setFromS(3600);
    out.setToS(7200);
    out.setStepS(900);
    fill(out);
    in.setPageFromS(page_from_s);
  });
}

TEST(Arguments, AQuestionThatLeavesItsTierAndPageOpenHasThemSettled) {
  const auto query = question([](auto) {});
  ASSERT_TRUE(query.ok()) << query.error().message();
  EXPECT_EQ(query->question.tier, series::Tier::kQuarterHour);
  EXPECT_EQ(query->page_from_s, 3600);
  EXPECT_TRUE(query->question.nodes.empty());
  EXPECT_EQ(query->label, std::nullopt);
  const auto fine = question([](auto out) { out.setTier(1); });
  ASSERT_TRUE(fine.ok()) << fine.error().message();
  EXPECT_EQ(fine->question.tier, series::Tier::kTenSeconds);
  EXPECT_EQ(question([](auto out) { out.setStepS(120); })->question.tier, series::Tier::kMinute);
}

TEST(Arguments, NodesOfAQuestionAreNamedInAnyOrderOrByALabel) {
  const auto named = question([](auto out) {
    auto nodes = out.initNodes(2);
    nodes.set(0, "web-1");
    nodes.set(1, "db-1");
  });
  ASSERT_TRUE(named.ok()) << named.error().message();
  EXPECT_THAT(named->question.nodes, ElementsAre(model::NodeName("db-1"), model::NodeName("web-1")));
  const auto labelled = question([](auto out) { out.setLabel("pool=a=b"); });
  ASSERT_TRUE(labelled.ok());
  EXPECT_EQ(labelled->label, (model::ClusterPart{"pool", "a=b"}));
  EXPECT_THAT(refusal(question([](auto out) {
                auto nodes = out.initNodes(2);
                nodes.set(0, "web-1");
                nodes.set(1, "web-1");
              })),
              HasSubstr("web-1"));
  EXPECT_THAT(refusal(question([](auto out) {
                out.initNodes(1).set(0, "web-1");
                out.setLabel("pool=a");
              })),
              HasSubstr("label: pool=a: 1 nodes are named as well"));
  EXPECT_THAT(refusal(question([](auto out) { out.setLabel("pool"); })), HasSubstr("\"pool\" is no KEY=VALUE"));
  EXPECT_THAT(refusal(question([](auto out) { out.initNodes(1).set(0, std::string(254, 'n').c_str()); })),
              HasSubstr("254 bytes"));
}

TEST(Arguments, AQuestionsFaultIsNamedWithItsValue) {
  EXPECT_THAT(refusal(question([](auto out) { out.setKind(9); })), HasSubstr("kind: 9"));
  EXPECT_THAT(refusal(question([](auto out) { out.initFields(0); })), HasSubstr("fields: 0"));
  EXPECT_THAT(refusal(question([](auto out) { out.initFields(1).set(0, 511); })), HasSubstr("field-511"));
  EXPECT_THAT(refusal(question([](auto out) { out.setAggregate(7); })), HasSubstr("aggregate: 7"));
  EXPECT_THAT(refusal(question([](auto out) { out.setAcross(6); })), HasSubstr("across: 6"));
  EXPECT_THAT(refusal(question([](auto out) { out.setTier(4); })), HasSubstr("tier: 4"));
  EXPECT_THAT(refusal(question([](auto out) { out.setStepS(7); })), HasSubstr("step: 7 s"));
  EXPECT_THAT(refusal(question([](auto out) { out.setStepS(0); })), HasSubstr("step: 0 s"));
  EXPECT_THAT(refusal(question([](auto out) { out.setStepS(std::numeric_limits<std::int64_t>::min()); })),
              HasSubstr("step: -9223372036854775808 s"));
  EXPECT_THAT(refusal(question([](auto out) { out.setFromS(-900); })), HasSubstr("-900 s is before 1970"));
  EXPECT_THAT(refusal(question([](auto out) { out.setToS(std::numeric_limits<std::int64_t>::max()); })),
              HasSubstr("to: 9223372036854775807 s"));
  EXPECT_THAT(refusal(question([](auto out) { out.setToS(3600); })), HasSubstr("from: 3600 s"));
  EXPECT_THAT(refusal(question([](auto out) {
                out.setAggregate(3);
                out.setQuantile(0.5);
              })),
              HasSubstr("no quantiles are kept of reports"));
}

TEST(Arguments, APageBeginsAtAStepOfItsQuestion) {
  EXPECT_EQ(question([](auto) {}, 4500)->page_from_s, 4500);
  for (const std::int64_t wrong : {-900, 2700, 4501, 7200}) {
    EXPECT_THAT(refusal(question([](auto) {}, wrong)),
                HasSubstr("no step of the question begins at " + std::to_string(wrong)));
  }
}

TEST(Arguments, PodsOfHistoryAreOfOneNodeAndARange) {
  const auto pods = [](const std::string& node, std::int64_t from, std::int64_t to) {
    return refusal(asked<schema::Admin::HistoryPodsParams>([&](auto in) {
      in.setNode(node.c_str());
      in.setFromS(from);
      in.setToS(to);
    }));
  };
  EXPECT_EQ(pods("web-1", 0, AdminLimits::kMaxSeriesTime), "accepted");
  EXPECT_THAT(pods("", 0, 1), HasSubstr("0 bytes"));
  EXPECT_THAT(pods(std::string(254, 'n'), 0, 1), HasSubstr("254 bytes"));
  EXPECT_THAT(pods("web-1", -1, 1), HasSubstr("-1 s is before 1970"));
  EXPECT_THAT(pods("web-1", 5, 5), HasSubstr("from 5 to 5"));
  EXPECT_THAT(pods("web-1", 0, AdminLimits::kMaxSeriesTime + 1), HasSubstr("beyond the year 9999"));
}

TEST(Arguments, ASliceOfAVerificationIsBounded) {
  const auto bytes = [](std::uint64_t wanted) {
    const auto query = asked<schema::Admin::HistoryVerifyParams>([&](auto in) { in.setBytes(wanted); });
    return query.ok() ? query->bytes : 0;
  };
  EXPECT_EQ(bytes(0), AdminLimits::kMaxVerifyBytes);
  EXPECT_EQ(bytes(5), 5u);
  EXPECT_EQ(bytes(std::numeric_limits<std::uint64_t>::max()), AdminLimits::kMaxVerifyBytes);
  EXPECT_THAT(refusal(asked<schema::Admin::HistoryVerifyParams>(
                  [](auto in) { in.setFrom(std::string(AdminLimits::kMaxVerifyFromBytes + 1, 'x').c_str()); })),
              HasSubstr("4097 bytes"));
}

}  // namespace
}  // namespace tideline::admin
