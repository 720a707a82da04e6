#include "admin-client/render.h"

#include <gmock/gmock.h>

#include "admin-client/json_out.h"
#include "admin-client/policy_check_out.h"
#include "coordinator/policy/keys.h"

namespace tideline::tidectl::render_test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Node web() {
  Node node;
  node.name = "web-1";
  node.liveness = "live";
  node.connected = true;
  node.report_age = std::chrono::milliseconds(3400);
  node.policy_wanted = node.policy_applied = 7;
  node.pods = 2;
  model::NodeStatus status;
  status.cpu_capacity = model::MilliCpu(2000);
  status.memory_capacity = model::Bytes(8LL << 30);
  status.protection = {false, "cpu.shares 1024"};
  status.features = {{"cpuSuppress", model::FeatureState::State::kActive, ""},
                     {"cpuQOS.be", model::FeatureState::State::kUnsupported, "no controller"}};
  node.status = status;
  model::NodeSample last;
  last.node_cpu = model::MilliCpu(1350);
  last.be_limit = model::MilliCpu(880);
  node.last = last;
  return node;
}

TEST(RenderNodes, ShowsUseLimitAndPolicyInReadableUnits) {
  EXPECT_EQ(render_nodes({web()}),
            "NODE   STATE  REPORT AGE  CPU (cores)  LS  BE  BE LIMIT       MEMORY  PODS  BATCH CPU  BATCH MEMORY  LS IS"
            "        POLICY\n"
            "web-1  live           3s  1.35 / 2.00   -   -      0.88  - / 8.0 GiB     2          -             -  "
            "unprotected  7\n");
}

TEST(RenderNodes, TellsNoLimitFromUnknownLimit) {
  Node node = web();
  node.last->be_limit.reset();
  EXPECT_THAT(render_nodes({node}), HasSubstr("none"));
  node.last.reset();
  EXPECT_THAT(render_nodes({node}), Not(HasSubstr("none")));
}

TEST(RenderNodes, SaysSoWhenThereAreNone) {
  EXPECT_EQ(render_nodes({}), "no nodes\n");
}

TEST(PolicyText, TellsPendingFromRefused) {
  Node node = web();
  EXPECT_EQ(policy_text(node), "7");
  node.policy_wanted = 8;
  EXPECT_EQ(policy_text(node), "7 -> 8");
  node.policy_problem = "why";
  EXPECT_EQ(policy_text(node), "7 -> 8 refused");
  EXPECT_EQ(policy_text(Node{}), "none");
}

TEST(RenderNode, ListsFeaturesWithTheirReasons) {
  EXPECT_THAT(render_node(web()), AllOf(HasSubstr("cpuQOS.be    unsupported  no controller"),
                                        HasSubstr("LS is         unprotected: cpu.shares 1024")));
}

TEST(RenderNode, NamesAnnotationsAndWhatIsWrongWithThem) {
  Node node = web();
  node.status->annotations = {{"node.koordinator.sh/reservation", "4 CPUs"}, {"team", "x"}};
  EXPECT_THAT(render_node(node),
              AllOf(HasSubstr("node.koordinator.sh/reservation, team"),
                    HasSubstr("annotation node.koordinator.sh/reservation is \"4 CPUs\": not JSON")));
}

TEST(RenderPolicyStatus, NamesAnnotationsThatCannotBeUsed) {
  PolicyStatus status;
  EXPECT_THAT(render_policy_status(status), Not(HasSubstr("ANNOTATION")));
  status.nodes = {web(), web()};
  status.nodes[1].name = "web-2";
  status.nodes[1].status->annotations = {{"node.koordinator.sh/colocation-strategy", "?"}};
  EXPECT_THAT(render_policy_status(status),
              AllOf(HasSubstr("ANNOTATION PROBLEM"), HasSubstr("node.koordinator.sh/colocation-strategy is \"?\""),
                    HasSubstr("web-2\n")));
}

TEST(RenderNode, SaysWhatKindOfCpuItHas) {
  Node node = web();
  node.status->cpu = {"Xeon", true, std::nullopt};
  EXPECT_THAT(render_node(node), HasSubstr("Xeon; hyper-threads on, turbo not known\n"));
}

TEST(RenderNode, MakesTheNodesTextsHarmless) {
  Node node = web();
  node.status->agent_version = "\x1b]0;owned\x07";
  node.status->labels["k\n"] = "\x1b[2J";
  EXPECT_THAT(render_node(node), Not(HasSubstr("\x1b")));
}

TEST(RenderHistory, PutsSeriesBesideEachOtherByInstant) {
  const std::vector<Series> series = {{model::Metric::kLsCpu, {{{1000}, 400}, {{2000}, 500}}, false},
                                      {model::Metric::kBeLimit, {{{2000}, 880}}, false}};
  EXPECT_EQ(render_history(series),
            "TIME                  ls.cpu (cores)  be.limit (cores)\n"
            "1970-01-01T00:00:01Z           0.400                 -\n"
            "1970-01-01T00:00:02Z           0.500             0.880\n");
  EXPECT_EQ(render_history_csv(series),
            "time,wall_ms,ls.cpu (millicores),be.limit (millicores)\n"
            "1970-01-01T00:00:01Z,1000,400,\n"
            "1970-01-01T00:00:02Z,2000,500,880\n");
  EXPECT_EQ(render_history({}), "no points in this range\n");
}

TEST(RenderHistory, ShowsBytesThatNoWholeNumberHolds) {
  const std::vector<Series> series = {{model::Metric::kNodeMemory, {{{1000}, 1e19}, {{2000}, 1024}}, false}};
  EXPECT_THAT(render_history(series), AllOf(HasSubstr("10000000000000000000.00"), HasSubstr("1.0 KiB")));
}

TEST(CutNote, NamesTheSeriesThatAreCutAndNoOthers) {
  std::vector<Series> series{
      {model::Metric::kNodeCpu, {}, true}, {model::Metric::kLsCpu, {}, false}, {model::Metric::kBeCpu, {}, true}};
  EXPECT_EQ(cut_note(series), "cut: more points exist of node.cpu, be.cpu, narrow the range");
  series[0].truncated = series[2].truncated = false;
  EXPECT_EQ(cut_note(series), "");
}

TEST(RenderPolicyStatus, CountsWhoHasWhatItShould) {
  PolicyStatus status;
  status.state.version = 7;
  Node pending = web();
  pending.name = "db-1";
  pending.policy_applied = 6;
  pending.policy_problem = "no cpu controller";
  status.nodes = {pending, web()};
  EXPECT_THAT(render_policy_status(status),
              AllOf(HasSubstr("refused"), HasSubstr("no cpu controller"), HasSubstr("1 of 2 nodes")));
}

TEST(RenderPolicyStatus, SaysWhoHasTheSameAndWhatItCannotDo) {
  Node same = web();
  same.name = "db-1";
  same.policy_wanted = 8;
  same.policy_content = same.policy_content_applied = model::PolicyContent(0xabc);
  Node changed = same;
  changed.name = "db-2";
  changed.policy_wanted = changed.policy_applied = 8;
  changed.policy_content_applied = model::PolicyContent(0xdef);
  changed.connected = false;
  Node unknown = web();
  unknown.status.reset();
  EXPECT_THAT(render_policy_status({{}, {same, changed, unknown}}),
              AllOf(HasSubstr("NODE   WANTED  APPLIED  CONTENT           STATE                  CANNOT     PROBLEM\n"
                              "db-1   8       7        0000000000000abc  in force as version 7  cpuQOS.be  -\n"
                              "db-2   8       8        0000000000000abc  pending, no session    cpuQOS.be  -\n"
                              "web-1  7       7        -                 in force               -          -\n"),
                    HasSubstr("CONTENT           NODES  IN FORCE  BEHIND  PROBLEMS\n"
                              "0000000000000abc      2         1       1         0\n"
                              "-                     1         1       0         0\n"),
                    HasSubstr("CANNOT     NODES  FIRST  WHY\n"
                              "cpuQOS.be      2  db-1   no controller\n"),
                    HasSubstr("2 of 3 nodes have what they should; 2 cannot do all of it\n")));
}

TEST(RenderPolicyStatus, ANodeOfWhichNothingIsWantedYetHasNotWhatItShould) {
  Node silent;
  silent.name = "db-1";
  silent.liveness = "gone";
  EXPECT_THAT(render_policy_status({{}, {silent, web()}}),
              AllOf(HasSubstr("pending, no session"), HasSubstr("1 of 2 nodes have what they should")));
}

TEST(RenderPolicyCheck, OfOneNodeIsAboutThatNode) {
  PolicyCheck checked;
  checked.version = 7;
  auto& report = checked.report;
  report.nodes = 1;
  report.groups = {{{{"colocation-config", "enable", "false", "true", "top level"}}, {1, {model::NodeName("web-1")}}}};
  EXPECT_EQ(render_policy_check(checked, "web-1"),
            "the documents are good; compared with version 7, which is in force\n"
            "\n"
            "1 node would change: web-1\n"
            "DOCUMENT           KEY     NOW    THEN  BY\n"
            "colocation-config  enable  false  true  top level\n"
            "\n"
            "node web-1 would change\n");
  report.groups.clear();
  report.unchanged = 1;
  report.same = true;
  EXPECT_EQ(render_policy_check(checked, "web-1"),
            "the documents are good; the same as version 7, which is in force\n\nnode web-1 would stay as it is\n");
}

TEST(RenderPolicyCheck, TellsAnEmptyFleetFromNodesThatToldNoLabels) {
  PolicyCheck checked;
  EXPECT_EQ(render_policy_check(checked, ""),
            "the documents are good; no policy is in force: compared with the defaults\n\nno nodes\n");
  checked.report.unknown.add(model::NodeName("web-1"));
  EXPECT_THAT(render_policy_check(checked, ""),
              AllOf(HasSubstr("of 1 node: web-1\n"), Not(HasSubstr("no nodes")), Not(HasSubstr("would change\n"))));
}

TEST(RenderPolicyCheck, MakesForeignTextHarmless) {
  PolicyCheck checked;
  auto& report = checked.report;
  report.nodes = 1;
  report.dropped = {"\x1b[2J"};
  report.notices = {{"\x1b[2J", "\x1b[2J", "\x1b[2J"}};
  report.groups = {{{{"\x1b", "\x1b", "\x1b", "\x1b", "\x1b"}}, {1, {model::NodeName("\x1b")}}}};
  report.unknown.add(model::NodeName("\x1b"));
  report.lacks = {{"\x1b", "\x1b", false, {1, {model::NodeName("\x1b")}}}};
  EXPECT_THAT(render_policy_check(checked, "\x1b"), Not(HasSubstr("\x1b")));
}

TEST(RenderPolicyKeys, ShowsEveryDocument) {
  const auto text = render_policy_keys();
  EXPECT_THAT(text, AllOf(HasSubstr("colocation-config\n"), HasSubstr("\nresource-threshold-config\n"),
                          HasSubstr("\nresource-qos-config\n"), HasSubstr("cpuset | cfsQuota | workConserving")));
}

TEST(Json, HasNullForWhatIsNotKnown) {
  const auto node = json::parse(dump(to_json(web()), -1));
  EXPECT_EQ(node["name"], "web-1");
  EXPECT_EQ(node["reportAgeMs"], 3400);
  EXPECT_EQ(node["last"]["nodeCpuMilli"], 1350);
  EXPECT_TRUE(node["last"]["lsCpuMilli"].is_null());
  EXPECT_TRUE(node["reclaimed"].is_null());
  EXPECT_TRUE(node["policyProblem"].is_null());
  EXPECT_EQ(node["status"]["features"].size(), 2u);
}

TEST(Json, KeepsListsListsAndPointsPairs) {
  const auto nodes = json::parse(dump(list_json("nodes", std::vector<Node>{web()}), -1));
  ASSERT_TRUE(nodes["nodes"].is_array());
  EXPECT_EQ(nodes["nodes"].size(), 1u);
  const auto empty = json::parse(dump(list_json("nodes", std::vector<Node>{}), -1));
  EXPECT_EQ(empty["nodes"], json::array());
  const auto history =
      json::parse(dump(to_json(std::vector<Series>{{model::Metric::kLsCpu, {{{1000}, 400}}, false}}), -1));
  EXPECT_EQ(history["series"][0]["points"], json::parse("[[1000, 400.0]]"));
  EXPECT_EQ(history["series"][0]["unit"], "millicores");
}

TEST(Json, IsAsciiWhateverTheServerSays) {
  Node node = web();
  node.name = "\x1b[2J\xff größe";
  for (const char c : dump(to_json(node), 2)) {
    EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  }
}

TEST(RenderPolicy, ShowsEveryMechanismAndWhichOnesAreDry) {
  PolicyAnswer answer;
  model::NodePolicy& policy = answer.effective;
  policy.threshold.enable = true;
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  policy.threshold.cpu_evict_time_window_seconds = 60;
  policy.threshold.evict_enabled_priority_threshold = -5;
  policy.burst.policy = model::BurstPolicy::kAuto;
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  policy.dry_run.cpu_burst = true;
  policy.dry_run.batch_limits = true;
  const auto text = render_policy(answer, "db-1");
  using testing::ContainsRegex;
  for (const char* line :
       {"CPU suppress +on\n", "CPU eviction +on\n", "cpuEvictBESatisfactionLowerPercent +30 %\n",
        "cpuEvictBESatisfactionUpperPercent +unset\n", "cpuEvictTimeWindowSeconds +60 s\n",
        "cpuEvictPolicy +evictByRealLimit\n", "evictEnabledPriorityThreshold +-5\n", "CPU burst +on, dry run\n",
        "    policy +auto\n", "cfsQuotaBurstPeriodSeconds +no limit\n", "CPU QoS +coreSched\n",
        "cpusets +as the pods say\n", "batch limits +as the pods say, dry run\n"})
    EXPECT_THAT(text, ContainsRegex(line));
}

TEST(Json, EffectivePolicyHasEveryKeyAsKoordinatorSpellsIt) {
  PolicyAnswer answer;
  answer.effective.threshold.cpu_evict_threshold_percent = 95;
  answer.effective.burst.cfs_quota_burst_percent = 200;
  answer.effective.dry_run.cpu_evict = true;
  const json effective = to_json(answer).at("effective");
  EXPECT_EQ(effective.at("threshold").at("cpuEvictThresholdPercent"), 95);
  EXPECT_TRUE(effective.at("threshold").at("cpuEvictLowerPercent").is_null());
  EXPECT_EQ(effective.at("cpuBurst").at("cfsQuotaBurstPercent"), 200);
  EXPECT_EQ(effective.at("dryRun").at("cpuEvict"), true);
  EXPECT_EQ(effective.at("qos").at("lsr").at("coreExpeller"), true);
  for (const policy::KeySpec& key : policy::key_table()) {
    if (!key.apply) continue;
    const std::string name(key.path.substr(key.path.rfind('.') + 1));
    EXPECT_THAT(effective.dump(), HasSubstr("\"" + name + "\"")) << key.document << " " << key.path;
  }
}

}  // namespace
}  // namespace tideline::tidectl::render_test
