// What the writer does with what it was offered, whatever the server does.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/clock/clock.h"
#include "test/coordinator/remote_write/fixture.h"
#include "test/support/free_port.h"
#include "test/support/mute_server.h"
#include "test/support/process.h"

namespace tideline::remote_write {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Answers = WriterCounts::Answers;
using Samples = WriterCounts::Samples;

model::Duration elapsed_since(model::MonoTime begin) {
  return clock::mono_now() - begin;
}

TEST_F(WriterTest, SendsWhatWasOfferedAsTheSpecificationAsks) {
  server_.always(kPost, taken());
  auto settings = config();
  settings.user_agent = "tideline-coordinator/1";
  const auto writer = start(settings);
  offer(*writer, 3);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  const auto requests = server_.seen();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].target, kPath);
  EXPECT_EQ(requests[0].header("content-type"), "application/x-protobuf");
  EXPECT_EQ(requests[0].header("content-encoding"), "snappy");
  EXPECT_EQ(requests[0].header("x-prometheus-remote-write-version"), "0.1.0");
  EXPECT_EQ(requests[0].header("user-agent"), "tideline-coordinator/1");
  EXPECT_EQ(requests[0].header("authorization"), "");
  const auto series = prometheus::decoded(requests[0].body);
  ASSERT_TRUE(series);
  const auto used = prometheus::only(*series, "tideline_node_cpu_used_cores");
  ASSERT_THAT(used.samples, SizeIs(1));
  EXPECT_EQ(used.samples[0].value(), 3);
  EXPECT_EQ(used.samples[0].ms, next_ms_);
  EXPECT_EQ(used.label("node"), "n1");
  writer->stop();
  const auto counts = writer->counts();
  EXPECT_EQ(counts.newest.ms, next_ms_);
  EXPECT_EQ(counts.answers.taken, 1u);
  EXPECT_EQ(counts.queued_bytes, 0u);
  EXPECT_EQ(counts.queued_samples, 0u);
}

TEST_F(WriterTest, AFullRequestGoesAtOnceAndTheRestWhenItIsTime) {
  server_.always(kPost, taken());
  auto settings = config();
  settings.interval = seconds(3'600);
  settings.batch_bytes = 400;
  const auto writer = start(settings);
  for (int i = 0; i < 20; ++i)
    offer(*writer, i);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 10));
  writer->stop();
  const auto requests = values();
  EXPECT_GE(requests.size(), 3u);
  std::vector<double> all;
  for (const auto& request : requests)
    all.insert(all.end(), request.begin(), request.end());
  std::vector<double> wanted(20);
  std::iota(wanted.begin(), wanted.end(), 0);
  EXPECT_EQ(all, wanted) << "each once, in their order";
}

TEST_F(WriterTest, OneConnectionServesAllRequests) {
  server_.always(kPost, taken());
  const auto writer = start(config());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    offer(*writer, 1);
    ASSERT_TRUE(counts_reach(*writer, &Samples::sent, i));
  }
  for (const auto& request : server_.seen())
    EXPECT_EQ(request.connection, 1u);
}

TEST_F(WriterTest, WhatTheServerCouldNotTakeIsSentAgain) {
  for (const unsigned status : {500U, 503U, 429U})
    server_.on(kPost, answer(status, {}, "later"));
  server_.always(kPost, taken());
  const auto writer = start(config());
  offer(*writer, 7);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_THAT(values(), ElementsAre(ElementsAre(7), ElementsAre(7), ElementsAre(7), ElementsAre(7)));
  const auto counts = writer->counts();
  EXPECT_EQ(counts.answers.failed, 2u);
  EXPECT_EQ(counts.answers.busy, 1u);
  EXPECT_EQ(counts.answers.taken, 1u);
  EXPECT_EQ(counts.samples.sent, 1u);
}

TEST_F(WriterTest, ARetryAfterIsWaitedFor) {
  server_.on(kPost, answer(429, "Retry-After: 1\r\n"));
  server_.always(kPost, taken());
  const auto writer = start(config());
  const auto begin = clock::mono_now();
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_GE(elapsed_since(begin), seconds(1));
}

TEST_F(WriterTest, ARetryAfterOfAnHourIsNotWaitedFor) {
  server_.on(kPost, answer(503, "Retry-After: 3600\r\n"));
  server_.always(kPost, taken());
  auto settings = config();
  settings.longest_hold = milliseconds(50);
  const auto writer = start(settings);
  offer(*writer, 1);
  EXPECT_TRUE(counts_reach(*writer, &Samples::sent, 1));
}

TEST_F(WriterTest, WhatTheServerDoesNotWantIsDroppedAndTheNextGoes) {
  for (const unsigned status : {400U, 404U, 307U})
    server_.on(kPost, answer(status, "Location: /elsewhere\r\n", "out of order sample"));
  server_.always(kPost, taken());
  const auto writer = start(config());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    offer(*writer, 1);
    ASSERT_TRUE(counts_reach(*writer, &Samples::refused, i));
  }
  offer(*writer, 2);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_THAT(server_.seen(), SizeIs(4)) << "none was sent again, and no redirect was followed";
  EXPECT_EQ(writer->counts().answers.refused, 3u);
}

TEST_F(WriterTest, AConnectionThatBreaksCostsNothing) {
  server_.on(kPost, test::raw_reply("", End::kClose));
  server_.on(kPost, test::raw_reply("HTTP/1.1 20", End::kClose));
  server_.on(kPost, test::raw_reply("what?\r\n\r\n", End::kClose));
  server_.on(kPost, taken());
  server_.on(kPost, test::raw_reply("HTTP/1.1 204 No Content\r\n\r\n", End::kClose));
  server_.always(kPost, taken());
  const auto writer = start(config());
  for (std::int64_t i = 1; i <= 4; ++i) {
    offer(*writer, i);
    ASSERT_TRUE(counts_reach(*writer, &Samples::sent, static_cast<std::uint64_t>(i)));
  }
  EXPECT_EQ(writer->counts().samples.sent, 4u);
  EXPECT_EQ(writer->counts().answers.taken, 4u);
  EXPECT_EQ(values().back(), std::vector<double>{4});
}

TEST_F(WriterTest, AServerThatComesLaterGetsWhatWaited) {
  const auto port = test::free_port();
  const auto writer = start(config(port));
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Answers::none, 2));
  offer(*writer, 2);
  test::ScriptedApiServer late({.own = server_files_}, port);
  late.always(kPost, taken());
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 2));
  writer->stop();
  const auto requests = late.seen(kPost);
  ASSERT_FALSE(requests.empty());
  const auto first = prometheus::decoded(requests.front().body);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->front().samples[0].value(), 1) << "the oldest first";
}

TEST_F(WriterTest, AnAnswerThatDoesNotComeIsGivenUp) {
  server_.on(kPost, test::raw_reply("", End::kHold));
  server_.on(kPost, test::raw_reply("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", End::kHold));
  server_.always(kPost, taken());
  auto settings = config();
  settings.request_deadline = milliseconds(300);
  const auto writer = start(settings);
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_GE(writer->counts().answers.none, 2u);
}

TEST_F(WriterTest, AnAnswerWithoutAnEndIsReadToItsBoundOnly) {
  auto endless = test::raw_reply("HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n", End::kHold);
  endless.pieces.push_back("400\r\n" + std::string(0x400, 'x') + "\r\n");
  endless.repeat_last_piece = true;
  server_.on(kPost, endless);
  server_.always(kPost, taken());
  const auto writer = start(config());
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::refused, 1));
  offer(*writer, 2);
  EXPECT_TRUE(counts_reach(*writer, &Samples::sent, 1));
}

TEST_F(WriterTest, WithoutAServerTheNewestStayWithinTheQueue) {
  server_.always(kPost, answer(503));
  auto settings = config();
  settings.batch_bytes = 1;
  settings.queue_bytes = 2'000;
  // So that the one in hand does not change meanwhile.
  settings.backoff_min = settings.backoff_max = seconds(3'600);
  const auto writer = start(settings);
  constexpr std::uint64_t kReports = 500;
  for (std::uint64_t i = 0; i < kReports; ++i) {
    offer(*writer, static_cast<std::int64_t>(i));
    // Else those that the loop has not taken yet would be dropped, and not the oldest.
    if (i % 5 == 4) {
      ASSERT_TRUE(test::eventually(seconds(20), [&] {
        const auto counts = writer->counts();
        return counts.queued_samples + counts.samples.dropped == i + 1;
      }));
    }
  }
  auto counts = writer->counts();
  EXPECT_GT(counts.samples.dropped, kReports / 2);
  EXPECT_EQ(counts.samples.dropped + counts.queued_samples, kReports);
  EXPECT_LE(counts.queued_bytes, 2'000u + 200u) << "the one in hand is beside them";
  EXPECT_GT(counts.queued_samples, 5u);
  writer->stop();
  counts = writer->counts();
  EXPECT_EQ(counts.samples.dropped, kReports);
  EXPECT_EQ(counts.queued_samples, 0u);
  EXPECT_EQ(counts.queued_bytes, 0u);
}

TEST_F(WriterTest, NobodyWaitsForAServerThatNeverReads) {
  const test::MuteServer mute;
  auto settings = config(mute.port());
  settings.url = "http://127.0.0.1:" + std::to_string(mute.port()) + kPath;
  settings.ca_file.clear();
  settings.server_name.clear();
  settings.batch_bytes = 4'096;
  settings.queue_bytes = 64 << 10;
  settings.stop_within = milliseconds(300);
  const auto writer = start(settings);
  const auto begin = clock::mono_now();
  constexpr std::uint64_t kReports = 20'000;
  for (std::uint64_t i = 0; i < kReports; ++i)
    offer(*writer, 1);
  EXPECT_LT(elapsed_since(begin), test::patience(seconds(10)));
  EXPECT_LE(writer->counts().queued_bytes, (64u << 10) + 8'192u);
  const auto stopping = clock::mono_now();
  writer->stop();
  EXPECT_LT(elapsed_since(stopping), test::patience(seconds(10)));
  const auto counts = writer->counts();
  EXPECT_EQ(counts.samples.dropped, kReports) << "all are accounted for";
  EXPECT_EQ(counts.samples.sent, 0u);
}

TEST_F(WriterTest, WhatIsThereAtTheEndIsSent) {
  server_.always(kPost, taken());
  auto settings = config();
  settings.interval = seconds(3'600);
  const auto writer = start(settings);
  offer(*writer, 1);
  offer(*writer, 2);
  EXPECT_THAT(server_.seen(), IsEmpty());
  writer->stop();
  EXPECT_THAT(values(), ElementsAre(ElementsAre(1, 2)));
  EXPECT_EQ(writer->counts().samples.sent, 2u);
  offer(*writer, 3);
  writer->stop();
  EXPECT_THAT(values(), SizeIs(1));
}

TEST_F(WriterTest, TheEndDoesNotWaitForAServerThatIsAway) {
  auto settings = config(test::free_port());
  settings.backoff_min = settings.backoff_max = seconds(3'600);
  settings.stop_within = seconds(3'600);
  const auto writer = start(settings);
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Answers::none, 1));
  offer(*writer, 2);
  const auto begin = clock::mono_now();
  writer->stop();
  EXPECT_LT(elapsed_since(begin), test::patience(seconds(20)));
  EXPECT_EQ(writer->counts().samples.dropped, 2u);
}

/// The kernel's names of this process's threads.
std::size_t threads_named(const std::string& name) {
  std::size_t found = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string own;
    std::ifstream(task.path() / "comm") >> own;
    if (own == name) ++found;
  }
  return found;
}

TEST_F(WriterTest, TheEndDoesNotWaitForAFileThatCannotBeRead) {
  server_.always(kPost, taken());
  auto settings = config();
  settings.token_file = dir_.write("token", "one");
  settings.stop_within = milliseconds(100);
  settings.stop_grace = milliseconds(200);
  const auto before = threads_named("tl-remote-write");
  auto writer = start(settings);
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  // Nobody writes to this pipe: whoever opens it to read waits.
  const std::string pipe = dir_.str() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::filesystem::rename(pipe, settings.token_file);
  offer(*writer, 2);
  ASSERT_TRUE(test::eventually(seconds(20), [&] { return writer->counts().queued_samples == 1; }));
  offer(*writer, 3);
  const auto begin = clock::mono_now();
  writer->stop();
  EXPECT_LT(elapsed_since(begin), test::patience(seconds(10)));
  const auto counts = writer->counts();
  EXPECT_EQ(counts.samples.sent, 1u);
  EXPECT_EQ(counts.samples.dropped, 2u) << "what the loop had, and what it had not taken";
  EXPECT_EQ(counts.queued_samples, 0u);
  writer.reset();
  EXPECT_EQ(threads_named("tl-remote-write"), before + 1);
  // Its end follows when the file can be read.
  const int fd = ::open(settings.token_file.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ::close(fd);
  EXPECT_TRUE(test::eventually(seconds(20), [&] { return threads_named("tl-remote-write") == before; }));
}

TEST_F(WriterTest, OldReportsAndThoseOfBeforeItsStartAreNotTaken) {
  server_.always(kPost, taken());
  auto settings = config();
  settings.max_age = seconds(20);
  const auto now = clock::wall_now();
  const auto writer = start(settings);
  model::Report report;
  report.node = model::NodeName("n1");
  report.samples.resize(1);
  report.samples[0].node_cpu = model::MilliCpu(1);
  writer->offer(report, {now.ms - 11'000});
  writer->offer(report, {now.ms - 1'000});
  EXPECT_EQ(writer->counts().samples.old, 1u);
  EXPECT_EQ(writer->counts().samples.late, 1u) << "another process may have sent what came later";
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_EQ(writer->counts().samples.sent, 1u);
}

TEST_F(WriterTest, WhatWaitedForTooLongIsNotSentAnyMore) {
  server_.always(kPost, answer(500));
  auto settings = config();
  settings.max_age = milliseconds(600);
  const auto writer = start(settings);
  offer(*writer, 1);
  EXPECT_TRUE(counts_reach(*writer, &Samples::old, 1));
  EXPECT_TRUE(test::eventually(seconds(20), [&] { return writer->counts().queued_samples == 0; }));
}

TEST_F(WriterTest, LateSamplesAreCounted) {
  server_.always(kPost, taken());
  const auto writer = start(config());
  offer(*writer, 1);
  model::Report report;
  report.node = model::NodeName("n1");
  report.samples.resize(1);
  report.samples[0].node_cpu = model::MilliCpu(1);
  writer->offer(report, {next_ms_});
  EXPECT_EQ(writer->counts().samples.late, 1u);
}

}  // namespace
}  // namespace tideline::remote_write
