#include "coordinator/planner_program/found.h"

#include <utility>

#include "coordinator/planner/compare.h"
#include "coordinator/planner_program/host_scenes.h"
#include "coordinator/planner_program/score_options.h"

namespace tideline::planner_program {
namespace {

model::Result<void> deliver_points(const OutputOptions& output, const PartFile& about,
                                   const model::Result<planner::Sweep>& sweep, const planner::DataCounts& counts) {
  if (!sweep) return sweep.error();
  const auto preface = preface_of(about.heading, counts);
  return deliver(output, {.text = [&] { return planner_view::text_of(preface, *sweep); },
                          .json = [&] { return planner_view::json_of(preface, *sweep); },
                          .page = [&] { return planner_view::html_of(preface, *sweep); }});
}

}  // namespace

model::Result<void> deliver_replay(const OutputOptions& output, const PartFile& about, planner::ReplayPart found,
                                   const std::optional<planner::FinePart>& fine) {
  const auto preface = preface_of(about.heading, found.counts);
  auto result = planner::result_of(std::move(found));
  if (!result) return result.error();
  planner::SavedReplay saved;
  saved.name = about.name;
  saved.policy = about.policy;
  saved.data = about.data;
  saved.notes = preface.notes;
  saved.result = *std::move(result);
  if (fine) {
    auto report = planner::report_of(*fine);
    if (!report) return report.error().in("--fine");
    saved.fine = *std::move(report);
  }
  return deliver(output, {.text = [&] { return planner_view::text_of(preface, saved); },
                          .json = [&] { return planner::to_json(saved, about.by_host); },
                          .page = [&] { return planner_view::html_of(preface, saved); }});
}

model::Result<void> deliver_scores(const OutputOptions& output, const PartFile& about,
                                   const planner::ScorePart& found) {
  const auto scores = planner::scores_of(found);
  if (!scores) return scores.error();
  const auto preface = preface_of(about.heading, found.counts);
  return deliver(output, {.text = [&] { return planner_view::text_of(preface, *scores); },
                          .json = [&] { return planner_view::json_of(preface, *scores); },
                          .page = [&] { return planner_view::html_of(preface, *scores); }});
}

model::Result<void> deliver_sweep(const OutputOptions& output, const PartFile& about, const planner::SweepPart& found) {
  return deliver_points(output, about, planner::sweep_of(found, about.accepted_risk), found.counts);
}

model::Result<void> deliver_sweep(const OutputOptions& output, const PartFile& about, const planner::ScorePart& found) {
  const auto scores = planner::scores_of(found);
  if (!scores) return scores.error();
  return deliver_points(output, about, planner::sweep_of(*scores, about.accepted_risk), found.counts);
}

model::Result<void> deliver_capacity(const OutputOptions& output, const PartFile& about,
                                     const planner::CapacityPart& found) {
  const auto capacity = planner::capacity_of(found);
  if (!capacity) return capacity.error();
  const auto preface = preface_of(about.heading, found.counts);
  return deliver(output, {.text = [&] { return planner_view::text_of(preface, *capacity); },
                          .json = [&] { return planner_view::json_of(preface, *capacity); },
                          .page = [&] { return planner_view::html_of(preface, *capacity); }});
}

model::Result<FoundScores> find_scores(const Options& options, std::string_view what, Session& session) {
  auto scenes = HostScenes::open(options, session);
  if (!scenes) return scenes.error();
  const auto key = scenes->key("");
  if (!key) return key.error();
  const auto kept = kept_in(options.resume_directory, *key);
  if (!kept) return kept.error();
  auto heading = scenes->heading(what, kPredictorsLive);
  if (!heading) return heading.error();
  const auto scoring = score_options(options, scenes->frame(), session, {});
  for (auto& fact : score_facts(scoring, scenes->frame()))
    heading->preface.facts.push_back(std::move(fact));
  auto part = over_hosts<planner::ScorePart>(
      *scenes, session, "predictors", *kept,
      [&](const HostScenes::View& view, planner::Progress progress) {
        auto asked = scoring;
        asked.progress = std::move(progress);
        return planner::score_part(*view.data, *view.world, options.prediction.forecasts, asked);
      },
      [](const std::string& text) { return planner::score_part_from_json(text); });
  if (!part) return part.error();
  FoundScores found{{}, *std::move(part)};
  found.about.kind = PartKind::kPredictors;
  found.about.key = *key;
  found.about.shard = options.shard;
  found.about.heading = *std::move(heading);
  return found;
}

}  // namespace tideline::planner_program
