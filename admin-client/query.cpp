#include "admin-client/query.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "admin-client/drawing.h"
#include "admin-client/progress.h"
#include "admin-client/query_hold.h"
#include "admin-client/query_options.h"
#include "admin-client/query_out.h"
#include "admin-client/say.h"
#include "admin-client/time_text.h"
#include "storage/series/stay.h"

namespace tideline::tidectl {
namespace {

using model::Result;

/// The last rows of a page may rest on a report that is dated so much behind its end, with all that it covers.
constexpr std::int64_t kReportReachS = 300;

/// Whether jobs or pods are among what is asked of, which may be kept for a shorter time than the rest.
bool may_pass(const SeriesQuestion& question) {
  if (question.kind == series::SubjectKind::kWorkload && question.subject.empty()) return true;
  return series::stay_of(question.kind, question.subject) == series::Stay::kPassing;
}

Result<TierReach> reach_of(Connection& connection, const SeriesQuestion& question) {
  const auto state = connection.history_state();
  if (!state) return state.error();
  const bool passes = may_pass(question);
  TierReach reach{};
  for (const HistoryState::Tier& tier : state->tiers)
    reach[series::place_of(tier.tier)] = passes && tier.pods_kept_s > 0 ? tier.pods_kept_s : tier.kept_s;
  return reach;
}

/// Says what retention took of the range.
void say_missing(const SeriesQuestion& question, std::int64_t kept_from_s) {
  if (kept_from_s - question.step_s <= question.from_s) return;
  say(fmt::format("what is older than {} is not kept{} in this tier, and may be missing",
                  format_instant({kept_from_s * 1000}), may_pass(question) ? " of pods and jobs" : ""));
}

/// How far a page is, of the range.
std::string page_progress(const SeriesQuestion& question, PageSpan span) {
  const auto done = static_cast<double>(span.to_s - question.from_s);
  const double share = done / static_cast<double>(question.to_s - question.from_s);
  return fmt::format("query: {:.0f} %, up to {}", share * 100, format_instant({span.to_s * 1000}));
}

class QueryRun {
 public:
  QueryRun(const Options& options, const Terminal& terminal, SeriesQuestion question, Connection& connection)
      : options_(options),
        terminal_(terminal),
        question_(std::move(question)),
        connection_(connection),
        // Lines of an answer on the same terminal say themselves how far it is.
        progress_(terminal.progress && !(options.csv && terminal.is_tty)) {}

  int stream_csv() {
    bool read_on = true;
    std::int64_t kept_from_s = 0;
    std::string title = query_csv_title();
    const auto done = pull_pages(connection_, question_, [&](const SeriesPage& page, PageSpan span) -> Result<void> {
      if (auto learnt = learn(page, span); !learnt) return learnt;
      progress_.show(page_progress(question_, span));
      kept_from_s = page.kept_from_s;
      read_on = print(std::exchange(title, "") + query_csv(question_, page, names_));
      if (read_on) return {};
      return model::Error(model::ErrorCode::kFenced, "nobody reads on");
    });
    progress_.clear();
    if (done) say_missing(question_, kept_from_s);
    if (done || !read_on) return kOk;
    return fail(done.error());
  }

  int show_whole() {
    HeldAnswer held(question_);
    QueryAnswer answer{.question = question_, .tier = std::nullopt, .series = {}};
    const auto done = pull_pages(connection_, question_, [&](const SeriesPage& page, PageSpan span) -> Result<void> {
      if (auto learnt = learn(page, span); !learnt) return learnt;
      progress_.show(page_progress(question_, span));
      answer.tier = page.tier;
      answer.kept_from_s = page.kept_from_s;
      return held.add(page);
    });
    progress_.clear();
    if (!done) return fail(done.error());
    answer.series = std::move(held).finish();
    say_missing(question_, answer.kept_from_s);
    if (options_.json) {
      print(dump(query_json(answer, names_), 2));
    } else {
      print(options_.plot ? plot_query(answer, names_, drawing()) : render_query(answer, names_));
    }
    return kOk;
  }

 private:
  Result<void> learn(const SeriesPage& page, PageSpan span) {
    if (question_.kind != series::SubjectKind::kPod) return {};
    const PageSpan reports{span.from_s, std::min(span.to_s + kReportReachS, question_.to_s)};
    return names_.learn(connection_, reports, page, [&](std::size_t nodes, std::size_t of) {
      progress_.show(fmt::format("query: names of the pods of {} nodes, of {}", nodes, of));
    });
  }

  PlotOptions drawing() const {
    PlotOptions to = plot_options(options_, terminal_);
    to.from.ms = question_.from_s * 1000;
    to.to.ms = question_.to_s * 1000;
    return to;
  }

  const Options& options_;
  const Terminal& terminal_;
  const SeriesQuestion question_;
  Connection& connection_;
  Progress progress_;
  PodNames names_;
};

}  // namespace

int run_query(const Options& options, const Terminal& terminal, model::WallTime now, Connection& connection) {
  TierReach reach{};
  if (needs_reach(options.query, now)) {
    const auto known = reach_of(connection, options.query.question);
    if (!known) return fail(known.error());
    reach = *known;
  }
  QueryRun query(options, terminal, question_of(options.query, reach, now), connection);
  return options.csv ? query.stream_csv() : query.show_whole();
}

}  // namespace tideline::tidectl
