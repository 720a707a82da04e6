#include "admin-client/run.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "admin-client/drawing.h"
#include "admin-client/history_care.h"
#include "admin-client/human.h"
#include "admin-client/json_out.h"
#include "admin-client/ledger_out.h"
#include "admin-client/memory_out.h"
#include "admin-client/ownership_out.h"
#include "admin-client/plot.h"
#include "admin-client/policy_check_out.h"
#include "admin-client/query.h"
#include "admin-client/render.h"
#include "admin-client/say.h"
#include "admin-client/time_text.h"
#include "coordinator/policy/policy.h"

namespace tideline::tidectl {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

/// The outcome of a change that answers with nothing.
int done(const Options& options, const Result<void>& outcome, const std::string& what) {
  if (!outcome) return fail(outcome.error());
  print(options.json ? dump({{"done", true}}, 2) : safe_text(what) + "\n");
  return kOk;
}

int history(const Options& options, const Terminal& terminal, Connection& connection) {
  const auto series = connection.history({options.node, options.metrics, options.from, options.to});
  const int code = show(options, series, [&](const std::vector<Series>& all) {
    if (options.csv) return render_history_csv(all);
    if (!options.plot) return render_history(all);
    return fmt::format("node {}\n", safe_text(options.node)) + plot(all, plot_options(options, terminal));
  });
  if (const auto note = series && options.csv ? cut_note(*series) : ""; !note.empty()) say(note);
  return code;
}

Result<std::vector<policy::Document>> read_documents(const std::vector<std::string>& files) {
  std::vector<policy::Document> documents;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    // A directory opens, and fails at the first read.
    if (!in || in.peek() == std::ifstream::traits_type::eof()) {
      const char* why = !in.is_open() ? "cannot be opened" : "is empty or no file";
      return Error(ErrorCode::kNotFound, fmt::format("{} {}", file, why));
    }
    std::string text;
    text.resize(policy::Limits::kMaxTextBytes + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    documents.push_back({file, std::move(text)});
  }
  return documents;
}

/// Checked here first: the file names stand in the errors, and nothing wrong travels.
Result<policy::ClusterPolicy> checked_policy(const Options& options) {
  auto documents = read_documents(options.files);
  if (!documents) return documents.error();
  return policy::parse(*documents);
}

std::vector<PolicyDocument> documents_of(const policy::ClusterPolicy& policy) {
  std::vector<PolicyDocument> documents;
  documents.reserve(policy.documents.size());
  for (const auto& document : policy.documents)
    documents.push_back({document.name, document.text});
  return documents;
}

int apply(const Options& options, const policy::ClusterPolicy& policy, Connection& connection) {
  if (!options.json) {
    for (const auto& notice : policy.notices)
      print(fmt::format("note: {}: {}: {}\n", safe_text(notice.document), safe_text(notice.path), notice.why));
  }
  return show(options, connection.apply(documents_of(policy), options.dry_run), [&](const PolicyApplied& applied) {
    std::string text = options.dry_run
                           ? fmt::format("the documents are good; nothing changed, version {} stays\n", applied.version)
                           : fmt::format("version {} is in force\n", applied.version);
    std::string line;
    for (const char c : applied.report + "\n") {
      if (c != '\n') {
        line += c;
      } else {
        if (!line.empty()) text += safe_text(line) + "\n";
        line.clear();
      }
    }
    return text;
  });
}

int check(const Options& options, const policy::ClusterPolicy& policy, Connection& connection) {
  return show(options, connection.check(documents_of(policy), options.node),
              [&](const PolicyCheck& checked) { return render_policy_check(checked, options.node); });
}

model::WallTime wall_now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

int watch(const Options& options, const Terminal& terminal, Connection& connection) {
  // Longer than the interval, so that the nodes do not fall back to their own pace between two pictures.
  const auto seconds =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(options.interval).count() * 2 + 5);
  for (std::uint32_t shown = 0; options.count == 0 || shown < options.count; ++shown) {
    if (shown > 0) {
      if (auto slept = connection.sleep(options.interval); !slept) return fail(slept.error());
    }
    const auto every = connection.watch(options.node, seconds);
    if (!every) return fail(every.error());
    std::vector<Node> nodes;
    if (options.node.empty()) {
      auto answer = connection.nodes();
      if (!answer) return fail(answer.error());
      nodes = *std::move(answer);
    } else {
      auto answer = connection.node(options.node);
      if (!answer) return fail(answer.error());
      nodes.push_back(*std::move(answer));
    }
    bool printed = false;
    if (options.json) {
      auto json = list_json("nodes", nodes);
      json["wallMs"] = wall_now().ms;
      json["reportsEachMs"] = model::to_ms(*every);
      printed = print(dump(json, -1));
    } else {
      const char* home = terminal.is_tty ? "\x1b[H\x1b[2J" : "";
      auto picture = render_nodes(nodes);
      // Of one node there is room for more.
      if (!options.node.empty() && nodes.front().last) picture += render_memory(nodes.front().last->memory_side);
      printed = print(fmt::format("{}{}, reports at least each {}\n{}", home,
                                  format_instant({wall_now().ms / 1000 * 1000}), format_duration(*every), picture));
    }
    if (!printed) return kOk;
  }
  return kOk;
}

int run_offline(const Options& options) {
  if (options.command == Command::kPolicyKeys) {
    print(options.json ? dump(policy_keys_json(), 2) : render_policy_keys());
  } else {
    print(options.json ? dump({{"version", TIDELINE_VERSION}}, 2) : "tidectl " TIDELINE_VERSION "\n");
  }
  return kOk;
}

int run_online(const Options& options, const Terminal& terminal, Connection& connection) {
  switch (options.command) {
    case Command::kNodes:
      return show(
          options, connection.nodes(), [](const auto& nodes) { return list_json("nodes", nodes); }, render_nodes);
    case Command::kNode:
      if (options.capabilities) {
        return show(options, connection.node(options.node), capabilities_json, render_capabilities);
      }
      return show(options, connection.node(options.node), render_node);
    case Command::kPods:
      return show(
          options, connection.pods(options.node), [](const auto& pods) { return list_json("pods", pods); },
          render_pods);
    case Command::kReclaimed:
      return show(options, connection.reclaimed(), render_reclaimed);
    case Command::kCluster:
      return show(
          options, connection.cluster({options.from, options.to, options.points, options.labels, options.trend.of}),
          [&](const model::ClusterReport& report) { return to_json(report, options.trend); },
          [&](const model::ClusterReport& report) {
            return render_cluster(report, plot_options(options, terminal), options.trend);
          });
    case Command::kHistory:
      return history(options, terminal, connection);
    case Command::kQuery:
      return run_query(options, terminal, wall_now(), connection);
    case Command::kHistoryState:
      return run_history_state(options, connection);
    case Command::kHistoryVerify:
      return run_history_verify(options, terminal, connection);
    case Command::kHistoryBackup:
      return run_history_backup(options, terminal, connection);
    case Command::kEvents:
      return show(options, connection.events(options.node, options.from, options.to), render_events);
    case Command::kPolicyGet:
      return show(options, connection.policy(options.node),
                  [&](const PolicyAnswer& answer) { return render_policy(answer, options.node); });
    case Command::kPolicyStatus:
      return show(options, connection.policy_status(), render_policy_status);
    case Command::kExplain:
      return show(options, connection.explain({options.node, options.at, options.file_part}),
                  [&](const Explanation& explanation) { return render_explanation(explanation, options.node); });
    case Command::kExplainReclaimed:
      return show(
          options, connection.explain_reclaimed(options.node, options.at),
          [&](const model::ExplainedAccount& explained) { return to_json(explained, options.at); },
          [&](const model::ExplainedAccount& explained) { return render_explained(explained, options.at); });
    case Command::kHandsOffList:
      return show(
          options, connection.hands_off_list(options.node),
          [](const auto& entries) { return list_json("handsOff", entries); }, render_hands_off);
    case Command::kHandsOffBegin:
      return done(options, connection.hands_off_begin(options.node, options.cgroup, options.duration, options.reason),
                  fmt::format("the agent of {} keeps its hands off {} for {}", options.node, options.cgroup,
                              format_duration(options.duration)));
    case Command::kHandsOffEnd:
      return done(options, connection.hands_off_end(options.node, options.cgroup),
                  fmt::format("the agent of {} may write below {} again", options.node, options.cgroup));
    case Command::kRelease:
      return done(options, connection.release(options.node, options.reason),
                  fmt::format("{} is released: \"tidectl hands-off list --node {}\" says when its agent has put all "
                              "back",
                              options.node, options.node));
    case Command::kResume:
      return done(options, connection.resume(options.node),
                  fmt::format("the agent of {} may write again", options.node));
    case Command::kWatch:
      return watch(options, terminal, connection);
    case Command::kWhoami: {
      const Identity& who = connection.identity();
      print(options.json ? dump({{"role", who.role}, {"name", who.name}}, 2)
                         : fmt::format("{} {}\n", safe_text(who.role), safe_text(who.name)));
      return kOk;
    }
    case Command::kPolicyApply:
    case Command::kPolicyCheck:
    case Command::kPolicyKeys:
    case Command::kVersion:
      break;
  }
  return fail(kUsage, "not a command that asks a coordinator");
}

}  // namespace

int run(const Options& options, const Terminal& terminal) {
  if (offline(options.command)) return run_offline(options);
  std::optional<policy::ClusterPolicy> policy;
  if (options.command == Command::kPolicyApply || options.command == Command::kPolicyCheck) {
    auto checked = checked_policy(options);
    if (!checked) return fail(checked.error());
    policy = *std::move(checked);
  }
  auto connection = Connection::open(options.target);
  if (!connection) return fail(connection.error());
  if (!policy) return run_online(options, terminal, **connection);
  return options.command == Command::kPolicyCheck ? check(options, *policy, **connection)
                                                  : apply(options, *policy, **connection);
}

}  // namespace tideline::tidectl
