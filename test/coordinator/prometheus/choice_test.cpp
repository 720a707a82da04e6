#include "coordinator/prometheus/choice.h"

#include <random>

#include <gmock/gmock.h>

#include "coordinator/prometheus/series.h"

namespace tideline::prometheus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> chosen(const std::string& text) {
  std::vector<std::string> names;
  const auto choice = SeriesChoice::from(text);
  if (!choice) {
    ADD_FAILURE() << choice.error().message();
    return names;
  }
  const auto series = all_series();
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (choice->has(i)) names.emplace_back(series[i].name);
  }
  return names;
}

std::string refusal(const model::Result<SeriesChoice>& choice) {
  if (choice) return "taken";
  EXPECT_EQ(choice.error().code(), model::ErrorCode::kInvalidArgument);
  return choice.error().message();
}

std::string label_refusal(const std::string& text) {
  const auto labels = node_labels_from(text);
  if (labels) return "taken";
  EXPECT_EQ(labels.error().code(), model::ErrorCode::kInvalidArgument);
  return labels.error().message();
}

/// By the definition, character by character.
bool slowly(std::string_view glob, std::string_view name) {
  if (glob.empty()) return name.empty();
  if (glob.front() == '*') {
    return slowly(glob.substr(1), name) || (!name.empty() && slowly(glob, name.substr(1)));
  }
  return !name.empty() && (glob.front() == '?' || glob.front() == name.front()) &&
         slowly(glob.substr(1), name.substr(1));
}

TEST(Globs, FitAsTheirDefinitionSays) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_TRUE(matches("tideline_*_cores", "tideline_node_cpu_used_cores"));
  EXPECT_FALSE(matches("tideline_*_cores", "tideline_node_cpu_used_coresx"));
  EXPECT_TRUE(matches("*a*b*", "xaxb"));
  EXPECT_FALSE(matches("*a*b", "xbxa"));
  constexpr unsigned kSeed = 11;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::string glob;
    std::string name;
    for (auto left = random() % 7; left > 0; --left)
      glob += "ab?*"[random() % 4];
    for (auto left = random() % 9; left > 0; --left)
      name += "ab"[random() % 2];
    ASSERT_EQ(matches(glob, name), slowly(glob, name)) << glob << " " << name;
  }
}

TEST(Globs, ManyStarsTakeNoLongTime) {
  std::string glob;
  for (int i = 0; i < 100; ++i)
    glob += "*a";
  EXPECT_FALSE(matches(glob + "b", std::string(250, 'a')));
}

TEST(SeriesChoice, NamesAndGlobsChooseTogether) {
  EXPECT_THAT(chosen("tideline_pod_cpu_used_cores, tideline_node_*_limit_*"),
              ElementsAre("tideline_node_be_cpu_limit_cores", "tideline_node_be_memory_limit_bytes",
                          "tideline_pod_cpu_used_cores"));
  EXPECT_EQ(chosen("*").size(), all_series().size());
}

TEST(SeriesChoice, KnowsWhetherPodsAreAmongThem) {
  EXPECT_FALSE(SeriesChoice().has_pods());
  EXPECT_FALSE(SeriesChoice::from("tideline_node_*")->has_pods());
  EXPECT_TRUE(SeriesChoice::from("tideline_node_pods,tideline_pod_cpu_used_cores")->has_pods());
}

TEST(SeriesChoice, ANameThatIsNoSeriesIsNamed) {
  EXPECT_THAT(refusal(SeriesChoice::from("tideline_node_*,tideline_node_cpu")), HasSubstr("\"tideline_node_cpu\""));
  EXPECT_THAT(refusal(SeriesChoice::from("")), HasSubstr("\"\""));
  EXPECT_THAT(refusal(SeriesChoice::from("tideline_node_*,")), HasSubstr("\"\""));
  EXPECT_THAT(refusal(SeriesChoice::from(std::string(5'000, '*'))), HasSubstr("5000 bytes"));
  std::string many = "*";
  for (int i = 0; i < 100; ++i)
    many += ",*";
  EXPECT_THAT(refusal(SeriesChoice::from(many)), HasSubstr("101 names"));
}

TEST(NodeLabels, AKeyAloneIsNamedAsKubeStateMetricsNamesIt) {
  const auto labels = node_labels_from("topology.kubernetes.io/zone,pool=pool, a-b=_c9");
  ASSERT_TRUE(labels) << labels.error().message();
  EXPECT_THAT(*labels, ElementsAre(NodeLabel{"topology.kubernetes.io/zone", "label_topology_kubernetes_io_zone"},
                                   NodeLabel{"pool", "pool"}, NodeLabel{"a-b", "_c9"}));
  EXPECT_TRUE(node_labels_from("")->empty());
}

TEST(NodeLabels, BadNamesAreNamed) {
  EXPECT_THAT(label_refusal("pool=9"), HasSubstr("\"pool=9\""));
  EXPECT_THAT(label_refusal("pool=a-b"), HasSubstr("\"pool=a-b\""));
  EXPECT_THAT(label_refusal("pool="), HasSubstr("\"pool=\""));
  EXPECT_THAT(label_refusal("pool=__name__"), HasSubstr("\"pool=__name__\""));
  EXPECT_THAT(label_refusal("=pool"), HasSubstr("\"=pool\""));
  EXPECT_THAT(label_refusal("a,,b"), HasSubstr("\"\""));
  for (const auto* own : {"node", "pod", "namespace", "qos", "workload"})
    EXPECT_THAT(label_refusal(std::string("x=") + own), HasSubstr("of their own")) << own;
  EXPECT_THAT(label_refusal("a.b,a-b"), HasSubstr("another label label_a_b"));
  std::string many = "k0";
  for (int i = 1; i < 17; ++i)
    many += ",k" + std::to_string(i);
  EXPECT_THAT(label_refusal(many), HasSubstr("more than 16 labels"));
}

}  // namespace
}  // namespace tideline::prometheus
