#include "coordinator/policy/scaling.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tideline::policy {
namespace {

using model::Ratio;

/// As Go's strconv.ParseBool, which Koordinator reads it with.
std::optional<bool> bool_from(std::string_view text) {
  constexpr std::array<std::string_view, 6> kYes = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> kNo = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::find(kYes.begin(), kYes.end(), text) != kYes.end()) return true;
  if (std::find(kNo.begin(), kNo.end(), text) != kNo.end()) return false;
  return std::nullopt;
}

struct Case {
  std::optional<Ratio> ModelRatios::*ratio;
  std::string_view key;
  bool hyper_threads;
  bool turbo;
};
constexpr std::array<Case, 4> kCases = {{{&ModelRatios::base, "baseRatio", false, false},
                                         {&ModelRatios::hyper_threads, "hyperThreadEnabledRatio", true, false},
                                         {&ModelRatios::turbo, "turboEnabledRatio", false, true},
                                         {&ModelRatios::both, "hyperThreadTurboEnabledRatio", true, true}}};

/// The smallest of those that may apply. One that may and was not measured is worth `otherwise`; nullopt where that is
/// the smallest.
std::optional<Normalization> by_model(const RatioModel& models, const model::CpuKind& cpu, Ratio otherwise) {
  const auto found = models.find(cpu.model);
  if (found == models.end()) return std::nullopt;
  std::optional<Normalization> least;
  bool unmeasured = false;
  for (const Case& one : kCases) {
    if (cpu.hyper_threads.value_or(one.hyper_threads) != one.hyper_threads) continue;
    if (cpu.turbo.value_or(one.turbo) != one.turbo) continue;
    const auto& ratio = found->second.*one.ratio;
    if (!ratio) {
      unmeasured = true;
      continue;
    }
    if (least && least->ratio <= *ratio) continue;
    least = {*ratio, fmt::format("ratioModel \"{}\" {}", cpu.model, one.key)};
  }
  if (least && unmeasured && otherwise < least->ratio) return std::nullopt;
  return least;
}

}  // namespace

std::optional<bool> normalization_label(const Labels& labels) {
  if (labels.empty()) return std::nullopt;
  const auto label = labels.find(std::string(kNormalizationLabel));
  return label == labels.end() ? std::nullopt : bool_from(label->second);
}

Normalization normalization_of(const ScalingStrategy& strategy, const Labels& labels, const model::CpuKind& cpu,
                               std::vector<std::string>* label_problems) {
  const auto label = normalization_label(labels);
  if (label_problems && !label) {
    if (const auto text = labels.find(std::string(kNormalizationLabel)); text != labels.end()) {
      label_problems->push_back(fmt::format("label {} is \"{}\"; want true or false; it is ignored",
                                            kNormalizationLabel, text->second.substr(0, 64)));
    }
  }
  if (!label.value_or(strategy.normalize)) {
    return {Ratio(), label ? fmt::format("label {}: off", kNormalizationLabel) : "cpu-normalization-config: off"};
  }
  if (cpu.model.empty()) return {Ratio(), "the node did not tell its CPU model"};
  if (auto ratio = by_model(strategy.models, cpu, strategy.default_ratio.value_or(Ratio()))) return *std::move(ratio);
  if (strategy.default_ratio) {
    return {*strategy.default_ratio, fmt::format("defaultRatio, there is none for \"{}\"", cpu.model)};
  }
  return {Ratio(), fmt::format("there is no ratio for \"{}\"", cpu.model)};
}

model::ScalingPolicy scaling_of(const ScalingStrategy& strategy, model::Ratio normalization) {
  const auto configured = [&](const std::optional<Ratio>& ratio) {
    return strategy.amplify ? ratio.value_or(Ratio()) : Ratio();
  };
  return {.cpu_normalization = normalization,
          .cpu_amplification = Ratio::nearest(configured(strategy.cpu_amplification).value() * normalization.value()),
          .memory_amplification = configured(strategy.memory_amplification)};
}

}  // namespace tideline::policy
