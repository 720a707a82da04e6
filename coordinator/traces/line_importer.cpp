#include "coordinator/traces/line_importer.h"

#include <fmt/format.h>

#include "coordinator/traces/fields.h"

namespace tideline::traces {
namespace {

constexpr std::size_t kMaxExample = 160;
constexpr std::size_t kMaxShownFile = 100;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

model::Result<void> LineImporter::begin_file(std::string_view name) {
  file_ = name;
  line_ = 0;
  return {};
}

model::Result<void> LineImporter::line(std::string_view text) {
  ++line_;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (line_ == 1) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    const auto header = is_header(text);
    if (!header) return header.error();
    if (*header) return {};
  }
  if (text.size() >= ImportLimits::kMaxLine) {
    count(RowClass::kOverLimit, text);
    return {};
  }
  const auto became = row(text);
  if (!became) return became.error();
  count(*became, text);
  return {};
}

model::Result<void> LineImporter::finish() {
  if (finished_) return {};
  finished_ = true;
  if (auto ended = end(report_); !ended) return ended;
  std::uint64_t taken = 0;
  for (std::size_t i = 0; i < kRowClasses; ++i) {
    if (fate_of(static_cast<RowClass>(i)) != Fate::kRefused) taken += report_.rows[i];
  }
  if (report_.step_s > 0 && report_.gaps * 4 > taken) {
    report_.notes.push_back(fmt::format(
        "Rows come irregularly: {} s is their most common distance, and {} are longer than one and a half times that.",
        report_.step_s, report_.gaps));
  }
  return {};
}

std::string LineImporter::place() const {
  return fmt::format("{}:{}", readable(file_, kMaxShownFile), line_);
}

void LineImporter::count(RowClass row, std::string_view text) {
  const auto number = static_cast<std::size_t>(row);
  ++report_.rows[number];
  std::string& example = report_.examples[number];
  if (row == RowClass::kKept || !example.empty()) return;
  example = place() + ": ";
  if (example.size() < kMaxExample) example += readable(text, kMaxExample - example.size());
}

}  // namespace tideline::traces
