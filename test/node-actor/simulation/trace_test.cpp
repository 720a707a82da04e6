#include "node-actor/simulation/trace.h"

#include <sstream>

#include <gmock/gmock.h>

namespace tideline::simulation::trace_test {
namespace {

using model::MilliCpu;
using model::NodeName;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kBitbrainsHeader =
    "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\tCPU usage [%];\tMemory capacity "
    "provisioned [KB];\tMemory usage [KB];\tDisk read throughput [KB/s];\tDisk write throughput [KB/s];\tNetwork "
    "received "
    "throughput [KB/s];\tNetwork transmitted throughput [KB/s]";

model::Result<void> add(TraceReader& reader, const std::string& text, const std::string& stem = "t") {
  std::istringstream lines(text);
  bool first = true;
  for (std::string line; std::getline(lines, line); first = false) {
    auto read = first ? reader.begin(line, stem) : reader.row(line);
    if (!read) return read;
  }
  return {};
}

model::Result<Trace> read(const std::string& text) {
  TraceReader reader(MilliCpu(32'000));
  if (auto added = add(reader, text); !added) return added.error();
  return reader.take();
}

std::string refusal(const std::string& text) {
  const auto trace = read(text);
  return trace ? "taken" : trace.error().message();
}

TEST(Trace, ThreeColumnsAreEnough) {
  const auto trace = read("time_s,host,cpu_millicores\n10,a,1500\n20,a,2000.5\n10,b,7\n");
  ASSERT_TRUE(trace) << trace.error().message();
  ASSERT_EQ(trace->hosts.size(), 2u);
  ASSERT_EQ(trace->hosts[0].pods.size(), 1u);
  const auto& pod = trace->hosts[0].pods[0];
  EXPECT_EQ(pod.name, "services");
  EXPECT_EQ(pod.request, MilliCpu(2001)) << "the most it uses";
  EXPECT_EQ(trace->begin_ms, 10'000);
  EXPECT_EQ(trace->length_ms, 20'000) << "the last row holds as long as the one before";
  EXPECT_EQ(trace->point(pod, seconds(0))->cpu_milli, 1500);
  EXPECT_EQ(trace->point(pod, seconds(9))->cpu_milli, 1500);
  EXPECT_EQ(trace->point(pod, seconds(10))->cpu_milli, 2000.5);
  EXPECT_EQ(trace->point(pod, seconds(20))->cpu_milli, 1500) << "and it begins again";
}

TEST(Trace, AllColumnsInAnyOrder) {
  const auto trace = read(
      "class, host ,pod,memory_request_bytes,cpu_request_millicores,memory_bytes,cpu_millicores,time_s\r\n"
      "BE,a,job,,4000,,100,0\r\n\r\nLS,a,web,2048,,1000,5,0\r\n,a,web,,,,6,1\r\n");
  ASSERT_TRUE(trace) << trace.error().message();
  const auto& pods = trace->hosts.at(0).pods;
  ASSERT_EQ(pods.size(), 2u);
  EXPECT_EQ(pods[0].qos, model::QosClass::kBe);
  EXPECT_EQ(pods[0].request, MilliCpu(4000));
  EXPECT_LT(pods[0].points.at(0).memory_bytes, 0) << "not told";
  EXPECT_EQ(pods[1].memory_request, model::Bytes(2048));
  EXPECT_EQ(pods[1].points.size(), 2u);
}

TEST(Trace, RowsMayBeOutOfOrderAndOfOneInstantTheLastCounts) {
  const auto trace = read("time_s,host,cpu_millicores\n30,a,3\n10,a,1\n20,a,2\n20,a,22\n");
  ASSERT_TRUE(trace);
  const auto& points = trace->hosts[0].pods[0].points;
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0].cpu_milli, 1);
  EXPECT_EQ(points[1].cpu_milli, 22);
  EXPECT_EQ(points[2].cpu_milli, 3);
}

TEST(Trace, APodThatComesLaterIsNotThereBefore) {
  const auto trace = read("time_s,host,cpu_millicores,pod\n0,a,1,x\n50,a,2,y\n100,a,1,x\n");
  ASSERT_TRUE(trace);
  const auto& late = trace->hosts[0].pods[1];
  EXPECT_EQ(trace->point(late, seconds(10)), nullptr);
  EXPECT_NE(trace->point(late, seconds(60)), nullptr);
}

TEST(Trace, ANodeHasTheHostOfItsNameElseOneInTurn) {
  const auto trace = read("time_s,host,cpu_millicores\n0,a,1\n0,sim-00007,2\n0,c,3\n");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->host_of(NodeName("sim-00007"), 0), 1u);
  EXPECT_EQ(trace->host_of(NodeName("sim-00004"), 4), 1u);
  EXPECT_EQ(trace->host_of(NodeName("sim-00005"), 5), 2u);
}

TEST(Trace, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal("time_s,host\n"), HasSubstr("time_s, host and cpu_millicores"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores,cpus\n"), HasSubstr("column 'cpus' is none of"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores,host\n"), HasSubstr("column 'host' is there twice"));
  EXPECT_THAT(refusal("a;b;c\n"), HasSubstr("GWA-T-12"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores\n"), HasSubstr("no rows"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores\n1,a\n"), HasSubstr("2 fields, want 3"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores\n1,a,x9\n"), HasSubstr("cpu_millicores 'x9': want a number"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores\n1,a,-1\n"), HasSubstr("cpu_millicores '-1'"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores\nnan,a,1\n"), HasSubstr("time_s 'nan'"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores\n1,,1\n"), HasSubstr("host ''"));
  EXPECT_THAT(refusal("time_s,host,cpu_millicores,class\n1,a,1,LSR\n"), HasSubstr("class 'LSR': want LS or BE"));
}

TEST(Trace, BitbrainsMachinesBecomeServicesOfHosts) {
  TraceReader reader(MilliCpu(8000));
  const auto machine = [&](const char* stem, const std::string& rows) {
    const auto added = add(reader, std::string(kBitbrainsHeader).append("\n").append(rows), stem);
    ASSERT_TRUE(added) << added.error().message();
  };
  machine("1",
          "1372629804;\t4;\t10000.0;\t2500.0;\t25;\t4194304.0;\t1048576.0;\t0.0;\t0.0;\t0.0;\t0.0\n"
          "1372630104;\t4;\t0;\t0;\t0;\t0;\t0;\t0.0;\t0.0;\t0.0;\t0.0\n");
  machine("2", "1372629804;\t4;\t10000.0;\t11000.0;\t110;\t4194304.0;\t1.0;\t0.0;\t0.0;\t0.0;\t0.0\n");
  machine("3", "1372629804;\t1;\t2600.0;\t26.0;\t1;\t4194304.0;\t1.0;\t0.0;\t0.0;\t0.0;\t0.0\n");
  const auto trace = reader.take();
  ASSERT_TRUE(trace) << trace.error().message();
  ASSERT_EQ(trace->hosts.size(), 2u) << "two of 4 CPUs, then the next host";
  ASSERT_EQ(trace->hosts[0].pods.size(), 2u);
  const auto& first = trace->hosts[0].pods[0];
  EXPECT_EQ(first.name, "vm-1");
  EXPECT_EQ(first.request, MilliCpu(4000));
  EXPECT_EQ(first.memory_request, model::Bytes(std::int64_t{4} << 30));
  EXPECT_EQ(first.points.at(0).cpu_milli, 1000);
  EXPECT_EQ(first.points.at(0).memory_bytes, 1024.0F * 1048576.0F);
  EXPECT_EQ(first.points.at(1).cpu_milli, 0) << "powered off";
  EXPECT_FLOAT_EQ(trace->hosts[0].pods[1].points.at(0).cpu_milli, 4400) << "use above the capacity stays";
  EXPECT_EQ(trace->begin_ms, 1'372'629'804'000) << "seconds, whatever the header says";
}

}  // namespace
}  // namespace tideline::simulation::trace_test
