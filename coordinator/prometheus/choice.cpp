#include "coordinator/prometheus/choice.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "coordinator/prometheus/series.h"
#include "messages/model/json_text.h"

namespace tideline::prometheus {
namespace {

using model::invalid;
using model::Result;

constexpr std::size_t kMaxShownBytes = 120;
constexpr std::size_t kMaxGlobs = 64;
constexpr std::size_t kMaxNameBytes = 256;  // of a glob, a label's key and its name
constexpr std::array<std::string_view, 5> kOwnLabels{"namespace", "node", "pod", "qos", "workload"};

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", model::printable(text, kMaxShownBytes));
}

/// Between commas, without the blanks around.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' '))
      part.remove_prefix(1);
    while (part.ends_with(' '))
      part.remove_suffix(1);
    parts.push_back(part);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_in_names(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

/// prometheus.io, "Data model": names that begin with two underscores are Prometheus' own.
bool is_label_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) && !name.starts_with("__") &&
         std::all_of(name.begin(), name.end(), is_in_names);
}

std::string name_for(std::string_view key) {
  std::string name = "label_";
  for (const char c : key)
    name += is_in_names(c) ? c : '_';
  return name;
}

}  // namespace

bool matches(std::string_view glob, std::string_view name) {
  // Only the newest star has to be tried at other places: what fits behind it would fit behind those before it.
  std::size_t at = 0;
  std::size_t g = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_at = 0;
  while (at < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_at = at;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[at])) {
      ++g;
      ++at;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*')
    ++g;
  return g == glob.size();
}

Result<SeriesChoice> SeriesChoice::from(std::string_view text) {
  const auto globs = parts_of(text);
  if (globs.size() > kMaxGlobs) return invalid(fmt::format("{} names, limit {}", globs.size(), kMaxGlobs));
  const auto series = all_series();
  SeriesChoice choice;
  for (const auto glob : globs) {
    if (glob.size() > kMaxNameBytes) {
      return invalid(fmt::format("{}: {} bytes, limit {}", quoted(glob), glob.size(), kMaxNameBytes));
    }
    std::uint64_t fits = 0;
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (matches(glob, series[i].name)) fits |= std::uint64_t{1} << i;
    }
    if (fits == 0) {
      return invalid(quoted(glob) + ": no series has such a name; they are in docs/remote-write.md, and * is for any");
    }
    choice.chosen_ |= fits;
  }
  return choice;
}

bool SeriesChoice::has_pods() const {
  const auto series = all_series();
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].of == SeriesOf::kPod && has(i)) return true;
  }
  return false;
}

Result<std::vector<NodeLabel>> node_labels_from(std::string_view text) {
  std::vector<NodeLabel> labels;
  if (text.empty()) return labels;
  for (const auto part : parts_of(text)) {
    const auto equals = part.find('=');
    NodeLabel label;
    label.key = part.substr(0, equals);
    if (label.key.empty() || part.size() > kMaxNameBytes) {
      return invalid(fmt::format("{}: want KEY or KEY=NAME, of at most {} bytes", quoted(part), kMaxNameBytes));
    }
    label.name = equals == std::string_view::npos ? name_for(label.key) : std::string(part.substr(equals + 1));
    if (!is_label_name(label.name)) {
      return invalid(fmt::format("{}: want a NAME of letters, digits and _, which begins with no digit and not with __",
                                 quoted(part)));
    }
    if (std::find(kOwnLabels.begin(), kOwnLabels.end(), label.name) != kOwnLabels.end()) {
      return invalid(fmt::format("{}: series have a label {} of their own", quoted(part), label.name));
    }
    const bool is_there =
        std::any_of(labels.begin(), labels.end(), [&](const NodeLabel& other) { return other.name == label.name; });
    if (is_there) return invalid(fmt::format("{}: there is another label {}", quoted(part), label.name));
    if (labels.size() == kMaxNodeLabels) return invalid(fmt::format("more than {} labels", kMaxNodeLabels));
    labels.push_back(std::move(label));
  }
  return labels;
}

}  // namespace tideline::prometheus
