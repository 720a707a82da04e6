#include "coordinator/policy/spelling.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace tideline::policy {
namespace {

constexpr std::size_t kMaxEdits = 2;
constexpr std::size_t kMaxNameBytes = 64;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// Levenshtein distance.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string closest(std::string_view name, const std::vector<std::string_view>& known) {
  if (name.empty() || name.size() > kMaxNameBytes) return "";
  const std::string wanted = lower(name);
  std::string_view best;
  std::size_t best_edits = kMaxEdits + 1;
  for (const auto candidate : known) {
    const std::size_t distance = edits(wanted, lower(candidate));
    if (distance < best_edits) {
      best = candidate;
      best_edits = distance;
    }
  }
  return std::string(best);
}

std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string near = closest(name, known);
  return near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
}

}  // namespace tideline::policy
