#include "coordinator/fleet/application_book.h"

#include <algorithm>
#include <utility>

namespace tideline::fleet {

void ApplicationBook::take(const std::vector<model::HostApplicationSummary>& reported, std::int64_t slot,
                           model::Duration window) {
  if (reported.empty() && rows_.empty()) return;
  std::vector<Row> before = std::exchange(rows_, {});
  rows_.reserve(reported.size() + before.size());
  for (const auto& application : reported) {
    const auto known =
        std::find_if(before.begin(), before.end(), [&](const Row& row) { return row.name == application.name; });
    Row row;
    if (known != before.end()) {
      row = std::move(*known);
      before.erase(known);
    }
    row.name = application.name;
    row.tier = application.tier;
    row.qos = application.qos;
    row.state = application.state;
    row.listed = true;
    if (application.cpu_milli) row.cpu.add(slot, static_cast<double>(application.cpu_milli->mean), window);
    if (application.memory_bytes) row.memory.add(slot, static_cast<double>(application.memory_bytes->mean), window);
    rows_.push_back(std::move(row));
  }
  for (Row& row : before) {
    if (rows_.size() == kMaxRows) break;
    if (!row.cpu.at(slot) && !row.memory.at(slot)) continue;
    row.listed = false;
    rows_.push_back(std::move(row));
  }
}

}  // namespace tideline::fleet
