#include "coordinator/history_options.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "messages/model/quantity.h"
#include "storage/files/directory.h"
#include "storage/series/tier.h"

namespace tideline::program {
namespace {

using model::Result;

struct KeptKind {
  std::string_view name;
  model::Duration least;
  model::Duration& (*of)(coordinator::HistoryRetention&);
};

constexpr std::chrono::hours kLeastOfRows{2};

template <series::Tier tier>
KeptKind kept_tier() {
  return {series::name_of(tier), std::chrono::seconds(series::block_s(tier)),
          [](coordinator::HistoryRetention& kept) -> model::Duration& { return kept.tiers[series::place_of(tier)]; }};
}

template <series::Tier tier>
KeptKind kept_pods(std::string_view name) {
  return {name, std::chrono::seconds(series::block_s(tier)),
          [](coordinator::HistoryRetention& kept) -> model::Duration& { return kept.pods[series::place_of(tier)]; }};
}

/// By series::kTiers.
constexpr std::array<std::string_view, series::kTiers.size()> kPodsKinds{"10s-pods", "1m-pods", "15m-pods"};

/// Tiers from the finest to the coarsest.
const std::array<KeptKind, 9>& kept_kinds() {
  using Kept = coordinator::HistoryRetention;
  static const std::array<KeptKind, 9> kKinds{
      KeptKind{"raw", kLeastOfRows, [](Kept& kept) -> model::Duration& { return kept.reports; }},
      kept_tier<series::Tier::kTenSeconds>(),
      kept_tier<series::Tier::kMinute>(),
      kept_tier<series::Tier::kQuarterHour>(),
      kept_pods<series::Tier::kTenSeconds>(kPodsKinds[0]),
      kept_pods<series::Tier::kMinute>(kPodsKinds[1]),
      kept_pods<series::Tier::kQuarterHour>(kPodsKinds[2]),
      KeptKind{"events", kLeastOfRows, [](Kept& kept) -> model::Duration& { return kept.events; }},
      KeptKind{"accounts", kLeastOfRows, [](Kept& kept) -> model::Duration& { return kept.accounts; }}};
  return kKinds;
}

bool is_of_tables(const KeptKind& kind) {
  return series::tier_from(kind.name) || std::find(kPodsKinds.begin(), kPodsKinds.end(), kind.name) != kPodsKinds.end();
}

/// The largest unit that it is whole in.
std::string duration_text(model::Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (model::Duration(std::chrono::seconds(seconds)) != duration) return fmt::format("{}ms", model::to_ms(duration));
  if (seconds % 86'400 == 0) return fmt::format("{}d", seconds / 86'400);
  if (seconds % 3'600 == 0) return fmt::format("{}h", seconds / 3'600);
  if (seconds % 60 == 0) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}s", seconds);
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Result<void> put(const KeptKind& kind, std::string_view value, coordinator::HistoryRetention& kept) {
  const auto duration = model::parse_duration(value);
  if (!duration) return duration.error().in(kind.name);
  if (*duration < kind.least) {
    return model::invalid(fmt::format("{}={}: want at least {}", kind.name, value, duration_text(kind.least)));
  }
  kind.of(kept) = *duration;
  return {};
}

Result<void> put_part(std::string_view part, std::vector<std::string_view>& given,
                      coordinator::HistoryRetention& kept) {
  const auto equals = part.find('=');
  if (equals == std::string_view::npos) {
    return model::invalid(fmt::format("\"{}\": want KIND=DURATION, or one duration alone", part));
  }
  const auto name = part.substr(0, equals);
  const auto& kinds = kept_kinds();
  const auto* kind = std::find_if(kinds.begin(), kinds.end(), [name](const KeptKind& one) { return one.name == name; });
  if (kind == kinds.end()) {
    std::vector<std::string_view> names;
    for (const auto& one : kinds)
      names.push_back(one.name);
    return model::invalid(fmt::format("\"{}\": there is no kind \"{}\"; want {}", part, name, fmt::join(names, ", ")));
  }
  if (std::find(given.begin(), given.end(), name) != given.end()) {
    return model::invalid(fmt::format("\"{}\": {} is given twice", part, name));
  }
  given.push_back(kind->name);
  return put(*kind, part.substr(equals + 1), kept);
}

Result<model::Duration> pace_from(const std::string& text) {
  const auto pace = model::parse_duration(text);
  if (!pace) return pace.error();
  if (*pace < std::chrono::seconds(1) || *pace > std::chrono::hours(1)) {
    return model::invalid(fmt::format("{}: want 1s to 1h", text));
  }
  return *pace;
}

/// What is kept of pods where nothing is said of it.
void settle_pods(const std::vector<std::string_view>& given, coordinator::HistoryRetention& kept) {
  constexpr std::size_t kCoarsest = series::kTiers.size() - 1;
  const auto is_given = [&given](std::size_t tier) {
    return std::find(given.begin(), given.end(), kPodsKinds[tier]) != given.end();
  };
  for (std::size_t i = 0; i < kCoarsest; ++i) {
    if (!is_given(i)) kept.pods[i] = kept.tiers[i];
  }
  if (is_given(kCoarsest)) return;
  const auto usual = coordinator::HistoryRetention().pods[kCoarsest];
  kept.pods[kCoarsest] = std::min(std::max(usual, kept.pods[kCoarsest - 1]), kept.tiers[kCoarsest]);
}

Result<void> check_order(const coordinator::HistoryRetention& kept) {
  const auto shorter = [](std::string_view name, model::Duration duration, std::string_view than,
                          model::Duration longer, std::string_view why) {
    return model::invalid(fmt::format("{}={} is shorter than {}={}: {}", name, duration_text(duration), than,
                                      duration_text(longer), why));
  };
  for (std::size_t i = 1; i < kept.tiers.size(); ++i) {
    if (kept.tiers[i] >= kept.tiers[i - 1]) continue;
    return shorter(series::name_of(series::kTiers[i]), kept.tiers[i], series::name_of(series::kTiers[i - 1]),
                   kept.tiers[i - 1], "a coarser tier is kept at least as long");
  }
  for (std::size_t i = 0; i < kept.pods.size(); ++i) {
    if (kept.tiers[i] < kept.pods[i]) {
      return shorter(series::name_of(series::kTiers[i]), kept.tiers[i], kPodsKinds[i], kept.pods[i],
                     "what a tier has of pods is kept no longer than the tier");
    }
    if (i > 0 && kept.pods[i] < kept.pods[i - 1]) {
      return shorter(kPodsKinds[i], kept.pods[i], kPodsKinds[i - 1], kept.pods[i - 1],
                     "a coarser tier is kept at least as long");
    }
  }
  return {};
}

}  // namespace

Result<coordinator::HistoryRetention> retention_from(std::string_view text) {
  coordinator::HistoryRetention kept;
  if (text.find_first_of("=,") == std::string_view::npos) {
    for (const auto& kind : kept_kinds()) {
      if (is_of_tables(kind)) continue;
      if (const auto good = put(kind, text, kept); !good) return good.error();
    }
    return kept;
  }
  std::vector<std::string_view> given;
  for (const auto part : parts_of(text)) {
    if (const auto good = put_part(part, given, kept); !good) return good.error();
  }
  settle_pods(given, kept);
  if (const auto good = check_order(kept); !good) return good.error();
  return kept;
}

Result<void> settle_history(const HistoryArguments& arguments, const std::string& store,
                            coordinator::CoordinatorConfig& config) {
  const auto kept = retention_from(arguments.retention);
  if (!kept) return kept.error().in("--retention " + arguments.retention);
  config.retention = *kept;
  const auto fold_every = pace_from(arguments.fold_every);
  if (!fold_every) return fold_every.error().in("--fold-every");
  config.fold_every = *fold_every;
  const auto drop_every = pace_from(arguments.drop_every);
  if (!drop_every) return drop_every.error().in("--drop-every");
  config.drop_every = *drop_every;
  if (arguments.backup_directory.empty()) return {};
  const auto wrong = [&](const std::string& why) {
    return model::invalid(fmt::format("--backup-dir {}: {}", arguments.backup_directory, why));
  };
  std::filesystem::path directory = std::filesystem::path(arguments.backup_directory).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // a slash at its end
  if (!directory.is_absolute()) return wrong("want an absolute path");
  std::error_code unknown;
  const auto inner = directory.lexically_relative(std::filesystem::absolute(store, unknown).lexically_normal());
  if (!inner.empty() && *inner.begin() != "..") return wrong("want a directory outside of the store, " + store);
  config.backup_directory = directory.string();
  return {};
}

Result<void> make_backup_directory(const std::string& directory) {
  if (directory.empty()) return {};
  const auto made = files::make_directory(directory);
  if (!made) return model::Error(made.error().code(), "--backup-dir " + made.error().message());
  return {};
}

}  // namespace tideline::program
