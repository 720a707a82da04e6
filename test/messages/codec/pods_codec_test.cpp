// Reports that leave out what their pods are.

#include <capnp/message.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::pods_codec_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

constexpr std::uint64_t kList = 41;

/// known_report() without its pods, with one thing changed.
template <class Change>
std::vector<std::byte> left_out(Change change) {
  capnp::MallocMessageBuilder whole;
  write(known_report(), whole.initRoot<schema::Report>());
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Report>();
  write_without_pods(whole.getRoot<schema::Report>().asReader(), kList, root);
  change(root);
  return flat_copy(root.asReader(), root.totalSize().wordCount, root.getPodList());
}

std::vector<std::byte> left_out() {
  return left_out([](schema::Report::Builder) {});
}

const model::SharedPods* nothing(std::uint64_t) {
  return nullptr;
}

TEST(PodsLeftOut, ComeFromTheReportThatHasThem) {
  const model::Report whole = known_report();
  ASSERT_FALSE(whole.pods.empty());
  const model::SharedPods pods = model::shared_pods(whole);
  std::uint64_t asked = 0;
  const auto read = report_from_bytes(left_out(), [&](std::uint64_t list) {
    asked = list;
    return &pods;
  });
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, whole);
  EXPECT_EQ(asked, kList);
}

TEST(PodsLeftOut, AreOneObjectInAllReportsOfTheirListAndStayAsTheyWereInThem) {
  model::SharedPods pods = model::shared_pods(known_report());
  const auto give = [&](std::uint64_t) { return &pods; };
  const auto first = report_from_bytes(left_out(), give);
  const auto second = report_from_bytes(left_out(), give);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(&*first->pods.at(0).pod, &*pods.at(0));
  EXPECT_EQ(&*second->pods.at(0).pod, &*pods.at(0));
  pods[0].change([](model::Pod& pod) { pod.phase = model::PodPhase::kSucceeded; });
  const auto third = report_from_bytes(left_out(), give);
  ASSERT_TRUE(third.ok()) << third.error().message();
  EXPECT_NE(&*third->pods.at(0).pod, &*first->pods.at(0).pod);
  EXPECT_EQ(third->pods.at(0).pod->phase, model::PodPhase::kSucceeded);
  pods.clear();
  EXPECT_EQ(*first, known_report());
  EXPECT_EQ(*second, known_report());
}

TEST(PodsLeftOut, AreCheckedForWhatTheyUse) {
  const auto bytes =
      left_out([](schema::Report::Builder root) { root.getPods()[0].getCpuMilli().setMin(std::int64_t{-1}); });
  const model::SharedPods pods = model::shared_pods(known_report());
  const auto read = report_from_bytes(bytes, [&](std::uint64_t) { return &pods; });
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(), HasSubstr("pods.cpu_milli: -1"));
}

TEST(PodsLeftOut, AreNotFoundWhereThereAreNoneOrOthers) {
  model::SharedPods other = model::shared_pods(known_report());
  other.push_back(other.front());
  EXPECT_EQ(report_from_bytes(left_out()).error().code(), ErrorCode::kMalformed) << "where all must be whole";
  EXPECT_EQ(report_from_bytes(left_out(), nothing).error().code(), ErrorCode::kNotFound);
  const auto read = report_from_bytes(left_out(), [&](std::uint64_t) { return &other; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(read.error().message(), HasSubstr("of list 41 are left out"));
}

TEST(PodsLeftOut, AreAllOrNoneOfAReport) {
  model::Report two = known_report();
  two.pods.push_back(two.pods.front());
  capnp::MallocMessageBuilder whole;
  write(two, whole.initRoot<schema::Report>());
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Report>();
  write_without_pods(whole.getRoot<schema::Report>().asReader(), kList, root);
  write(*two.pods[1].pod, root.getPods()[1].initPod());
  const model::SharedPods pods = model::shared_pods(two);
  const auto read =
      guarded("report", [&] { return codec::read(root.asReader(), [&](std::uint64_t) { return &pods; }); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(read.error().message(), HasSubstr("some are left out"));
}

TEST(PodsLeftOut, WithoutAListAreMalformed) {
  const auto bytes = left_out([](schema::Report::Builder root) { root.setPodList(0); });
  const model::SharedPods pods = model::shared_pods(known_report());
  const auto read = report_from_bytes(bytes, [&](std::uint64_t) { return &pods; });
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(), HasSubstr("pods.uid"));
}

}  // namespace
}  // namespace tideline::codec::pods_codec_test
