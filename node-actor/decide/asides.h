#pragma once
// What a settlement leaves unwritten, for `explain`: the value that a mechanism in dry run would write, and what a
// mechanism wanted that another one's want displaced. Told when it changes and at a bounded rate: both follow loads.

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "node-actor/decide/arbiter.h"

namespace tideline::decide {

struct AsideKey {
  KnobRef knob;
  enum class Kind {
    kDryRun,     // would be written if the mechanism were not in dry run
    kOverruled,  // would be wanted if no better want were there
  } kind = Kind::kDryRun;
  model::Controller controller = model::Controller::kNone;  // who wants it
  friend bool operator==(const AsideKey&, const AsideKey&) = default;
  friend auto operator<=>(const AsideKey&, const AsideKey&) = default;
};

struct Aside {
  AsideKey key;
  model::KnobValue value;
  model::Reason reason = model::Reason::kNone;
  friend bool operator==(const Aside&, const Aside&) = default;
};

/// One a key. None of a knob under hands-off, which says so itself, and none of what mechanisms in dry run overrule
/// among themselves.
std::vector<Aside> asides(const Settlement& settlement);

struct AsidePace {
  /// What was told of a key stands at least so long.
  static constexpr model::Duration kAtMostEvery = std::chrono::minutes(1);
  static constexpr std::size_t kMostARound = 128;
  /// More keys than these are not told of.
  static constexpr std::size_t kMostKeys = 8192;
};

struct AsideState {
  struct Told {
    model::KnobValue value;
    model::MonoTime at;
  };
  std::map<AsideKey, Told> told;
};

struct AsideNews {
  AsideKey key;
  std::optional<model::KnobValue> value;  // nullopt: it is so no longer
  model::Reason reason = model::Reason::kNone;
};

struct AsideStep {
  /// They count as told.
  std::vector<AsideNews> news;
  /// When there is more to tell of these same asides; nullopt: there is not.
  std::optional<model::MonoTime> next;
};

AsideStep aside_news(AsideState& state, const std::vector<Aside>& all, model::MonoTime now);

}  // namespace tideline::decide
