#pragma once
// A coordinator of two nodes, web-1 and db-1, for tests of the admin API's two ends.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/admin/backend.h"

namespace tideline::test {

class FakeBackend final : public admin::AdminBackend {
 public:
  /// What the calls were, in order.
  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  /// Refuses policy_apply as a coordinator with --policy-source=dir does.
  std::atomic<bool> dir_source{false};
  /// Never answers; the Reply is kept until the backend is gone, or dropped at once.
  std::atomic<bool> keep_silent{false};
  std::atomic<bool> drop_replies{false};
  std::string hostile_text =
      "rm\x1b[2J\x07"
      "bell";

  void nodes(admin::Reply<std::vector<fleet::NodeView>> reply) override {
    answer("nodes", std::move(reply), std::vector<fleet::NodeView>{node_view("db-1"), node_view("web-1")});
  }
  void node(const model::NodeName& name, admin::Reply<fleet::NodeView> reply) override {
    if (!known(name)) return answer("node", std::move(reply), not_found<fleet::NodeView>(name));
    answer("node " + name.str(), std::move(reply), node_view(name.str()));
  }
  void pods(const model::NodeName& name, admin::Reply<std::vector<fleet::PodView>> reply) override {
    if (!name.empty() && !known(name)) {
      return answer("pods", std::move(reply), not_found<std::vector<fleet::PodView>>(name));
    }
    fleet::PodView view;
    view.node = model::NodeName(name.empty() ? "web-1" : name.str());
    model::Pod pod;
    pod.uid = model::PodUid("0f1e");
    pod.name_space = "shop";
    pod.name = "nginx-0";
    pod.requests.cpu = model::MilliCpu(500);
    view.summary.pod = std::move(pod);
    view.summary.cpu_milli = model::Spread{100, 250, 900};
    view.cpu_average = model::MilliCpu(240);
    answer("pods", std::move(reply), std::vector<fleet::PodView>{view});
  }
  void reclaimed(admin::Reply<admin::ReclaimedReport> reply) override {
    admin::ReclaimedReport report{account(""), {account("db-1"), account("web-1")}};
    answer("reclaimed", std::move(reply), report);
  }
  /// One point a second over the range, 100 + index; at most max_points.
  void history(const admin::HistoryQuery& query, admin::Reply<std::vector<admin::Series>> reply) override {
    if (!known(query.node)) {
      return answer("history", std::move(reply), not_found<std::vector<admin::Series>>(query.node));
    }
    std::vector<admin::Series> all;
    for (const model::Metric metric : query.metrics) {
      admin::Series series{metric, {}, false};
      for (std::int64_t ms = (query.from.ms + 999) / 1000 * 1000; ms < query.to.ms; ms += 1000) {
        if (series.points.size() == std::min(query.max_points, history_page.load())) {
          series.truncated = true;
          break;
        }
        series.points.push_back({{ms}, static_cast<double>(ms / 1000 % 1000)});
      }
      all.push_back(std::move(series));
    }
    answer("history " + query.node.str(), std::move(reply), all);
  }
  std::atomic<std::size_t> history_page{1'000'000};

  void events(const admin::EventsQuery& query, admin::Reply<admin::EventsReport> reply) override {
    admin::EventsReport report;
    report.events.push_back({query.node,
                             {{1'000},
                              model::Controller::kCpuSuppress,
                              model::Reason::kThresholdFormula,
                              "kubepods/besteffort cpu.cfs_quota_us",
                              "-1",
                              hostile_text}});
    answer("events", std::move(reply), report);
  }
  void policy_get(const model::NodeName& name, admin::Reply<admin::PolicyReport> reply) override {
    if (!name.empty() && !known(name)) {
      return answer("policy_get", std::move(reply), not_found<admin::PolicyReport>(name));
    }
    admin::PolicyReport report{state(), {}, model::PolicyContent(0x1234abcd)};
    report.effective.threshold.enable = true;
    answer("policy_get", std::move(reply), report);
  }
  void policy_apply(const admin::Caller& caller, std::vector<admin::PolicyDocument> documents, bool dry_run,
                    admin::Reply<admin::PolicyApplied> reply) override {
    const std::string call = "policy_apply by " + caller.identity.name + (dry_run ? " (dry run) " : " ") +
                             (documents.empty() ? "" : documents.front().key);
    if (dir_source && !dry_run) {
      return answer(call, std::move(reply),
                    model::Result<admin::PolicyApplied>(model::Error(
                        model::ErrorCode::kUnsupported, "the policy comes from /etc/tideline/policy: edit it there")));
    }
    answer(call, std::move(reply), admin::PolicyApplied{model::PolicyVersion(dry_run ? 7 : 8), "2 nodes change"});
  }
  void policy_status(admin::Reply<admin::PolicyStatus> reply) override {
    auto late = node_view("db-1");
    late.policy_applied = model::PolicyVersion(6);
    late.policy_content_applied = model::PolicyContent(0x99);
    auto status = *late.status;
    status.features = {{"cpuBurst.kernel", model::FeatureState::State::kUnsupported, "cpu-burst: no such file"}};
    late.status = std::make_shared<const model::NodeStatus>(std::move(status));
    late.policy_problem = "no cpu controller";
    answer("policy_status", std::move(reply), admin::PolicyStatus{state(), {late, node_view("web-1")}});
  }
  /// One row of each kind; a third node has more entries and names than are told.
  void policy_check(std::vector<admin::PolicyDocument> documents, const model::NodeName& name,
                    admin::Reply<admin::PolicyCheck> reply) override {
    if (!name.empty() && !known(name)) {
      return answer("policy_check", std::move(reply), not_found<admin::PolicyCheck>(name));
    }
    const std::string document = "resource-threshold-config";
    admin::PolicyCheck checked{model::PolicyVersion(7), {}};
    auto& report = checked.report;
    report.dropped = {"colocation-config"};
    report.notices = {{document, "$.clusterStrategy.cpuEvictThresholdPercent", "accepted only"}};
    report.fleet = {{"tideline-config", "eviction.maxPerMinute", "60", "3", "clusterStrategy"}};
    report.nodes = 3;
    report.unchanged = 1;
    report.groups = {{{{document, "cpuSuppressPolicy", "\"cpuset\"", "\"cfsQuota\"", "nodeStrategies[0] \"db\""},
                       {document, "cpuSuppressMinPercent", "unset", "5", "clusterStrategy"}},
                      nodes_of({"db-1", "web-1"}, 2)}};
    report.unknown = nodes_of({"new-1"}, 21);
    report.overlaps = {{document, "nodeStrategies[0] \"db\"", {"nodeStrategies[1]"}, 9, nodes_of({"db-1"}, 1)}};
    report.unused = {{document, "nodeStrategies[2] \"old\"", policy::UnusedEntry::Why::kNoMatch}};
    report.label_problems = {{hostile_text, nodes_of({"web-1"}, 1)}};
    report.lacks = {{"cpuSuppress.cfsQuota", "cpu-quota: no such file", true, nodes_of({"db-1"}, 1)}};
    report.cut = true;
    std::string call = "policy_check";
    for (const auto& given : documents)
      call += " " + given.key;
    answer(call, std::move(reply), checked);
  }
  void watch(const model::NodeName& name, std::uint32_t seconds, admin::Reply<model::Duration> reply) override {
    answer("watch " + name.str() + " " + std::to_string(seconds), std::move(reply),
           model::Result<model::Duration>(model::Duration(std::chrono::seconds(3))));
  }

  void explain(const admin::ExplainQuery& query, admin::Reply<admin::Explanation> reply) override {
    if (!known(query.node)) return answer("explain", std::move(reply), not_found<admin::Explanation>(query.node));
    admin::Explanation all;
    all.at = query.at.value_or(model::WallTime{1'700'000'000'000});
    all.what.files = {{.file = "kubepods/besteffort/cpu.cfs_quota_us",
                       .value = "88000",
                       .old_value = "-1",
                       .controller = model::Controller::kCpuSuppress,
                       .reason = model::Reason::kThresholdFormula,
                       .at = {all.at.ms - 90'000},
                       .changes_last_hour = 12,
                       .drifts_last_hour = 1,
                       .events_lost_since = true}};
    all.what.events_lost = model::WallTime{all.at.ms - 60'000};
    all.what.unwritten = {{.file = "kubepods/podx/cpu.cfs_quota_us",
                           .value = "50000 (throttled)",
                           .held = "20000",
                           .controller = model::Controller::kCpuBurst,
                           .reason = model::Reason::kDryRun,
                           .at = {all.at.ms - 30'000}},
                          {.file = "kubepods/podx/cpu.shares",
                           .value = "2 (batch-request)",
                           .held = "512",
                           .controller = model::Controller::kBatchLimits,
                           .reason = model::Reason::kOverruled,
                           .at = {all.at.ms - 30'000}}};
    all.what.evictions = {{"shop/etl-1", {all.at.ms - 1000}, model::Reason::kBeStarved, hostile_text}};
    all.what.hands_off = {{"kubepods/burstable", {all.at.ms - 1000}, model::Controller::kGuard, "hands off by ann: x"}};
    all.events_from = all.history_from = model::WallTime{all.at.ms - 86'400'000};
    all.status = *node_view(query.node.str()).status;
    all.status->features = {{"cpuBurst", model::FeatureState::State::kUnsupported, "cpu-burst: no such file"}};
    all.status_at = all.at;
    answer("explain " + query.node.str() + " " + query.file_part, std::move(reply), all);
  }
  void hands_off_begin(const admin::Caller& caller, const model::NodeName& node, model::HandsOff hands_off,
                       admin::Reply<void> reply) override {
    answer("hands_off_begin " + node.str() + " " + hands_off.group + " by " + caller.identity.name + ": " +
               model::text_of(hands_off),
           std::move(reply), model::Result<void>());
  }
  void hands_off_list(const model::NodeName& node, admin::Reply<std::vector<admin::HandsOffRow>> reply) override {
    const model::HandsOff order{"kubepods/besteffort", std::chrono::minutes(90), false, "ann", "tuning"};
    answer("hands_off_list " + node.str(), std::move(reply),
           std::vector<admin::HandsOffRow>{
               {model::NodeName("web-1"), order, true, ""},
               {model::NodeName("web-2"), {"", std::nullopt, true, "bob", "debugging"}, false, "too old"}});
  }
  void hands_off_end(const admin::Caller& caller, const model::NodeName& node, const std::string& group, bool release,
                     admin::Reply<void> reply) override {
    answer("hands_off_end " + node.str() + " " + (release ? "release" : group) + " by " + caller.identity.name,
           std::move(reply), model::Result<void>());
  }

  void explain_reclaimed(const admin::ExplainReclaimedQuery& query,
                         admin::Reply<model::ExplainedAccount> reply) override {
    if (!known(query.node)) {
      return answer("explain_reclaimed", std::move(reply), not_found<model::ExplainedAccount>(query.node));
    }
    model::ExplainedAccount explained;
    explained.account = account(query.node.str());
    explained.at = query.at.value_or(model::WallTime{1'700'000'000'000});
    explained.stored = query.at.has_value();
    using Term = model::AccountTerm;
    using Source = model::TermSource;
    explained.cpu.terms = {
        {Term::kCapacity, model::MilliCpu(2000), Source::kNodeStatus, "report 42", std::chrono::seconds(4)},
        {Term::kMargin, model::MilliCpu(800), Source::kPolicy, hostile_text, std::nullopt},
        {Term::kSystemUsed, std::nullopt, Source::kMeasured, "", std::nullopt}};
    explained.cpu.charges = {{model::ChargeBasis::kUse, 1, model::MilliCpu(400)}};
    explained.cpu.pods = {{.uid = model::PodUid("0f1e"),
                           .name = "shop/nginx-0",
                           .tier = model::Tier::kProd,
                           .qos = model::QosClass::kLs,
                           .basis = model::ChargeBasis::kUse,
                           .charged = model::MilliCpu(400),
                           .used = model::MilliCpu(400),
                           .requested = model::MilliCpu(500),
                           .promised = std::nullopt}};
    answer("explain_reclaimed " + query.node.str(), std::move(reply), explained);
  }
  /// The trend: one account at the range's begin.
  void cluster(const admin::ClusterQuery& query, admin::Reply<model::ClusterReport> reply) override {
    model::ClusterReport report;
    report.at = {1'700'000'000'000};
    report.gone = 1;
    report.total = {"", 2, account(""), {}, {}};
    for (const auto& label : query.labels)
      report.groupings.push_back({label, {{hostile_text, 2, account(""), {}, {}}}, 3});
    report.deficits = {{model::NodeName("db-1"), model::MilliCpu(125), model::Bytes(0)}};
    report.deficit_nodes = 9;
    report.trend = {{query.from, account("")}};
    std::string call = "cluster " + std::to_string(query.max_points);
    if (query.trend_of) call.append(" of ").append(model::text_of(*query.trend_of));
    answer(call, std::move(reply), report);
  }

  /// One series for each field, of each node where subjects are not combined: a point a step, of the step's number
  /// modulo 1000. A page has so many steps at most.
  void history_query(const admin::SeriesQuery& query, admin::Reply<admin::SeriesPage> reply) override {
    const auto& question = query.question;
    std::vector<model::NodeName> names = question.nodes;
    if (names.empty()) names = {model::NodeName("db-1"), model::NodeName("web-1")};
    for (const auto& name : names) {
      if (!known(name)) return answer("history_query", std::move(reply), not_found<admin::SeriesPage>(name));
    }
    admin::SeriesPage page;
    const std::int64_t left = (question.to_s - query.page_from_s) / question.step_s;
    const std::int64_t steps = std::min(left, query_page.load());
    const bool each = question.across == series::Across::kEach;
    for (const series::Field field : question.fields) {
      for (const auto& name : names) {
        series::AnswerSeries one;
        one.field = field;
        if (each) {
          one.node = name.str();
          if (question.kind == series::SubjectKind::kPod) one.subject = "0f1e";
          if (question.kind == series::SubjectKind::kWorkload) one.subject = "shop/Deployment/nginx";
        }
        for (std::int64_t i = 0; i < steps; ++i) {
          const std::int64_t time = query.page_from_s + i * question.step_s;
          one.points.push_back({time, static_cast<double>(time / question.step_s % 1000)});
        }
        page.answer.push_back(std::move(one));
        if (!each) break;
      }
    }
    if (steps < left) page.next_s = query.page_from_s + steps * question.step_s;
    std::string call = "history_query from " + std::to_string(query.page_from_s) + " in " +
                       std::string(series::name_of(question.tier));
    if (query.label) call += " where " + model::text_of(*query.label);
    answer(std::move(call), std::move(reply), std::move(page));
  }
  std::atomic<std::int64_t> query_page{1'000'000};

  void history_pods(const admin::HistoryPodsQuery& query, admin::Reply<std::vector<series::PodInfo>> reply) override {
    if (!known(query.node)) {
      return answer("history_pods", std::move(reply), not_found<std::vector<series::PodInfo>>(query.node));
    }
    const series::PodInfo pod{.uid = model::PodUid("0f1e"),
                              .name_space = "shop",
                              .name = "nginx-0",
                              .workload = "Deployment/nginx",
                              .qos = model::QosClass::kLs,
                              .first_s = query.from_s,
                              .last_s = query.to_s - 1};
    answer("history_pods " + query.node.str(), std::move(reply), std::vector<series::PodInfo>{pod});
  }

  /// Nothing is in the coarsest tier yet.
  void history_state(admin::Reply<admin::HistoryState> reply) override {
    admin::HistoryState state;
    const model::WallTime day{1'700'006'400'000};
    const model::WallTime before{day.ms - 86'400'000};
    state.tables.tiers[0] = {.tables = 960, .bytes = 1 << 20, .oldest = before, .newest = day};
    state.tables.tiers[1] = {.tables = 160, .bytes = 1 << 18, .oldest = before, .newest = day};
    state.tables.nodes = 2;
    state.tables.late = 3;
    state.tables.folded_until = day;
    state.tiers_kept = {std::chrono::hours(72), std::chrono::hours(35 * 24), std::chrono::hours(400 * 24)};
    state.reports_kept = std::chrono::hours(6);
    state.events_kept = state.accounts_kept = std::chrono::hours(90 * 24);
    state.disk_bytes = 3 << 20;
    state.backups = "/backup";
    state.problem = hostile_text;
    answer("history_state", std::move(reply), state);
  }

  /// Two slices; the second has a finding.
  void history_verify(const admin::VerifyQuery& query, admin::Reply<series::VerifySlice> reply) override {
    const std::string call = "history_verify \"" + query.from + "\" " + std::to_string(query.bytes);
    series::VerifySlice slice;
    slice.rows = 1000;
    slice.bytes = query.bytes;
    if (query.from.empty()) {
      slice.next = "half";
    } else if (query.from == "half") {
      slice.findings = {{.where = "report, node web-1", .what = hostile_text}};
      slice.more_findings = 7;
    } else {
      return answer(call, std::move(reply),
                    model::Result<series::VerifySlice>(model::invalid("no slice begins at \"" + query.from + "\"")));
    }
    answer(call, std::move(reply), slice);
  }

  void history_backup(const admin::Caller& caller, admin::Reply<admin::BackupMade> reply) override {
    answer("history_backup by " + caller.identity.name, std::move(reply),
           admin::BackupMade{{.id = 4, .at_s = 1'700'000'000, .bytes = 5 << 20, .files = 9}, "/backup"});
  }

  static fleet::NodeView node_view(const std::string& name) {
    fleet::NodeView view;
    view.name = model::NodeName(name);
    view.liveness = fleet::Liveness::kLive;
    view.connected = true;
    view.report_age = std::chrono::milliseconds(3400);
    view.last_seq = model::Seq(42);
    view.policy_wanted = model::PolicyVersion(7);
    view.policy_applied = model::PolicyVersion(7);
    view.policy_content = model::PolicyContent(0x1234abcd);
    view.policy_content_applied = view.policy_content;
    model::NodeStatus status;
    status.cpu_capacity = model::MilliCpu(2000);
    status.memory_capacity = model::Bytes(8LL << 30);
    status.cgroup_version = "v1";
    status.kernel_release = "6.18";
    status.boot_id = "b";
    status.agent_version = "0.1.0";
    status.protection = {true, "kubepods/besteffort cpu.shares 2"};
    status.knobs = {{model::Knob::kCpuQuota, true, "cpu.cfs_quota_us", "at most that of each group above"},
                    {model::Knob::kCpuIdle, false, "cpu.idle", "this kernel has no cpu.idle"}};
    view.status = std::make_shared<const model::NodeStatus>(std::move(status));
    model::NodeSample last;
    last.window = std::chrono::seconds(1);
    last.node_cpu = model::MilliCpu(1350);
    last.ls_cpu = model::MilliCpu(400);
    last.be_cpu = model::MilliCpu(900);
    last.node_memory = model::Bytes(3435973836);
    last.be_limit = model::MilliCpu(880);
    view.last = last;
    view.reclaimed = account(name);
    view.pod_count = 2;
    return view;
  }

  static model::Reclaimed account(const std::string& node) {
    model::Reclaimed reclaimed;
    reclaimed.node = model::NodeName(node);
    reclaimed.cpu = {model::MilliCpu(2000), model::MilliCpu(800), model::MilliCpu(50),       model::MilliCpu(400),
                     model::MilliCpu(750),  model::MilliCpu(0),   model::ReclaimRule::kUsage};
    reclaimed.memory.capacity = model::Bytes(8LL << 30);
    reclaimed.memory.offered = reclaimed.memory.published = model::Bytes(2LL << 30);
    reclaimed.policy = model::PolicyVersion(7);
    reclaimed.data_age = std::chrono::seconds(4);
    return reclaimed;
  }

 private:
  static policy::NodeList nodes_of(std::initializer_list<const char*> names, std::uint64_t count) {
    policy::NodeList nodes;
    for (const char* name : names)
      nodes.names.emplace_back(name);
    nodes.count = count;
    return nodes;
  }
  static bool known(const model::NodeName& name) { return name.str() == "web-1" || name.str() == "db-1"; }
  template <class T>
  static model::Result<T> not_found(const model::NodeName& name) {
    return model::Error(model::ErrorCode::kNotFound, "node " + name.str() + " is not known here");
  }
  static admin::PolicyState state() {
    return {"dir:/etc/tideline/policy",           model::PolicyVersion(7), model::Epoch(3), {1'700'000'000'000}, "",
            {{"resource-threshold-config", "{}"}}};
  }

  template <class T>
  void answer(std::string call, admin::Reply<T> reply, model::Result<T> result) {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
      if (keep_silent) {
        kept_.push_back([reply = std::move(reply)] {});
        return;
      }
    }
    if (!drop_replies) reply(std::move(result));
  }
  template <class T>
  void answer(std::string call, admin::Reply<T> reply, T value) {
    answer(std::move(call), std::move(reply), model::Result<T>(std::move(value)));
  }

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  std::vector<std::function<void()>> kept_;
};

}  // namespace tideline::test
