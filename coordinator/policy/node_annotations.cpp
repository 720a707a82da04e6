#include "coordinator/policy/node_annotations.h"

#include <utility>

#include <fmt/format.h>

#include "coordinator/policy/json_text.h"
#include "coordinator/policy/reader.h"

namespace tideline::policy {
namespace {

struct Strategy {
  std::vector<Setting> settings;
  std::vector<Notice> notices;
};

const std::string* strategy_text(const model::NodeAnnotations& annotations) {
  if (annotations.empty()) return nullptr;
  const auto found = annotations.find(std::string(model::kColocationStrategyAnnotation));
  return found == annotations.end() ? nullptr : &found->second;
}

model::Result<Strategy> read(const std::string& text) {
  const auto root = parse_json(text);
  if (!root) return root.error();
  Strategy strategy;
  auto settings = read_strategy(*shape_of(kColocationKey), *root, strategy.notices);
  if (!settings) return settings.error();
  strategy.settings = *std::move(settings);
  return strategy;
}

}  // namespace

std::vector<Setting> annotated_settings(const model::NodeAnnotations& annotations) {
  const auto* text = strategy_text(annotations);
  if (text == nullptr) return {};
  auto strategy = read(*text);
  return strategy ? std::move(strategy->settings) : std::vector<Setting>{};
}

std::vector<std::string> annotation_problems(const model::NodeAnnotations& annotations) {
  std::vector<std::string> problems;
  if (annotations.empty()) return problems;
  const auto claims = model::read_claims(annotations);
  for (const auto* list : {&claims.unreadable, &claims.problems}) {
    for (const auto& problem : *list)
      problems.push_back(model::text_of(problem));
  }
  const auto* text = strategy_text(annotations);
  if (text == nullptr) return problems;
  const auto add = [&](std::string why) {
    problems.push_back(
        model::text_of(model::metadata_problem(model::kColocationStrategyAnnotation, *text, std::move(why))));
  };
  const auto strategy = read(*text);
  if (!strategy) {
    add(strategy.error().message() + "; it is ignored");
    return problems;
  }
  for (const auto& notice : strategy->notices)
    add(fmt::format("{}: {}", notice.path, notice.why));
  return problems;
}

bool same_strategy(const model::NodeAnnotations& a, const model::NodeAnnotations& b) {
  const auto* one = strategy_text(a);
  const auto* other = strategy_text(b);
  return one == nullptr || other == nullptr ? one == other : *one == *other;
}

model::NodeAnnotations strategy_of(const model::NodeAnnotations& annotations) {
  const auto* text = strategy_text(annotations);
  if (text == nullptr) return {};
  return {{std::string(model::kColocationStrategyAnnotation), *text}};
}

}  // namespace tideline::policy
