#include "node-actor/actor/unwritten.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "node-actor/kernel/knob.h"

namespace tideline::node {

void Unwritten::round(const decide::Settlement& settlement, const std::optional<decide::Aside>& suppress,
                      model::MonoTime now, bool unchanged) {
  if (unchanged && suppress.has_value() == suppress_.has_value() && now < next_) return;
  suppress_ = suppress;
  auto asides = decide::asides(settlement);
  if (suppress) asides.push_back(*suppress);
  const auto step = decide::aside_news(state_, asides, now);
  next_ = step.next.value_or(model::MonoTime{INT64_MAX});
  // Its value follows the load: looked at as often as it may be told.
  if (suppress) next_ = std::min(next_, now + decide::AsidePace::kAtMostEvery);
  for (const auto& news : step.news) {
    if (tell(news)) continue;
    state_.told.erase(news.key);
    next_ = std::min(next_, now + kRetry);
  }
}

bool Unwritten::tell(const decide::AsideNews& news) {
  const auto& [knob, kind, controller] = news.key;
  const auto reason = kind == decide::AsideKey::Kind::kDryRun ? model::Reason::kDryRun : model::Reason::kOverruled;
  const auto group = kernel::group_path(tree_, knob.group);
  const auto reading =
      group ? kernel::read_knob(tree_, *group, knob.knob) : model::Result<kernel::KnobReading>(group.error());
  const auto held = reading ? reading->raw : std::string();
  if (!news.value) {
    const auto file = files_.find(news.key);
    if (file == files_.end()) return true;
    tell_(controller, reason, std::move(file->second), held, "");
    files_.erase(file);
    return true;
  }
  if (!reading) {
    // What was told of a group that is gone holds no longer.
    if (const auto file = files_.find(news.key); file != files_.end()) {
      tell_(controller, reason, std::move(file->second), "", "");
      files_.erase(file);
    }
    return false;
  }
  const auto write = kernel::knob_write(kernel::version_of(tree_, knob.knob), reading->period_us, *group, knob.knob,
                                        *news.value, controller, news.reason);
  if (!write) return false;
  auto& file = files_[news.key];
  file = write->group + "/" + write->file;
  tell_(controller, reason, file, held, fmt::format("{} ({})", write->value, model::name_of(news.reason)));
  return true;
}

}  // namespace tideline::node
