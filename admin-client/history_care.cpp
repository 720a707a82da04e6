#include "admin-client/history_care.h"

#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "admin-client/history_out.h"
#include "admin-client/human.h"
#include "admin-client/progress.h"
#include "admin-client/say.h"

namespace tideline::tidectl {
namespace {

/// Read and decoded well within the time that an answer may take, also from a slow disk.
constexpr std::uint64_t kVerifySliceBytes = 16u << 20;
constexpr std::size_t kMaxFindings = 10'000;  // that are named

}  // namespace

int run_history_state(const Options& options, Connection& connection) {
  return show(options, connection.history_state(), render_history_state);
}

int run_history_verify(const Options& options, const Terminal& terminal, Connection& connection) {
  Progress progress(terminal.progress);
  HistoryVerified all;
  bool read_on = true;
  std::string from;
  do {
    auto slice = connection.history_verify(from, kVerifySliceBytes);
    if (!slice) {
      progress.clear();
      return fail(slice.error());
    }
    all.rows += slice->rows;
    all.bytes += slice->bytes;
    all.more_findings += slice->more_findings;
    for (series::Finding& finding : slice->findings) {
      if (all.findings.size() == kMaxFindings) {
        ++all.more_findings;
        continue;
      }
      if (!options.json) {
        progress.clear();
        read_on = read_on && print(finding_line(finding));
      }
      all.findings.push_back(std::move(finding));
    }
    const model::Bytes read(static_cast<std::int64_t>(all.bytes));
    progress.show(fmt::format("verify: {} rows, {}", all.rows, bytes(read)));
    from = slice->next;
  } while (!from.empty() && read_on);
  progress.clear();
  print(options.json ? dump(to_json(all), 2) : render_verified(all));
  return all.findings.empty() && all.more_findings == 0 ? kOk : kRefused;
}

int run_history_backup(const Options& options, const Terminal& terminal, Connection& connection) {
  Progress progress(terminal.progress);
  progress.show("backup: the coordinator copies what is new");
  const auto backup = connection.history_backup();
  progress.clear();
  return show(options, backup, render_history_backup);
}

}  // namespace tideline::tidectl
