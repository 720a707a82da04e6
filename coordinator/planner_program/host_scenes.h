#pragma once
// The hosts of a question, a stretch of them at a time: as many as fit into memory where they are recorded, so that it
// is bounded by a stretch, and not by the fleet.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/host_slice.h"
#include "coordinator/planner/kept.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner_program/kept_files.h"
#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_program/session.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

class HostScenes {
 public:
  /// Where workloads are packed, or batch tasks queued for the whole fleet, all of the data is read now.
  static model::Result<HostScenes> open(const Options& options, Session& session);

  /// Of the shard, one after another; an empty one where it has no host.
  const std::vector<planner::HostSlice>& stretches() const { return stretches_; }
  std::size_t hosts() const { return hosts_; }  // of the fleet
  std::string host_name(std::size_t host) const;
  /// Its number, by its name or by its number; kInvalidArgument says which there are.
  model::Result<std::size_t> host_number(const std::string& text) const;

  struct View {
    const planner::Dataset* data = nullptr;
    const planner::World* world = nullptr;  // of the stretch
  };
  /// Good until the next.
  model::Result<View> view(const planner::HostSlice& stretch);
  /// Of that host at least.
  model::Result<View> view_of(std::size_t host);

  /// The grid alone, without any series.
  const planner::Dataset& frame() const { return frame_; }
  /// Needs no stretch to have been read.
  model::Result<Heading> heading(std::string_view what, std::string_view live) const;
  /// What the answer hangs on: version, command, data and `policy`.
  model::Result<std::string> key(std::string_view policy) const;
  /// Of a stretch, as a share of the shard.
  planner::Progress progress(Session& session, std::string what, const planner::HostSlice& stretch) const;

 private:
  explicit HostScenes(const Options& options) : options_(&options) {}
  bool is_by_stretches() const;

  const Options* options_;
  Source source_;
  planner::Dataset frame_;
  std::size_t hosts_ = 0;
  std::vector<planner::HostSlice> stretches_;
  std::optional<Scene> whole_;    // of packed worlds
  std::optional<Scene> stretch_;  // of recorded ones, the last that was asked for
  planner::World slice_;          // of whole_, likewise
};

/// What `compute(view, progress)` finds of each stretch, put together; found before and kept where it was.
template <class Part, class Compute, class Read>
model::Result<Part> over_hosts(HostScenes& scenes, Session& session, const std::string& what, const planner::Kept& kept,
                               const Compute& compute, const Read& read) {
  std::optional<Part> whole;
  for (const auto& stretch : scenes.stretches()) {
    if (auto on = session.go_on(); !on) return on.error();
    const auto name = fmt::format("hosts-{}-{}", stretch.first, stretch.last);
    std::optional<Part> part;
    if (const auto text = planner::find_kept(kept, name)) {
      if (auto before = read(*text)) part = *std::move(before);
    }
    if (!part) {
      const auto view = scenes.view(stretch);
      if (!view) return view.error();
      auto now = compute(*view, scenes.progress(session, what, stretch));
      if (!now) return now.error();
      part = *std::move(now);
      if (auto done = planner::keep_now(kept, name, kept.keep ? to_json(*part) : std::string()); !done) {
        return done.error();
      }
    }
    if (!whole) {
      whole = std::move(part);
    } else if (auto added = append(*whole, *std::move(part)); !added) {
      return added.error();
    }
  }
  return *std::move(whole);
}

}  // namespace tideline::planner_program
