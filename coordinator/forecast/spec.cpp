#include "coordinator/forecast/spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "messages/model/json_text.h"

namespace tideline::forecast {
namespace {

using model::invalid;
using model::Result;

constexpr std::size_t kMaxTextBytes = 1'000;
constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxShownBytes = 80;

enum class Number : std::uint8_t { kNone, kMayBe, kMust };

struct KindRow {
  std::string_view name;
  ForecastKind kind;
  Number number = Number::kNone;
  double least = 0;
  double most = 0;
  std::string_view wanted;
};
constexpr double kAboveZero = std::numeric_limits<double>::denorm_min();
constexpr std::array<KindRow, 8> kKindRows = {
    {{"limit", ForecastKind::kLimit, Number::kMayBe, kAboveZero, 1,
      "a share of more than 0 and at most 1, as in limit:0.9"},
     {"mean", ForecastKind::kMean, Number::kMust, 0, 1'000, "a margin of 0 to 1000 percent, as in mean:15"},
     {"rc", ForecastKind::kPercentile, Number::kMust, kAboveZero, 100,
      "a percentile of more than 0 and at most 100, as in rc:99"},
     {"nsigma", ForecastKind::kNSigma, Number::kMust, 0, 100, "0 to 100 standard deviations, as in nsigma:5"},
     {"peak", ForecastKind::kPeak, Number::kNone, 0, 0, ""},
     {"koordinator", ForecastKind::kKoordinator, Number::kNone, 0, 0, ""},
     {"vpa", ForecastKind::kVpa, Number::kNone, 0, 0, ""},
     {"oracle", ForecastKind::kOracle, Number::kNone, 0, 0, ""}}};
constexpr std::string_view kMaxName = "max";
constexpr std::string_view kPossible =
    "limit, limit:0.9, mean:15, rc:99, nsigma:5, peak, koordinator, vpa, oracle and max(...,...)";

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", model::printable(text, kMaxShownBytes));
}

class TreeReader {
 public:
  explicit TreeReader(std::string_view text) : whole_(text), rest_(text) {}

  Result<ForecastTree> read() {
    auto tree = one(0);
    if (!tree) return tree;
    blanks();
    if (!rest_.empty()) return wrong(fmt::format("there is {} too much", quoted(rest_)));
    return tree;
  }

 private:
  Result<ForecastTree> one(std::size_t depth) {
    blanks();
    const std::string_view name = word();
    blanks();
    if (name == kMaxName) return largest(depth);
    const auto* row =
        std::find_if(kKindRows.begin(), kKindRows.end(), [&](const KindRow& kind) { return kind.name == name; });
    if (name.empty() || row == kKindRows.end()) {
      return wrong(fmt::format("{} is none; there are {}", quoted(name.empty() ? rest_ : name), kPossible));
    }
    if (row->kind == ForecastKind::kOracle && depth > 0) return wrong("the oracle stands alone, not in max()");
    ForecastTree tree{row->kind, row->kind == ForecastKind::kLimit ? 1.0 : 0.0, {}};
    if (!take(':')) {
      if (row->number == Number::kMust) return wrong(fmt::format("{} wants {}", name, row->wanted));
      return tree;
    }
    blanks();
    const std::string_view digits = word();
    if (row->number == Number::kNone) return wrong(fmt::format("{} takes no number", name));
    double number = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = problem == std::errc() && end == digits.data() + digits.size();
    if (!whole || !(number >= row->least) || !(number <= row->most)) {
      return wrong(fmt::format("{} takes {}, not {}", name, row->wanted, quoted(digits)));
    }
    tree.number = number + 0.0;  // -0 would be spelt otherwise than 0
    return tree;
  }

  /// What stands behind "max".
  Result<ForecastTree> largest(std::size_t depth) {
    if (depth == kMaxDepth) return wrong(fmt::format("max() is nested more than {} deep", kMaxDepth));
    if (!take('(')) return wrong("max wants its forecasts in brackets, as in max(nsigma:5,rc:99)");
    ForecastTree tree{ForecastKind::kMax, 0, {}};
    const auto keep = [&](ForecastTree part) {
      if (std::find(tree.parts.begin(), tree.parts.end(), part) == tree.parts.end()) {
        tree.parts.push_back(std::move(part));
      }
    };
    do {
      auto part = one(depth + 1);
      if (!part) return part;
      if (part->kind == ForecastKind::kMax) {
        for (auto& inner : part->parts)
          keep(std::move(inner));
      } else {
        keep(std::move(part).value());
      }
      blanks();
    } while (take(','));
    if (!take(')')) {
      return wrong(rest_.empty() ? "a bracket is not closed"
                                 : fmt::format("there is {} where \",\" or \")\" belongs", quoted(rest_)));
    }
    if (tree.parts.size() == 1) {
      ForecastTree only = std::move(tree.parts.front());
      return only;
    }
    return tree;
  }

  void blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view word() {
    const std::string_view found = rest_.substr(0, std::min(rest_.find_first_of(" \t:,()"), rest_.size()));
    rest_.remove_prefix(found.size());
    return found;
  }
  model::Error wrong(std::string_view what) const {
    return invalid(fmt::format("forecast {}: {}", quoted(whole_), what));
  }

  std::string_view whole_;
  std::string_view rest_;
};

}  // namespace

Result<ForecastTree> parse_tree(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return invalid(
        fmt::format("forecast {}: {} bytes are too many, {} are allowed", quoted(text), text.size(), kMaxTextBytes));
  }
  return TreeReader(text).read();
}

std::string spell(const ForecastTree& tree) {
  if (tree.kind == ForecastKind::kMax) {
    std::string text(kMaxName);
    for (std::size_t i = 0; i < tree.parts.size(); ++i)
      text += (i == 0 ? "(" : ",") + spell(tree.parts[i]);
    return text + ")";
  }
  for (const KindRow& row : kKindRows) {
    if (row.kind != tree.kind) continue;
    const bool bare = row.number == Number::kNone || (row.number == Number::kMayBe && tree.number == 1);
    return bare ? std::string(row.name) : fmt::format("{}:{}", row.name, tree.number);
  }
  return {};
}

}  // namespace tideline::forecast
