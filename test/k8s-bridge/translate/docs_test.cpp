// docs/kubernetes-objects.md says of the keys of Kubernetes objects what the code reads and writes.
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/keys.h"
#include "coordinator/policy/policy.h"
#include "coordinator/policy/scaling.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/pod_metadata.h"

namespace tideline::k8s::docs_test {
namespace {

using testing::IsEmpty;
using testing::Not;

using Keys = std::set<std::string>;

/// Keys of a section's table: acted on ("supported" or "different"), and left alone.
struct Said {
  Keys acted_on;
  Keys left_alone;
  Keys without_a_reason;  // of the latter
};

std::map<std::string, Said> read_document() {
  const char* source = std::getenv("TIDELINE_SOURCE");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/docs/kubernetes-objects.md");
  std::map<std::string, Said> sections;
  std::string section;
  static const std::regex row(R"(^\| (`[^|]*`) \| (supported|different|unsupported) \|(.*))");
  static const std::regex name("`([^`]+)`");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = line.substr(3);
    std::smatch cells;
    if (!std::regex_match(line, cells, row)) continue;
    const std::string names = cells[1].str();
    const bool is_left_alone = cells[2].str() == "unsupported";
    Said& said = sections[section];
    Keys& keys = is_left_alone ? said.left_alone : said.acted_on;
    for (std::sregex_iterator found(names.begin(), names.end(), name); found != std::sregex_iterator(); ++found)
      keys.insert((*found)[1].str());
    if (is_left_alone && cells[3].str().size() < 20) said.without_a_reason.insert(names);
  }
  return sections;
}

template <class Range>
void add(Keys& keys, const Range& names) {
  for (const auto& each : names)
    keys.emplace(each);
}

class DocsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(said_, Not(IsEmpty())) << "docs/kubernetes-objects.md was not read"; }
  const std::map<std::string, Said> said_ = read_document();
};

TEST_F(DocsTest, ListsTheResourcesThatAreReadOrWritten) {
  const Keys read{std::string(kBatchCpu),     std::string(kBatchMemory),    std::string(kMidCpu),
                  std::string(kMidMemory),    std::string(kOlderBatchCpu),  std::string(kOlderBatchMemory),
                  std::string(kReclaimedCpu), std::string(kReclaimedMemory)};
  EXPECT_EQ(said_.at("Resources").acted_on, read);
}

TEST_F(DocsTest, ListsTheLabelsOfAPodThatAreRead) {
  Keys read{std::string(kPriorityClassLabel), std::string(kOlderQosLabel), std::string(kTemplateHashLabel)};
  add(read, model::kPodLabels);
  EXPECT_EQ(said_.at("Labels of a pod").acted_on, read);
}

TEST_F(DocsTest, ListsTheAnnotationsOfAPodThatAreRead) {
  Keys read{std::string(kOlderQosAnnotation), std::string(kOlderCpuBurstAnnotation),
            std::string(kOlderMemoryQosAnnotation)};
  add(read, model::kPodAnnotations);
  EXPECT_EQ(said_.at("Annotations of a pod").acted_on, read);
}

TEST_F(DocsTest, ListsTheLabelsOfANodeThatMeanSomething) {
  const Keys& listed = said_.at("Labels of a node").acted_on;
  EXPECT_EQ(listed.size(), 5u);
  EXPECT_TRUE(listed.contains(std::string(policy::kNormalizationLabel)));
  for (const auto& label : listed)
    EXPECT_TRUE(label == policy::kNormalizationLabel || policy::is_ratio_label(label)) << label;
  for (const auto& label : said_.at("Labels of a node").left_alone)
    EXPECT_FALSE(policy::is_ratio_label(label)) << label;
}

TEST_F(DocsTest, ListsTheAnnotationsOfANodeThatAreReadOrWritten) {
  Keys known{std::string(kOriginAnnotation), std::string(kAccountAnnotation), std::string(kNormalizationAnnotation),
             std::string(kAmplificationAnnotation), std::string(kRawAllocatableAnnotation)};
  add(known, kNodeAnnotations);
  EXPECT_EQ(said_.at("Annotations of a node").acted_on, known);
}

TEST_F(DocsTest, ListsTheKeysOfTheConfigMap) {
  Keys active;
  Keys accepted;
  for (const auto& key : policy::key_table())
    active.emplace(key.document);
  add(accepted, policy::known_other_documents());
  EXPECT_EQ(said_.at("ConfigMap keys").acted_on, active);
  EXPECT_EQ(said_.at("ConfigMap keys").left_alone, accepted);
}

TEST_F(DocsTest, GivesAReasonForEachKeyThatIsLeftAlone) {
  std::size_t left_alone = 0;
  for (const auto& [section, said] : said_) {
    left_alone += said.left_alone.size();
    EXPECT_THAT(said.without_a_reason, IsEmpty()) << section;
  }
  EXPECT_GT(left_alone, 15u);
}

}  // namespace
}  // namespace tideline::k8s::docs_test
