#include "admin-client/options.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin-client/human.h"
#include "admin-client/query_options.h"
#include "admin-client/time_text.h"
#include "coordinator/policy/spelling.h"
#include "messages/model/cluster.h"

namespace tideline::tidectl {
namespace {

constexpr const char* kDefaultAddress = "unix:/run/tideline/admin.sock";
constexpr const char* kReleaseReason = "released by hand";
constexpr const char* kDefaultServerName = "coordinator.tideline";

/// Texts as given, before they are checked.
struct Raw {
  std::string timeout = "10s";
  std::string metrics = "ls.cpu,be.cpu,be.limit";
  std::string from;
  std::string to = "now";
  std::string interval = "2s";
  std::string at = "now";
  std::string since = "1h";
  std::string by = fmt::format("{}", fmt::join(model::kClusterLabels, ","));
  std::string curves;
  std::string duration;
  bool yes = false;
  RawQuery query;
};

std::string examples(std::initializer_list<const char*> lines) {
  std::string text = "Examples:\n";
  for (const char* line : lines)
    text += fmt::format("  {}\n", line);
  return text;
}

std::string metric_list() {
  std::string text = "Metrics:";
  for (const model::Metric metric : model::all_metrics())
    text += fmt::format(" {}", model::name_of(metric));
  return text + "\n";
}

Leave usage(const std::string& message) {
  return {kUsage, "", fmt::format("tidectl: {}\n", safe_text(message))};
}

/// Builds the parser around the values it fills.
class Parser {
 public:
  Parser() : app_("See and steer a Tideline fleet.", "tidectl") {
    app_.require_subcommand(1);
    app_.footer(
        "The coordinator is reached over its Unix socket (default) or over TLS with --cert, --key and --ca.\n"
        "Exit codes: 0 done, 1 the coordinator said no or does not know it, 2 wrong usage, 3 cannot connect or TLS,\n"
        "4 permission denied. \"tidectl COMMAND --help\" shows examples.");
    app_.add_option("--address", options_.target.address, "host:port, or unix:/path of the admin socket")
        ->envname("TIDECTL_ADDRESS")
        ->default_str(kDefaultAddress);
    app_.add_option("--server-name", options_.target.server_name, "DNS name the coordinator's certificate must prove")
        ->envname("TIDECTL_SERVER_NAME")
        ->default_str(kDefaultServerName);
    app_.add_option("--cert", options_.target.tls.certificate, "PEM file of the own certificate (CN role:name)")
        ->envname("TIDECTL_CERT");
    app_.add_option("--key", options_.target.tls.key, "PEM file of its private key")->envname("TIDECTL_KEY");
    app_.add_option("--ca", options_.target.tls.ca, "PEM file of the authorities that are trusted")
        ->envname("TIDECTL_CA");
    app_.add_option("--timeout", raw_.timeout, "how long to wait for an answer")
        ->envname("TIDECTL_TIMEOUT")
        ->default_str(raw_.timeout);
    app_.add_flag("--json", options_.json, "print JSON for programs");
    app_.set_version_flag("--version", "tidectl " TIDELINE_VERSION);
    add_fleet_commands();
    add_history_commands();
    add_policy_commands();
    add_ownership_commands();
    auto* watch =
        add(app_, "watch", "Show the nodes again and again; they report each second meanwhile, many nodes less often",
            Command::kWatch, {"tidectl watch", "tidectl watch --node web-1 --interval 1s --count 60"});
    add_node_option(*watch, "this node only");
    watch->add_option("--interval", raw_.interval, "time between two pictures")->default_str(raw_.interval);
    watch->add_option("--count", options_.count, "number of pictures; 0 = until interrupted")->default_str("0");
    add(app_, "whoami", "The role and name the coordinator sees", Command::kWhoami, {"tidectl whoami"});
    add(app_, "version", "Version of this program", Command::kVersion, {"tidectl version"});
  }

  std::variant<Options, Leave> parse(int argc, const char* const* argv, model::WallTime now) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // CLI11 says only that a subcommand is required, not which word is none.
      if (const auto word = unknown_command(argc, argv); !word.empty() && error.get_exit_code() != 0) {
        return usage(fmt::format("\"{}\" is no command{} (\"tidectl --help\" lists them)", word,
                                 policy::did_you_mean(word, command_names())));
      }
      std::ostringstream out;
      std::ostringstream err;
      const int code = app_.exit(error, out, err);
      return Leave{code == 0 ? kOk : kUsage, out.str(), code == 0 ? "" : "tidectl: " + safe_lines(err.str())};
    }
    return checked(now);
  }

 private:
  /// CLI11 repeats what was typed in its messages.
  static std::string safe_lines(const std::string& text) {
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      out += safe_text(line) + "\n";
    return out;
  }

  std::vector<std::string_view> command_names() const {
    std::vector<std::string_view> names;
    for (const auto* sub : app_.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(sub->get_name());
    return names;
  }

  /// The first word that stands where a command should; "" if a command was found.
  std::string unknown_command(int argc, const char* const* argv) const {
    if (!app_.get_subcommands().empty()) return "";
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word == "--json") continue;
      if (word.starts_with("--")) {
        if (word.find('=') == std::string::npos) ++i;  // the other global options take a value
      } else {
        return word;
      }
    }
    return "";
  }

  CLI::App* add(CLI::App& parent, const char* name, const char* what, Command command,
                std::initializer_list<const char*> lines) {
    auto* sub = parent.add_subcommand(name, what);
    sub->fallthrough();
    sub->footer(examples(lines));
    // A command's own callback comes after those of its subcommands.
    sub->callback([this, sub, command] {
      if (sub->get_subcommands().empty()) options_.command = command;
    });
    return sub;
  }

  void add_node_option(CLI::App& sub, const char* what, bool required = false) {
    sub.add_option("--node", options_.node, what)->required(required);
  }

  void add_fleet_commands() {
    add(app_, "nodes", "List the nodes: state, use, limit, offer, policy", Command::kNodes,
        {"tidectl nodes", "tidectl nodes --json | jq '.nodes[] | select(.liveness != \"live\") | .name'"});
    auto* node = add(app_, "node", "All that is known of one node", Command::kNode,
                     {"tidectl node web-1", "tidectl node web-1 --capabilities", "tidectl node web-1 release --yes"});
    node->add_option("NAME", options_.node, "the node's name")->required();
    node->add_flag("--capabilities", options_.capabilities, "what its kernel can do, knob by knob");
    auto* release =
        add(*node, "release", "Put back everything the agent changed on the node; it then writes nothing until resume",
            Command::kRelease,
            {"tidectl node web-1 release --reason \"kernel debugging\" --yes", "tidectl hands-off list"});
    release->add_option("--reason", options_.reason,
                        "why, for the events and for others; \"released by hand\" if left out");
    release->add_flag("--yes", raw_.yes, "really do it");
    add(*node, "resume", "Let the agent of a released node write again", Command::kResume,
        {"tidectl node web-1 resume"});
    auto* pods = add(app_, "pods", "List the pods: class, use, throttling", Command::kPods,
                     {"tidectl pods", "tidectl pods --node web-1"});
    add_node_option(*pods, "this node only");
    add(app_, "reclaimed", "Capacity offered to batch and mid pods, with every term", Command::kReclaimed,
        {"tidectl reclaimed", "tidectl reclaimed --json | jq .cluster.cpuMilli.offered"});
    auto* cluster =
        add(app_, "cluster", "The cluster's account by tier and by node label, who is in deficit, the trend",
            Command::kCluster,
            {"tidectl cluster", "tidectl cluster --since 7d --by pool", "tidectl cluster --json | jq .deficits",
             "tidectl cluster --trend-of topology.kubernetes.io/zone=eu-1a --tier batch"});
    cluster->add_option("--by", raw_.by, "keys of node labels to group by, with commas between")->default_str(raw_.by);
    cluster->add_option("--since", raw_.since, "how far back the trend goes")->default_str(raw_.since);
    cluster->add_option("--points", options_.points, "of the trend at most; each is the mean of its stretch")
        ->default_str("240")
        ->check(CLI::Range(std::uint32_t{1}, static_cast<std::uint32_t>(model::ClusterLimits::kMaxTrendPoints)));
    cluster->add_option("--trend-of", options_.trend.of,
                        "the trend of one group, not of the cluster: LABEL=VALUE by a label that --by has by default; "
                        "without a VALUE, of nodes without the label");
    cluster->add_option("--tier", options_.trend.tier, "the trend of one tier: prod, mid, batch or system");
    cluster->add_option("--curves", raw_.curves,
                        "what of the trend is drawn, with commas between: allocated, used, buffered, charged, "
                        "reclaimed, offered, committed, deficit");
    add_drawing(*cluster);
  }

  void add_drawing(CLI::App& sub) {
    sub.add_flag("--ascii", options_.ascii, "draw with ASCII characters only");
    sub.add_option("--height", options_.height, "lines of a drawing")->default_str("12")->check(CLI::Range(4, 100));
  }

  void add_range(CLI::App& sub, bool required = true) {
    sub.add_option("--from", raw_.from, "begin: -5m, RFC 3339, or ms since the epoch")->required(required);
    sub.add_option("--to", raw_.to, "end, not included; the same forms, or now")->default_str(raw_.to);
  }

  void add_history_commands() {
    auto* history = add(app_, "history", "Series of one node from the coordinator's history", Command::kHistory,
                        {"tidectl history --node web-1 --metric ls.cpu,be.cpu,be.limit --from -5m --plot",
                         "tidectl history --node web-1 --metric be.memory --from 2026-03-01T12:00:00Z --to now --csv"});
    history->footer(history->get_footer() + metric_list());
    // Required of its subcommands, too, if CLI11 were to require them.
    add_node_option(*history, "the node");
    history->add_option("--metric", raw_.metrics, "metrics, with commas between")->default_str(raw_.metrics);
    add_range(*history, false);
    auto* plot = history->add_flag("--plot", options_.plot, "draw the series");
    auto* csv = history->add_flag("--csv", options_.csv, "print comma-separated values");
    csv->excludes(plot);
    add_drawing(*history);
    history_ = history;
    add(*history, "state", "Tiers, how far reports are folded, what is kept, and what is wrong", Command::kHistoryState,
        {"tidectl history state", "tidectl history state --json | jq .tiers"});
    add(*history, "verify", "Read all of it while the coordinator works; exit code 1 where it is damaged",
        Command::kHistoryVerify, {"tidectl history verify", "tidectl history verify --json | jq .findings"});
    add(*history, "backup", "Back it up to the coordinator's --backup-dir, and wait until that is done",
        Command::kHistoryBackup, {"tidectl history backup"});
    add_query();
    auto* events = add(app_, "events", "What happened, with reasons", Command::kEvents,
                       {"tidectl events --from -1h", "tidectl events --node web-1 --from -10m --json"});
    add_node_option(*events, "this node only");
    add_range(*events);
  }

  void add_query() {
    auto* query = add(app_, "query", "Series out of the tiers of history: of nodes, pods and workloads, over any time",
                      Command::kQuery,
                      {"tidectl query node.cpu ls.cpu --node web-1 --since 2d --plot",
                       "tidectl query node.cpu --across sum --agg p95 --since 30d --step 1h --csv",
                       "tidectl query pod.cpu pod.memory --pods --node web-1 --since 6h",
                       "tidectl query pod.cpu --workload shop/Deployment/web --across sum --since 7d --json"});
    query->footer(query->get_footer() + field_lists());
    RawQuery& raw = raw_.query;
    query->add_option("FIELD", raw.fields, "what of them, up to 16")->required();
    query->add_option("--node", raw.nodes, "of this node, as often as needed; without: of all")
        ->allow_extra_args(false);
    query->add_option("--label", raw.label, "of the nodes with this label now: KEY=VALUE");
    query->add_option("--pod", raw.pod, "of the pod with this uid");
    query->add_option("--workload", raw.workload, "of this workload: NAMESPACE/KIND/NAME, node by node");
    query->add_flag("--pods", raw.pods, "of each pod");
    query->add_flag("--workloads", raw.workloads, "of each workload, node by node");
    query->add_option("--since", raw.since, "begin: how long ago as 2d, RFC 3339, or ms since the epoch")
        ->default_str(raw.since);
    query->add_option("--until", raw.until, "end, not included: now, -5m, RFC 3339, or ms since the epoch")
        ->default_str(raw.until);
    query->add_option("--step", raw.step, "of which there is one value each; without: about 240 of them");
    query->add_option("--agg", raw.aggregate, "of a step's samples: mean, min, max, or a percentile as p95 or p99.9")
        ->default_str(raw.aggregate);
    query
        ->add_option("--across", raw.across,
                     "over nodes, pods or workloads: each by itself; sum, mean, min or max of their values; all: of "
                     "their samples together")
        ->default_str(raw.across);
    query->add_option("--tier", raw.tier, "of history: 10s, 1m or 15m; without: the coarsest that fits the step");
    auto* plot = query->add_flag("--plot", options_.plot, "draw the series");
    query->add_flag("--csv", options_.csv, "print comma-separated values, page by page as they come")->excludes(plot);
    add_drawing(*query);
  }

  void add_policy_commands() {
    auto* policy = app_.add_subcommand("policy", "Show, check and change the policy");
    policy->require_subcommand(1);
    policy->fallthrough();
    auto* get = add(*policy, "get", "The policy in force, and what it means for a node", Command::kPolicyGet,
                    {"tidectl policy get", "tidectl policy get --node web-1"});
    add_node_option(*get, "this node's effective policy");
    auto* check =
        add(*policy, "check", "What documents would change, node by node, before anything does", Command::kPolicyCheck,
            {"tidectl policy check resource-threshold-config.json colocation-config.json",
             "tidectl policy check configmap.json --node web-1"});
    check->add_option("FILE", options_.files, "all documents of the new policy, as of \"policy apply\"")->required();
    add_node_option(*check, "this node only");
    auto* apply =
        add(*policy, "apply", "Check documents and put them in force", Command::kPolicyApply,
            {"tidectl policy apply --dry-run resource-threshold-config.json", "tidectl policy apply configmap.json"});
    apply->add_option("FILE", options_.files, "<data key>.json, or a whole ConfigMap as JSON")->required();
    apply->add_flag("--dry-run", options_.dry_run, "check only, change nothing");
    add(*policy, "status", "Which node has which version and content in force, and what it cannot do",
        Command::kPolicyStatus, {"tidectl policy status"});
    add(*policy, "keys", "Every configuration key: type, range, default, status", Command::kPolicyKeys,
        {"tidectl policy keys", "tidectl policy keys --json"});
  }

  void add_ownership_commands() {
    auto* explain =
        app_.add_subcommand("explain", "Why files have their values, pods were evicted, and so much is offered");
    explain->require_subcommand(1);
    explain->fallthrough();
    auto* node = add(*explain, "node", "Each file's last change: value, by what, why, since when; features; evictions",
                     Command::kExplain,
                     {"tidectl explain node web-1", "tidectl explain node web-1 --file cpu.cfs_quota_us --at -30m"});
    node->add_option("NAME", options_.node, "the node's name")->required();
    node->add_option("--at", raw_.at, "as it was then: -5m, RFC 3339, or ms since the epoch")->default_str(raw_.at);
    node->add_option("--file", options_.file_part, "only files, pods and groups whose name has this in it");
    auto* reclaimed = add(*explain, "reclaimed",
                          "Each term of a node's account: value, source, age; which pods are charged what, and why",
                          Command::kExplainReclaimed,
                          {"tidectl explain reclaimed web-1", "tidectl explain reclaimed web-1 --at -30m"});
    reclaimed->add_option("NAME", options_.node, "the node's name")->required();
    reclaimed->add_option("--at", raw_.at, "as history has it then: -5m, RFC 3339, or ms since the epoch")
        ->default_str(raw_.at);
    auto* hands_off = add(
        app_, "hands-off", "Keep the agent's hands off a cgroup and all below it, for a while", Command::kHandsOffBegin,
        {"tidectl hands-off --node web-1 --cgroup kubepods/besteffort --for 2h --reason \"tuning by hand\"",
         "tidectl hands-off list", "tidectl hands-off end --node web-1 --cgroup kubepods/besteffort"});
    hands_off->add_option("--node", options_.node, "the node");
    hands_off->add_option("--cgroup", options_.cgroup, "the group, relative to the tree's root");
    hands_off->add_option("--for", raw_.duration, "how long, at most 7d; the node counts from when it hears of it");
    hands_off->add_option("--reason", options_.reason, "why, for the events and for others");
    auto* list = add(*hands_off, "list", "What is to be left alone, until when, and whether the node obeys",
                     Command::kHandsOffList, {"tidectl hands-off list", "tidectl hands-off list --node web-1"});
    add_node_option(*list, "this node only");
    auto* end = add(*hands_off, "end", "Let the agent write there again", Command::kHandsOffEnd,
                    {"tidectl hands-off end --node web-1 --cgroup kubepods/besteffort"});
    add_node_option(*end, "the node", true);
    end->add_option("--cgroup", options_.cgroup, "the group, as hands-off list shows it")->required();
  }

  std::optional<Leave> check_ownership(model::WallTime now) {
    const bool explains = options_.command == Command::kExplain || options_.command == Command::kExplainReclaimed;
    if (explains && raw_.at != "now") {
      auto at = parse_instant(raw_.at, now);
      if (!at) return usage(at.error().in("--at").message());
      options_.at = *at;
    }
    if (options_.command == Command::kRelease) {
      if (options_.reason.empty()) options_.reason = kReleaseReason;
      if (!raw_.yes) {
        return usage(
            fmt::format("everything the agent changed on {} would be put back, and nothing written until "
                        "\"tidectl node {} resume\"; give --yes",
                        options_.node, options_.node));
      }
    }
    if (options_.command != Command::kHandsOffBegin) return std::nullopt;
    std::vector<std::string_view> missing;
    if (options_.node.empty()) missing.push_back("--node");
    if (options_.cgroup.empty()) missing.push_back("--cgroup");
    if (raw_.duration.empty()) missing.push_back("--for");
    if (options_.reason.empty()) missing.push_back("--reason");
    if (!missing.empty()) return usage(fmt::format("hands-off: {} missing", fmt::join(missing, ", ")));
    auto duration = parse_duration(raw_.duration);
    if (!duration) return usage(duration.error().in("--for").message());
    options_.duration = *duration;
    const model::HandsOff asked{options_.cgroup, *duration, false, "you", options_.reason};
    if (auto valid = model::validate(asked); !valid) return usage(valid.error().message());
    if (*duration == model::kZeroDuration) return usage("--for is 0; want more");
    return std::nullopt;
  }

  std::variant<Options, Leave> checked(model::WallTime now) {
    Target& target = options_.target;
    if (target.address.empty()) target.address = kDefaultAddress;
    if (target.server_name.empty()) target.server_name = kDefaultServerName;
    auto timeout = parse_duration(raw_.timeout);
    if (!timeout) return usage(timeout.error().in("--timeout").message());
    if (*timeout == model::kZeroDuration) return usage("--timeout is 0; want more");
    target.timeout = *timeout;
    if (!offline(options_.command)) {
      if (auto leave = check_target()) return *std::move(leave);
    }
    if (auto leave = check_ownership(now)) return *std::move(leave);
    if (auto leave = check_history(now)) return *std::move(leave);
    if (options_.command == Command::kHistory || options_.command == Command::kEvents) {
      if (auto leave = check_range(now)) return *std::move(leave);
    }
    if (options_.command == Command::kCluster) {
      if (auto leave = check_cluster(now)) return *std::move(leave);
    }
    if (options_.command == Command::kHistory) {
      if (auto leave = check_metrics()) return *std::move(leave);
    }
    if (options_.command == Command::kWatch) {
      auto interval = parse_duration(raw_.interval);
      if (!interval) return usage(interval.error().in("--interval").message());
      if (*interval < std::chrono::milliseconds(100) || *interval > std::chrono::minutes(10)) {
        return usage("--interval is out of range; want 100ms..10m");
      }
      options_.interval = *interval;
    }
    return options_;
  }

  std::optional<Leave> check_target() const {
    const Target& target = options_.target;
    if (target.address.starts_with("unix:")) {
      if (target.address.size() > 5 && target.address[5] == '/') return std::nullopt;
      return usage(fmt::format("--address {}: want an absolute path after unix:", target.address));
    }
    const auto colon = target.address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == target.address.size()) {
      return usage(fmt::format("--address {}: want host:port or unix:/path", target.address));
    }
    std::vector<std::string_view> missing;
    if (target.tls.certificate.empty()) missing.push_back("--cert");
    if (target.tls.key.empty()) missing.push_back("--key");
    if (target.tls.ca.empty()) missing.push_back("--ca");
    if (missing.empty()) return std::nullopt;
    return usage(
        fmt::format("--address {} is reached over TLS only: {} missing", target.address, fmt::join(missing, ", ")));
  }

  std::optional<Leave> check_history(model::WallTime now) {
    if (options_.json && (options_.plot || options_.csv)) return usage("--json excludes --plot and --csv");
    if (options_.command == Command::kHistory) {
      std::vector<std::string_view> missing;
      if (options_.node.empty()) missing.push_back("--node");
      if (raw_.from.empty()) missing.push_back("--from");
      if (!missing.empty()) return usage(fmt::format("history: {} missing", fmt::join(missing, ", ")));
    } else if (!history_->get_subcommands().empty()) {
      for (const CLI::Option* option : std::as_const(*history_).get_options()) {
        if (option->count() == 0) continue;
        return usage(fmt::format("history {}: {} has no part in it", history_->get_subcommands().front()->get_name(),
                                 option->get_name()));
      }
    }
    if (options_.command != Command::kQuery) return std::nullopt;
    auto query = check_query(raw_.query, now);
    if (!query) return usage(query.error().message());
    options_.query = *std::move(query);
    return std::nullopt;
  }

  std::optional<Leave> check_range(model::WallTime now) {
    auto from = parse_instant(raw_.from, now);
    if (!from) return usage(from.error().in("--from").message());
    auto to = parse_instant(raw_.to, now);
    if (!to) return usage(to.error().in("--to").message());
    if (*from >= *to) {
      return usage(fmt::format("--from {} is not before --to {}", format_instant(*from), format_instant(*to)));
    }
    options_.from = *from;
    options_.to = *to;
    return std::nullopt;
  }

  std::optional<Leave> check_cluster(model::WallTime now) {
    using Limits = model::ClusterLimits;
    auto since = parse_duration(raw_.since);
    if (!since) return usage(since.error().in("--since").message());
    if (*since == model::kZeroDuration) return usage("--since is 0; want more");
    options_.from.ms = now.ms - model::to_ms(*since);
    options_.to.ms = now.ms + 1;
    std::istringstream list(raw_.by);
    for (std::string key; std::getline(list, key, ',');) {
      if (key.empty() || key.size() > Limits::kMaxLabelBytes) {
        return usage(fmt::format("--by {}: a label's key has 1 to {} bytes", raw_.by, Limits::kMaxLabelBytes));
      }
      if (std::find(options_.labels.begin(), options_.labels.end(), key) != options_.labels.end()) continue;
      options_.labels.push_back(key);
    }
    if (options_.labels.size() > Limits::kMaxLabels) {
      return usage(fmt::format("--by {}: {} labels; at most {}", raw_.by, options_.labels.size(), Limits::kMaxLabels));
    }
    return check_trend();
  }

  std::optional<Leave> check_trend() {
    auto& trend = options_.trend;
    if (!trend.of.empty() && !model::cluster_part(trend.of)) {
      return usage(fmt::format("--trend-of {}: want LABEL=VALUE", trend.of));
    }
    const std::vector<std::string_view> tiers(kTrendTiers.begin(), kTrendTiers.end());
    if (!trend.tier.empty() && std::find(tiers.begin(), tiers.end(), trend.tier) == tiers.end()) {
      return usage(fmt::format("--tier {} is not known{}; want one of {}", trend.tier,
                               policy::did_you_mean(trend.tier, tiers), fmt::join(tiers, ", ")));
    }
    const std::vector<std::string_view> words(kTrendWords.begin(), kTrendWords.end());
    std::istringstream list(raw_.curves);
    for (std::string word; std::getline(list, word, ',');) {
      if (std::find(words.begin(), words.end(), word) == words.end()) {
        return usage(fmt::format("--curves {} is not known{}; want some of {}", word, policy::did_you_mean(word, words),
                                 fmt::join(words, ", ")));
      }
      if (std::find(trend.curves.begin(), trend.curves.end(), word) == trend.curves.end()) trend.curves.push_back(word);
    }
    if (trend.curves.size() > kMaxTrendCurves) {
      return usage(fmt::format("--curves has {} words; at most {}", trend.curves.size(), kMaxTrendCurves));
    }
    return std::nullopt;
  }

  std::optional<Leave> check_metrics() {
    std::vector<std::string_view> names;
    for (const model::Metric metric : model::all_metrics())
      names.push_back(model::name_of(metric));
    std::istringstream list(raw_.metrics);
    for (std::string name; std::getline(list, name, ',');) {
      const auto metric = model::metric_from(name);
      if (!metric) {
        return usage(fmt::format("--metric {} is not known{}; want some of {}", name, policy::did_you_mean(name, names),
                                 fmt::join(names, ", ")));
      }
      if (std::find(options_.metrics.begin(), options_.metrics.end(), *metric) == options_.metrics.end()) {
        options_.metrics.push_back(*metric);
      }
    }
    if (options_.metrics.empty()) return usage("--metric is empty");
    return std::nullopt;
  }

  Raw raw_;
  Options options_;
  CLI::App app_;
  CLI::App* history_ = nullptr;
};

}  // namespace

bool offline(Command command) {
  return command == Command::kPolicyKeys || command == Command::kVersion;
}

std::variant<Options, Leave> parse_options(int argc, const char* const* argv, model::WallTime now) {
  Parser parser;
  return parser.parse(argc, argv, now);
}

}  // namespace tideline::tidectl
