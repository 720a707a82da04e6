#include "coordinator/planner_program/host_scenes.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

/// Values of a column: 256 MiB of all four.
constexpr std::size_t kStretchCells = std::size_t{1} << 24;
/// Of packed worlds, whose data is there anyhow: what is computed between two that are kept.
constexpr std::size_t kHostsAStretch = 1'024;
constexpr std::size_t kMostHostBytes = 80;

std::vector<planner::HostSlice> even_stretches(const planner::HostSlice& all) {
  std::vector<planner::HostSlice> out;
  for (std::size_t first = all.first; first < all.last; first += kHostsAStretch)
    out.push_back({first, std::min(first + kHostsAStretch, all.last)});
  if (out.empty()) out.push_back(all);
  return out;
}

bool has_tasks(const Options& options) {
  return !options.batch.tasks.empty() || options.batch.recorded;
}

}  // namespace

bool HostScenes::is_by_stretches() const {
  return source_.is_recorded && !has_tasks(*options_);
}

model::Result<HostScenes> HostScenes::open(const Options& options, Session& session) {
  HostScenes scenes(options);
  auto source = open_source(options, session);
  if (!source) return source.error();
  scenes.source_ = *std::move(source);
  if (scenes.is_by_stretches()) {
    const auto& history = *scenes.source_.history;
    scenes.hosts_ = history.hosts();
    scenes.stretches_ = history.stretches(options.shard.of(scenes.hosts_), kStretchCells);
    // Of no host: what is said of all of them is in the index.
    auto frame = history.read({scenes.hosts_, scenes.hosts_});
    if (!frame) return frame.error().in(options.files.front());
    scenes.frame_ = *std::move(frame);
    return scenes;
  }
  auto scene = load_scene(options, scenes.source_);
  if (!scene) return scene.error();
  scenes.whole_ = *std::move(scene);
  scenes.hosts_ = scenes.whole_->world.hosts.size();
  const auto& data = scenes.whole_->data;
  scenes.frame_.begin_s = data.begin_s;
  scenes.frame_.step_s = data.step_s;
  scenes.frame_.steps = data.steps;
  // Tasks are queued for all hosts together.
  scenes.stretches_ = has_tasks(options) ? std::vector<planner::HostSlice>{{0, scenes.hosts_}}
                                         : even_stretches(options.shard.of(scenes.hosts_));
  return scenes;
}

std::string HostScenes::host_name(std::size_t host) const {
  return source_.is_recorded ? source_.history->host_name(host) : planner::host_name(host);
}

model::Result<std::size_t> HostScenes::host_number(const std::string& text) const {
  for (std::size_t host = 0; host < hosts_ && source_.is_recorded; ++host) {
    if (source_.history->host_name(host) == text) return host;
  }
  // "7"; of packed hosts also "node-7" or "node-0007", which of recorded ones would be another's name.
  std::string_view digits = text;
  constexpr std::string_view kPrefix = "node-";
  if (!source_.is_recorded && digits.starts_with(kPrefix)) digits.remove_prefix(kPrefix.size());
  std::size_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem == std::errc() && end == digits.data() + digits.size() && number < hosts_) return number;
  return model::invalid(fmt::format(
      "--host {}: want one of {} to {}, or a number below {}", model::printable(text, kMostHostBytes),
      model::printable(host_name(0), kMostHostBytes), model::printable(host_name(hosts_ - 1), kMostHostBytes), hosts_));
}

model::Result<HostScenes::View> HostScenes::view(const planner::HostSlice& stretch) {
  if (whole_) {
    if (stretch == planner::HostSlice{0, hosts_}) return View{&whole_->data, &whole_->world};
    slice_ = planner::slice_of(whole_->world, stretch);
    return View{&whole_->data, &slice_};
  }
  stretch_.reset();
  auto data = source_.history->read(stretch);
  if (!data) return data.error().in(options_->files.front());
  auto world = planner::recorded_world(*data);
  if (!world) return world.error().in(options_->files.front());
  stretch_ = Scene{*std::move(data), *std::move(world), {}};
  return View{&stretch_->data, &stretch_->world};
}

model::Result<HostScenes::View> HostScenes::view_of(std::size_t host) {
  return view(whole_ ? planner::HostSlice{0, hosts_} : planner::HostSlice{host, host + 1});
}

model::Result<Heading> HostScenes::heading(std::string_view what, std::string_view live) const {
  if (whole_) return heading_of(what, live, *options_, *whole_);
  const auto world = planner::recorded_world(frame_);
  if (!world) return world.error().in(options_->files.front());
  return heading_of(what, live, *options_, frame_, &*world, {});
}

model::Result<std::string> HostScenes::key(std::string_view policy) const {
  return key_of(*options_, source_, policy);
}

planner::Progress HostScenes::progress(Session& session, std::string what, const planner::HostSlice& stretch) const {
  const auto before = static_cast<double>(stretch.first - stretches_.front().first);
  const auto own = static_cast<double>(stretch.size());
  const auto all = static_cast<double>(std::max<std::size_t>(stretches_.back().last - stretches_.front().first, 1));
  return [before, own, all, show = session.progress(std::move(what))](double share) {
    return show((before + share * own) / all);
  };
}

}  // namespace tideline::planner_program
