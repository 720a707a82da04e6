#include "coordinator/planner_view/view.h"

#include <functional>
#include <sstream>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "test/coordinator/planner_view/markup.h"
#include "test/coordinator/planner_view/samples.h"

namespace tideline::planner_view {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Named = std::pair<std::string, std::string>;

std::vector<Named> all_pages() {
  const auto preface = nasty_preface();
  return {{"replay", html_of(preface, sample_replay())},
          {"replay, tick by tick", html_of(preface, sample_fine())},
          {"predictors", html_of(preface, sample_scores())},
          {"sweep of a policy", html_of(preface, sample_sweep(true))},
          {"sweep of predictors", html_of(preface, sample_sweep(false))},
          {"capacity", html_of(preface, sample_capacity())},
          {"moment", html_of(preface, sample_moment())},
          {"comparison", html_of(preface, sample_comparison())}};
}

traces::ImportReport sample_report() {
  traces::ImportReport report;
  report.rows[static_cast<std::size_t>(traces::RowClass::kKept)] = 90;
  report.rows[static_cast<std::size_t>(traces::RowClass::kUsedAboveRequest)] = 7;
  report.rows[static_cast<std::size_t>(traces::RowClass::kDuplicateTime)] = 3;
  report.examples[static_cast<std::size_t>(traces::RowClass::kDuplicateTime)] = std::string("a.csv:7: ") + kNasty;
  report.series = 5;
  report.gaps = 2;
  report.step_s = 300;
  report.first = kJuly;
  report.last = kJuly + 3'600;
  report.notes = {kNasty};
  return report;
}

std::vector<Named> all_texts() {
  const auto preface = nasty_preface();
  return {{"replay", text_of(preface, sample_replay())},
          {"replay, tick by tick", text_of(preface, sample_fine())},
          {"demand model", text_of(preface, sample_fine().fine->demand)},
          {"predictors", text_of(preface, sample_scores())},
          {"sweep of a policy", text_of(preface, sample_sweep(true))},
          {"sweep of predictors", text_of(preface, sample_sweep(false))},
          {"capacity", text_of(preface, sample_capacity())},
          {"moment", text_of(preface, sample_moment())},
          {"comparison", text_of(preface, sample_comparison())},
          {"import", text_of(std::string("a ") + kNasty, sample_report())}};
}

std::vector<Named> all_json() {
  const auto preface = nasty_preface();
  return {{"predictors", json_of(preface, sample_scores())},
          {"sweep of a policy", json_of(preface, sample_sweep(true))},
          {"sweep of predictors", json_of(preface, sample_sweep(false))},
          {"capacity", json_of(preface, sample_capacity())},
          {"moment", json_of(preface, sample_moment())},
          {"comparison", json_of(preface, sample_comparison())},
          {"import", json_of(std::string("a ") + kNasty, sample_report())}};
}

TEST(Page, AsksForNoOtherFileAndRunsNothing) {
  for (const auto& [name, page] : all_pages()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(asks_for(page), "");
    EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  }
}

TEST(Page, EscapesWhatCameFromData) {
  for (const auto& [name, page] : all_pages()) {
    SCOPED_TRACE(name);
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;q&quot;"));
  }
}

TEST(Page, IsWellFormedAndHasHeadings) {
  for (const auto& [name, page] : all_pages()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(unbalanced_tag(page), "");
    EXPECT_EQ(count_tags(page, "h1"), 1u);
    EXPECT_GE(count_tags(page, "h2"), 2u);
    EXPECT_EQ(count_tags(page, "h2"), count_tags(page, "section"));
    EXPECT_THAT(page, AllOf(HasSubstr("<html lang=\"en\">"), HasSubstr("prefers-color-scheme: dark"),
                            HasSubstr("@media print"), HasSubstr("<title>Title &lt;script&gt;")));
  }
}

TEST(Page, HasPlotsWhoseCoordinatesLieWithinThem) {
  for (const auto& [name, page] : all_pages()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(stray_element(page), "");
    if (name != "moment") {
      EXPECT_GE(count_tags(page, "svg"), 1u);
      EXPECT_EQ(count_tags(page, "svg"), count_tags(page, "figcaption"));
    }
  }
  EXPECT_EQ(count_tags(all_pages().front().second, "svg"), 3u) << "the course, the events and the hosts of a replay";
}

TEST(Report, IsTheSameEachTime) {
  EXPECT_EQ(all_pages(), all_pages());
  EXPECT_EQ(all_texts(), all_texts());
  EXPECT_EQ(all_json(), all_json());
}

TEST(Report, HasThePrefaceInTextAndPage) {
  const auto preface = nasty_preface();
  for (const auto& [name, text] : all_texts()) {
    SCOPED_TRACE(name);
    if (name == "import") continue;
    EXPECT_THAT(text, AllOf(HasSubstr("Title "), HasSubstr("  $ tideline-planner "), HasSubstr("  time base: 5 min\n"),
                            HasSubstr("* note ")));
  }
  for (const auto& [name, page] : all_pages()) {
    SCOPED_TRACE(name);
    EXPECT_THAT(page, AllOf(HasSubstr("<li>time base: 5 min</li>"), HasSubstr("<code>tideline-planner "),
                            HasSubstr("<li>note ")));
  }
}

TEST(Text, HasNoControlCharactersAndNoBlanksAtTheEndOfLines) {
  for (const auto& [name, text] : all_texts()) {
    SCOPED_TRACE(name);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line.empty() || line.back() != ' ') << line;
      for (const char c : line)
        EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7F) << line;
    }
    EXPECT_TRUE(text.ends_with('\n'));
  }
}

TEST(Text, OfAReplayHasEachTotalWithItsUnitAndShare) {
  const auto text = text_of(nasty_preface(), sample_replay());
  const auto line_with = [&](const std::string& word) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(word + "  ")) return line;
    return std::string("no line begins with ") + word;
  };
  EXPECT_THAT(line_with("capacity"), HasSubstr("1536  core-h"));
  EXPECT_THAT(line_with("offered"), AllOf(HasSubstr("480  core-h"), HasSubstr("31.25 % of capacity")));
  EXPECT_THAT(line_with("batch wasted"), HasSubstr("10.00 % of batch used"));
  EXPECT_THAT(line_with("suppressed"), HasSubstr("1.00 % of all host time"));
  EXPECT_THAT(line_with("violations"), HasSubstr("1.50 % of violation checks"));
  EXPECT_THAT(text, HasSubstr("2013-07-01"));
  EXPECT_THAT(text, HasSubstr("node-0001  2013-07-01T00:10:00Z"));
}

TEST(Text, OfAFineRunHasTheClosedFormBesideItAndWhatWasVaried) {
  const auto text = text_of(nasty_preface(), sample_fine());
  const auto line_with = [&](const std::string& word) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(word + "  ")) return line;
    return std::string("no line begins with ") + word;
  };
  EXPECT_THAT(text, HasSubstr("3 host-steps of 5 min with the node's own loops"));
  EXPECT_THAT(text, HasSubstr("seed 5"));
  EXPECT_THAT(line_with("changes of the limit"), AllOf(HasSubstr("-  "), HasSubstr("10  writes")))
      << "the closed form has none";
  for (const auto& variation : planner::kFineVariations)
    EXPECT_THAT(line_with(std::string(variation.name)), HasSubstr("0.9"));
  EXPECT_THAT(line_with("noise x 2"), HasSubstr("402"));
  EXPECT_THAT(text, HasSubstr("node-0001  2013-07-01T00:10:00Z"));
  EXPECT_THAT(line_with("use in a burst"), HasSubstr("3  times"));
  EXPECT_THAT(text, HasSubstr("The demand model: node-7.rec <script>"));
  EXPECT_THAT(text_of(nasty_preface(), sample_replay()), Not(HasSubstr("Sensitivity")));
}

TEST(Page, OfAFineRunHasTheRiskOfEachVariation) {
  const auto page = html_of(nasty_preface(), sample_fine());
  EXPECT_EQ(count_tags(page, "svg"), 4u) << "one more than a replay has";
  EXPECT_THAT(page, HasSubstr("bursts x 0.5"));
}

TEST(Text, OfASweepSaysWhatIsRecommended) {
  const auto text = text_of(nasty_preface(), sample_sweep(true));
  EXPECT_THAT(text, HasSubstr("At an accepted risk of 1.000 %: cpuReclaimThresholdPercent=60, with savings of 20.00 % "
                              "and a risk of 0.800 %."));
  EXPECT_THAT(text, HasSubstr("batch used (core-h)"));
  EXPECT_THAT(text_of(nasty_preface(), sample_sweep(false)), Not(HasSubstr("batch used (core-h)")));
  auto risky = sample_sweep(false);
  for (auto& point : risky.points)
    point.risk = 0.5;
  planner::judge(risky);
  EXPECT_THAT(text_of(nasty_preface(), risky), HasSubstr("there is nothing to recommend: no point that can be taken"));
  auto unchecked = sample_sweep(false);
  unchecked.recommended.reset();
  EXPECT_THAT(text_of(nasty_preface(), unchecked), HasSubstr("nothing to recommend: nothing was checked"));
  planner::SweepPoint oracle;
  oracle.setting = "oracle";
  oracle.savings = 0.9;
  unchecked.points = {oracle};
  EXPECT_THAT(text_of(nasty_preface(), unchecked), HasSubstr("no point that can be taken"));
}

TEST(Text, OfCapacityAnswersTheQuestion) {
  EXPECT_THAT(text_of(nasty_preface(), sample_capacity()),
              HasSubstr("12 of 42 hosts can be given back; by days drawn anew, 10 to 13."));
  auto full = sample_capacity();
  full.hosts_to_give_back = {};
  EXPECT_THAT(text_of(nasty_preface(), full), HasSubstr("None of the 42 hosts can be given back."));
}

TEST(Text, OfAComparisonHasTheChangeFromTheFirst) {
  const auto text = text_of(nasty_preface(), sample_comparison());
  EXPECT_THAT(text, HasSubstr("+20.0"));
  EXPECT_THAT(text, HasSubstr("Take care"));
  EXPECT_THAT(text, HasSubstr("Where they differ: "));
}

TEST(Text, OfAnImportHasEachClassThatThereIs) {
  const auto text = text_of("july.csv", sample_report());
  EXPECT_THAT(text, HasSubstr("100 lines, 5 series, 2 gaps within them"));
  EXPECT_THAT(text, HasSubstr("2013-07-01T00:00:00Z to 2013-07-01T01:00:00Z"));
  EXPECT_THAT(text, HasSubstr("used-above-request"));
  EXPECT_THAT(text, HasSubstr("a.csv:7: <script>"));
  EXPECT_THAT(text, Not(HasSubstr("powered-off")));
}

TEST(Json, ParsesAndIsOneLine) {
  for (const auto& [name, text] : all_json()) {
    SCOPED_TRACE(name);
    const auto parsed = json::parse(text, nullptr, false);
    ASSERT_TRUE(parsed.is_object());
    EXPECT_EQ(parsed.at("version"), 1);
    EXPECT_TRUE(parsed.at("schema").get<std::string>().starts_with("tideline-"));
    EXPECT_EQ(text.find('\n'), text.size() - 1);
  }
}

TEST(Json, HasTheNumbersInStableOrder) {
  const auto preface = Preface{.title = "t", .command = "c", .facts = {"f"}, .notes = {}};
  planner::Sweep sweep;
  sweep.accepted_risk = 0.01;
  planner::SweepPoint point;
  point.setting = "nsigma:5";
  point.savings = 0.1;
  sweep.points = {point};
  planner::judge(sweep);
  EXPECT_EQ(json_of(preface, sweep),
            R"({"schema":"tideline-sweep","version":1,"title":"t","command":"c","facts":["f"],"notes":[],)"
            R"("acceptedRisk":0.01,"recommended":"nsigma:5","points":[{"setting":"nsigma:5","savings":0.1,"risk":0.0,)"
            R"("severityP99":0.0,"onFrontier":true}]})"
            "\n");
}

TEST(Json, OfASweepHasTotalsOfReplaysOnly) {
  const auto replays = json::parse(json_of(nasty_preface(), sample_sweep(true)));
  EXPECT_EQ(replays.at("points").at(2).at("totals").at("offeredCoreH"), 480.0);
  EXPECT_EQ(replays.at("recommended"), "cpuReclaimThresholdPercent=60");
  const auto forecasts = json::parse(json_of(nasty_preface(), sample_sweep(false)));
  EXPECT_FALSE(forecasts.at("points").at(2).contains("totals"));
}

TEST(Json, TakesBytesThatAreNoText) {
  auto report = sample_report();
  report.notes = {"\xff\xfe"};
  EXPECT_TRUE(json::parse(json_of("\x80", report), nullptr, false).is_object());
}

TEST(Report, OfNothingIsStillOne) {
  const Preface preface;
  const planner::SavedReplay nothing;
  EXPECT_THAT(text_of(preface, nothing), HasSubstr("Result"));
  EXPECT_EQ(stray_element(html_of(preface, nothing)), "");
  EXPECT_EQ(unbalanced_tag(html_of(preface, std::vector<planner::ForecastScore>())), "");
  EXPECT_EQ(unbalanced_tag(html_of(preface, planner::Sweep())), "");
  EXPECT_EQ(unbalanced_tag(html_of(preface, planner::Comparison())), "");
}

}  // namespace
}  // namespace tideline::planner_view
