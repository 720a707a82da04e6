#include "admin-client/render.h"

#include <chrono>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/memory_out.h"
#include "admin-client/policy_status.h"
#include "admin-client/table.h"
#include "admin-client/time_text.h"
#include "coordinator/policy/content.h"
#include "coordinator/policy/keys.h"
#include "coordinator/policy/node_annotations.h"

namespace tideline::tidectl {
namespace {

std::string on_off(bool value) {
  return value ? "on" : "off";
}

std::string of_capacity(std::string used, std::string capacity) {
  return used == "-" && capacity == "-" ? "-" : fmt::format("{} / {}", used, capacity);
}

std::string version_text(std::uint64_t version) {
  return version == 0 ? "none" : fmt::format("{}", version);
}

std::string protection_text(const Node& node) {
  if (!node.status) return "-";
  return node.status->protection.verified ? "protected" : "unprotected";
}

std::string offered_cpu(const Node& node) {
  return node.reclaimed ? cores(node.reclaimed->cpu.published) : "-";
}
std::string offered_memory(const Node& node) {
  return node.reclaimed ? bytes(node.reclaimed->memory.published) : "-";
}

/// The quota on best-effort pods of a sample; a known sample without one means there is no quota.
std::string limit_text(const std::optional<model::NodeSample>& last) {
  if (!last) return "-";
  return last->be_limit ? cores(last->be_limit) : "none";
}

/// What became of batch pods that ended.
std::string work_text(const model::BeWork& work) {
  const auto of = [](const model::BeWork::Sum& sum, std::string_view what) {
    const auto cpu = std::chrono::duration_cast<std::chrono::seconds>(sum.cpu).count();
    return fmt::format("{} pods {}, {} s of CPU", sum.pods, what, cpu);
  };
  return fmt::format("{}; {}; {}", of(work.completed, "completed"), of(work.failed, "failed"),
                     of(work.evicted, "evicted"));
}

std::string value_text(model::Metric metric, double value) {
  const auto unit = model::unit_of(metric);
  if (unit == "millicores") return fmt::format("{:.3f}", value / 1000);
  // No more fit into a whole number, whatever a node told.
  constexpr double kMostBytes = 9e18;
  if (unit == "bytes" && std::abs(value) < kMostBytes) return bytes(model::Bytes(static_cast<std::int64_t>(value)));
  return fmt::format("{:.2f}", value);
}

std::string column_title(model::Metric metric) {
  const auto unit = model::unit_of(metric);
  if (unit == "bytes") return std::string(model::name_of(metric));
  return fmt::format("{} ({})", model::name_of(metric), unit == "millicores" ? "cores" : unit);
}

/// instant -> one value per series.
using Rows = std::map<std::int64_t, std::vector<std::optional<double>>>;

Rows rows_of(const std::vector<Series>& series) {
  Rows rows;
  for (std::size_t i = 0; i < series.size(); ++i) {
    for (const Point& point : series[i].points) {
      auto& row = rows[point.at.ms];
      row.resize(series.size());
      row[i] = point.value;
    }
  }
  return rows;
}

/// A pod asks for one kind only.
template <class Unit>
std::optional<Unit> first_of(std::optional<Unit> batch, std::optional<Unit> mid, std::optional<Unit> native) {
  return batch ? batch : mid ? mid : native;
}

template <class Unit>
void add_terms(Table& table, const std::string& node, const std::string& resource, const model::ReclaimTerms<Unit>& t,
               std::string (*show)(std::optional<Unit>), const std::string& data_age) {
  table.row({node, resource, show(t.capacity), show(t.margin), show(t.system), show(t.high_priority),
             t.published == t.offered ? show(t.offered)
                                      : fmt::format("{} ({} published)", show(t.offered), show(t.published)),
             show(t.committed),
             t.mid == Unit{} && t.mid_committed == Unit{}
                 ? "-"
                 : fmt::format("{} ({})", show(t.mid), model::name_of(t.mid_rule)),
             t.deficit == Unit{} ? "-" : show(t.deficit), std::string(model::name_of(t.rule)), data_age});
}

void add_reclaimed(Table& table, const std::string& name, const model::Reclaimed& reclaimed) {
  add_terms(table, name, "cpu (cores)", reclaimed.cpu, &cores, age(reclaimed.data_age));
  add_terms(table, name, "memory", reclaimed.memory, &bytes, age(reclaimed.data_age));
}

Table reclaimed_table() {
  return Table({{"NODE"},
                {"RESOURCE"},
                {"CAPACITY", Align::kRight},
                {"MARGIN", Align::kRight},
                {"SYSTEM", Align::kRight},
                {"HIGH PRIO", Align::kRight},
                {"OFFERED", Align::kRight},
                {"COMMITTED", Align::kRight},
                {"MID", Align::kRight},
                {"DEFICIT", Align::kRight},
                {"RULE"},
                {"DATA AGE", Align::kRight}});
}

std::string amplification_text(const model::ScalingPolicy& scaling) {
  if (scaling.cpu_amplification == model::Ratio() && scaling.memory_amplification == model::Ratio()) return "none";
  return fmt::format("cpu {:.2f}, memory {:.2f}; without Kubernetes nothing applies it",
                     scaling.cpu_amplification.value(), scaling.memory_amplification.value());
}

std::string cpu_text(const model::CpuKind& cpu) {
  if (cpu.model.empty()) return "";
  const auto state = [](const std::optional<bool>& on) { return !on ? "not known" : *on ? "on" : "off"; };
  return fmt::format("{}; hyper-threads {}, turbo {}", cpu.model, state(cpu.hyper_threads), state(cpu.turbo));
}

std::string optional_percent(const std::optional<int>& value) {
  return value ? fmt::format("{} %", *value) : "unset";
}

std::string cpu_qos_text(const model::CpuQosPolicy& qos) {
  return fmt::format("{}, groupIdentity {}, schedIdle {}, coreExpeller {}", on_off(qos.enable), qos.group_identity,
                     qos.sched_idle, qos.core_expeller);
}

std::string optional_number(const std::optional<int>& value, std::string_view unit = "") {
  return value ? fmt::format("{}{}", *value, unit) : "unset";
}

/// "on", "off", or "on, dry run".
std::string mechanism(bool on, bool dry_run) {
  return fmt::format("{}{}", on_off(on), dry_run ? ", dry run" : "");
}

void add_evict(Facts& facts, const model::NodePolicy& policy) {
  const auto& t = policy.threshold;
  facts.add("  CPU eviction", mechanism(t.enable, policy.dry_run.cpu_evict));
  facts.add("    cpuEvictBESatisfactionLowerPercent", optional_percent(t.cpu_evict_be_satisfaction_lower_percent));
  facts.add("    cpuEvictBESatisfactionUpperPercent", optional_percent(t.cpu_evict_be_satisfaction_upper_percent));
  facts.add("    cpuEvictBEUsageThresholdPercent", fmt::format("{} %", t.cpu_evict_be_usage_threshold_percent));
  facts.add("    cpuEvictTimeWindowSeconds", optional_number(t.cpu_evict_time_window_seconds, " s"));
  facts.add("    cpuEvictPolicy", std::string(model::name_of(t.cpu_evict_policy)));
  facts.add("    cpuEvictThresholdPercent", optional_percent(t.cpu_evict_threshold_percent));
  facts.add("    cpuEvictLowerPercent", optional_percent(t.cpu_evict_lower_percent));
  facts.add("    cpuAllocatableEvictThresholdPercent", optional_percent(t.cpu_allocatable_evict_threshold_percent));
  facts.add("    cpuAllocatableEvictLowerPercent", optional_percent(t.cpu_allocatable_evict_lower_percent));
  facts.add("    evictEnabledPriorityThreshold", optional_number(t.evict_enabled_priority_threshold));
  facts.add("    allocatableEvictPriorityThreshold", optional_number(t.allocatable_evict_priority_threshold));
}

void add_burst(Facts& facts, const model::NodePolicy& policy) {
  const auto& burst = policy.burst;
  facts.add("  CPU burst", mechanism(burst.policy != model::BurstPolicy::kNone, policy.dry_run.cpu_burst));
  facts.add("    policy", std::string(model::name_of(burst.policy)));
  facts.add("    cpuBurstPercent", fmt::format("{} %", burst.cpu_burst_percent));
  facts.add("    cfsQuotaBurstPercent", fmt::format("{} %", burst.cfs_quota_burst_percent));
  facts.add("    cfsQuotaBurstPeriodSeconds", burst.cfs_quota_burst_period_seconds < 0
                                                  ? "no limit"
                                                  : fmt::format("{} s", burst.cfs_quota_burst_period_seconds));
  facts.add("    sharePoolThresholdPercent", fmt::format("{} %", burst.share_pool_threshold_percent));
}

std::string contents_text(const std::vector<Node>& nodes) {
  Table table({{"CONTENT"},
               {"NODES", Align::kRight},
               {"IN FORCE", Align::kRight},
               {"BEHIND", Align::kRight},
               {"PROBLEMS", Align::kRight}});
  for (const ContentGroup& group : content_groups(nodes)) {
    table.row({policy::text_of(group.content), fmt::format("{}", group.nodes), fmt::format("{}", group.in_force),
               fmt::format("{}", group.behind), fmt::format("{}", group.problems)});
  }
  return table.text();
}

std::string unsupported_text(const std::vector<Node>& nodes) {
  Table table({{"CANNOT"}, {"NODES", Align::kRight}, {"FIRST"}, {"WHY"}});
  for (const UnsupportedGroup& group : unsupported_groups(nodes)) {
    table.row({group.feature.feature, fmt::format("{}", group.nodes.size()), group.nodes.front(), group.feature.why});
  }
  return table.text();
}

std::string state_text(const PolicyState& state) {
  Facts facts;
  facts.add("source", state.source);
  facts.add("version", version_text(state.version));
  facts.add("epoch", fmt::format("{}", state.epoch));
  facts.add("loaded", state.version == 0 ? "-" : format_instant(state.loaded));
  facts.add("problem", state.problem.empty() ? "none" : state.problem);
  return facts.text();
}

}  // namespace

std::string policy_text(const Node& node) {
  if (node.policy_wanted == 0 && node.policy_applied == 0) return "none";
  if (node.policy_wanted == node.policy_applied || node.policy_wanted == 0) return version_text(node.policy_applied);
  const char* state = node.policy_problem.empty() ? "" : " refused";
  return fmt::format("{} -> {}{}", version_text(node.policy_applied), node.policy_wanted, state);
}

std::string render_nodes(const std::vector<Node>& nodes) {
  if (nodes.empty()) return "no nodes\n";
  Table table({{"NODE"},
               {"STATE"},
               {"REPORT AGE", Align::kRight},
               {"CPU (cores)", Align::kRight},
               {"LS", Align::kRight},
               {"BE", Align::kRight},
               {"BE LIMIT", Align::kRight},
               {"MEMORY", Align::kRight},
               {"PODS", Align::kRight},
               {"BATCH CPU", Align::kRight},
               {"BATCH MEMORY", Align::kRight},
               {"LS IS"},
               {"POLICY"}});
  for (const Node& node : nodes) {
    const auto last = node.last.value_or(model::NodeSample{});
    const bool known = node.status.has_value();
    std::string state = node.liveness;
    if (node.liveness == "live" && !node.connected) state += ", no session";
    table.row({node.name, state, age(node.report_age),
               of_capacity(cores(last.node_cpu), known ? cores(node.status->cpu_capacity) : "-"), cores(last.ls_cpu),
               cores(last.be_cpu), limit_text(node.last),
               of_capacity(bytes(last.node_memory), known ? bytes(node.status->memory_capacity) : "-"),
               fmt::format("{}", node.pods), offered_cpu(node), offered_memory(node), protection_text(node),
               policy_text(node)});
  }
  return table.text();
}

std::string render_node(const Node& node) {
  Facts facts;
  facts.add("node", node.name);
  facts.add("state", node.liveness + (node.connected ? ", session open" : ", no session"));
  facts.add("last report", node.report_age ? age(node.report_age) + " ago" : "never");
  facts.add("clock offset", node.clock_offset ? age(node.clock_offset) : "-");
  facts.add("reports", fmt::format("last number {}, {} dropped, incarnation {:016x}", node.last_seq, node.gap_reports,
                                   node.incarnation));
  facts.add("policy", policy_text(node));
  if (!node.policy_problem.empty()) facts.add("policy problem", node.policy_problem);
  if (const auto& status = node.status) {
    facts.add("agent", status->agent_version);
    facts.add("kernel", fmt::format("{}, cgroup {}", status->kernel_release, status->cgroup_version));
    facts.add("CPU", cpu_text(status->cpu));
    facts.add("capacity", fmt::format("{} cores, {}", cores(status->cpu_capacity), bytes(status->memory_capacity)));
    facts.add("allocatable",
              fmt::format("{} cores, {}", cores(status->cpu_allocatable), bytes(status->memory_allocatable)));
    if (status->be_work) facts.add("BE work", work_text(*status->be_work));
    facts.add("LS is", protection_text(node) + (status->protection.why.empty() ? "" : ": " + status->protection.why));
    std::string labels;
    for (const auto& [key, value] : status->labels)
      labels += fmt::format("{}{}={}", labels.empty() ? "" : ", ", key, value);
    facts.add("labels", labels);
    std::string annotations;
    for (const auto& [key, value] : status->annotations)
      annotations += fmt::format("{}{}", annotations.empty() ? "" : ", ", key);
    facts.add("annotations", annotations);
    for (const auto& problem : policy::annotation_problems(status->annotations))
      facts.add("annotation problem", problem);
  }
  if (const auto& last = node.last) {
    facts.add("CPU used", fmt::format("{} cores: LS {}, BE {}, system {}", cores(last->node_cpu), cores(last->ls_cpu),
                                      cores(last->be_cpu), cores(last->system_cpu)));
    facts.add("BE limit", last->be_limit ? cores(last->be_limit) + " cores" : "none");
    facts.add("memory used", fmt::format("{}: LS {}, BE {}", bytes(last->node_memory), bytes(last->ls_memory),
                                         bytes(last->be_memory)));
    const auto some = [](const std::optional<model::Pressure>& p) {
      return percent(p ? std::optional(p->some) : std::nullopt);
    };
    facts.add("pressure", fmt::format("cpu {}, memory {}, io {}", some(last->cpu_pressure), some(last->memory_pressure),
                                      some(last->io_pressure)));
    add_memory(facts, last->memory_side);
    facts.add("LS delay", last->ls_delay_per_cpu
                              ? fmt::format("{:.1f} ms waited per second of LS CPU", *last->ls_delay_per_cpu * 1000)
                              : "-");
  }
  facts.add("pods", fmt::format("{}", node.pods));
  std::string out = facts.text();
  if (node.status && !node.status->features.empty()) {
    Table features({{"FEATURE"}, {"STATE"}, {"WHY"}});
    for (const auto& feature : node.status->features)
      features.row({feature.feature, std::string(model::name_of(feature.state)), feature.why});
    out += "\n" + features.text();
  }
  if (node.reclaimed) {
    Table table = reclaimed_table();
    add_reclaimed(table, node.name, *node.reclaimed);
    out += "\n" + table.text();
  }
  return out;
}

std::string render_pods(const std::vector<Pod>& pods) {
  if (pods.empty()) return "no pods\n";
  Table table({{"NODE"},
               {"NAMESPACE"},
               {"POD"},
               {"QOS"},
               {"TIER"},
               {"PHASE"},
               {"CPU (cores)", Align::kRight},
               {"AVERAGE", Align::kRight},
               {"REQUEST", Align::kRight},
               {"MEMORY", Align::kRight},
               {"REQUEST", Align::kRight},
               {"THROTTLED", Align::kRight},
               {"RUN DELAY", Align::kRight}});
  for (const Pod& row : pods) {
    const auto& pod = *row.summary.pod;
    const auto& requests = pod.requests;
    const auto cpu = row.summary.cpu_milli ? std::optional(model::MilliCpu(row.summary.cpu_milli->mean)) : std::nullopt;
    const auto memory =
        row.summary.memory_bytes ? std::optional(model::Bytes(row.summary.memory_bytes->mean)) : std::nullopt;
    table.row({row.node, pod.name_space, pod.name, std::string(model::name_of(pod.qos)),
               std::string(model::name_of(model::tier_of(pod.priority, pod.qos))),
               std::string(model::name_of(pod.phase)), cores(cpu), cores(row.cpu_average),
               cores(first_of(requests.batch_cpu, pod.mid_requests.cpu, requests.cpu)), bytes(memory),
               bytes(first_of(requests.batch_memory, pod.mid_requests.memory, requests.memory)),
               percent(row.summary.throttled_ratio),
               row.summary.run_delay ? fmt::format("{:.1f} ms/s", *row.summary.run_delay * 1000) : "-"});
  }
  return table.text();
}

std::string render_reclaimed(const ReclaimedAnswer& answer) {
  Table table = reclaimed_table();
  for (const auto& node : answer.nodes)
    add_reclaimed(table, node.node.str(), node);
  add_reclaimed(table, "(cluster)", answer.cluster);
  return table.text();
}

std::string render_history(const std::vector<Series>& series) {
  std::vector<Column> columns = {{"TIME"}};
  bool truncated = false;
  for (const Series& s : series) {
    columns.push_back({column_title(s.metric), Align::kRight});
    truncated = truncated || s.truncated;
  }
  const Rows rows = rows_of(series);
  if (rows.empty()) return "no points in this range\n";
  Table table(std::move(columns));
  for (const auto& [ms, values] : rows) {
    std::vector<std::string> cells = {format_instant({ms})};
    for (std::size_t i = 0; i < series.size(); ++i)
      cells.push_back(values[i] ? value_text(series[i].metric, *values[i]) : "-");
    table.row(std::move(cells));
  }
  return table.text() + (truncated ? "cut: more points exist, narrow the range\n" : "");
}

std::string render_history_csv(const std::vector<Series>& series) {
  std::string out = "time,wall_ms";
  for (const Series& s : series)
    out += fmt::format(",{} ({})", model::name_of(s.metric), model::unit_of(s.metric));
  out += "\n";
  for (const auto& [ms, values] : rows_of(series)) {
    out += fmt::format("{},{}", format_instant({ms}), ms);
    for (const auto& value : values)
      out += value ? fmt::format(",{}", *value) : ",";
    out += "\n";
  }
  return out;
}

std::string cut_note(const std::vector<Series>& series) {
  std::string names;
  for (const Series& s : series) {
    if (s.truncated) names += fmt::format("{}{}", names.empty() ? "" : ", ", model::name_of(s.metric));
  }
  return names.empty() ? "" : fmt::format("cut: more points exist of {}, narrow the range", names);
}

std::string render_events(const EventsAnswer& answer) {
  if (answer.events.empty()) return "no events in this range\n";
  Table table({{"TIME"}, {"NODE"}, {"BY"}, {"REASON"}, {"SUBJECT"}, {"OLD"}, {"NEW"}});
  for (const NodeEvent& row : answer.events) {
    const auto& event = row.event;
    table.row({format_instant(event.at), row.node, std::string(model::name_of(event.controller)),
               std::string(model::name_of(event.reason)), event.subject, event.old_value, event.new_value});
  }
  return table.text() + (answer.truncated ? "cut: more events exist, narrow the range\n" : "");
}

std::string render_policy(const PolicyAnswer& answer, const std::string& node) {
  const auto& effective = answer.effective;
  std::string out = state_text(answer.state) + "\n";
  out += node.empty() ? "in force for a node without labels" : fmt::format("in force for node {}", safe_text(node));
  out += answer.content.value() == 0 ? ":\n" : fmt::format(", content {}:\n", policy::text_of(answer.content));
  Facts facts;
  facts.add("  colocation", on_off(effective.colocation.enable));
  facts.add("    cpuReclaimThresholdPercent", fmt::format("{} %", effective.colocation.cpu_reclaim_threshold_percent));
  facts.add("    memoryReclaimThresholdPercent",
            fmt::format("{} %", effective.colocation.memory_reclaim_threshold_percent));
  facts.add("    degradeTimeMinutes", fmt::format("{}", effective.colocation.degrade_time_minutes));
  facts.add("    cpuCalculatePolicy", std::string(model::name_of(effective.colocation.cpu_calculate_policy)));
  facts.add("    memoryCalculatePolicy", std::string(model::name_of(effective.colocation.memory_calculate_policy)));
  facts.add("    midReclaimMode", std::string(model::name_of(effective.colocation.mid_reclaim_mode)));
  facts.add("    batchCPUThresholdPercent", optional_percent(effective.colocation.batch_cpu_threshold_percent));
  facts.add("    batchMemoryThresholdPercent", optional_percent(effective.colocation.batch_memory_threshold_percent));
  facts.add("  CPU normalisation", fmt::format("{:.2f}", effective.scaling.cpu_normalization.value()));
  facts.add("  resource amplification", amplification_text(effective.scaling));
  facts.add("  CPU suppress", mechanism(effective.threshold.enable, effective.dry_run.cpu_suppress));
  facts.add("    cpuSuppressPolicy", std::string(model::name_of(effective.threshold.cpu_suppress_policy)));
  facts.add("    cpuSuppressThresholdPercent", fmt::format("{} %", effective.threshold.cpu_suppress_threshold_percent));
  facts.add("    cpuSuppressMinPercent", optional_percent(effective.threshold.cpu_suppress_min_percent));
  add_evict(facts, effective);
  add_memory(facts, effective);
  add_burst(facts, effective);
  facts.add("  Host applications",
            effective.host_applications.empty() ? "none" : model::text_of(effective.host_applications));
  facts.add("  CPU QoS", fmt::format("{}{}", model::name_of(effective.qos.cpu_policy),
                                     effective.dry_run.cpu_qos ? ", dry run" : ""));
  facts.add("  cpuQOS LSR", cpu_qos_text(effective.qos.lsr));
  facts.add("  cpuQOS LS", cpu_qos_text(effective.qos.ls));
  facts.add("  cpuQOS BE", cpu_qos_text(effective.qos.be));
  const auto of_pods = [](bool dry_run) {
    return std::string(dry_run ? "as the pods say, dry run" : "as the pods say");
  };
  facts.add("  cpusets", of_pods(effective.dry_run.cpuset));
  facts.add("  batch limits", of_pods(effective.dry_run.batch_limits));
  out += facts.text();
  if (!answer.state.documents.empty()) {
    out += "\ndocuments (--json shows their text):\n";
    for (const auto& document : answer.state.documents)
      out += fmt::format("  {}  {} bytes\n", safe_text(document.key), document.json.size());
  }
  return out;
}

std::string render_policy_status(const PolicyStatus& status) {
  std::string out = state_text(status.state) + "\n";
  if (status.nodes.empty()) return out + "no nodes\n";
  Table table({{"NODE"}, {"WANTED"}, {"APPLIED"}, {"CONTENT"}, {"STATE"}, {"CANNOT"}, {"PROBLEM"}});
  std::size_t in_force = 0;
  std::size_t limited = 0;
  for (const Node& node : status.nodes) {
    std::string cannot;
    for (const auto& feature : unsupported_by_policy(node))
      cannot += fmt::format("{}{}", cannot.empty() ? "" : ", ", feature.feature);
    in_force += has_policy(node) ? 1 : 0;
    limited += cannot.empty() ? 0 : 1;
    table.row({node.name, version_text(node.policy_wanted), version_text(node.policy_applied),
               policy::text_of(node.policy_content), policy_state(node), cannot, node.policy_problem});
  }
  out += fmt::format("{}\n{}", table.text(), contents_text(status.nodes));
  if (limited > 0) out += fmt::format("\n{}", unsupported_text(status.nodes));
  if (const auto groups = annotation_groups(status.nodes); !groups.empty()) {
    Table problems({{"ANNOTATION PROBLEM"}, {"NODES", Align::kRight}, {"FIRST"}});
    for (const auto& group : groups)
      problems.row({group.problem, fmt::format("{}", group.nodes.size()), group.nodes.front()});
    out += fmt::format("\n{}", problems.text());
  }
  out += fmt::format("\n{} of {} nodes have what they should", in_force, status.nodes.size());
  return out + (limited > 0 ? fmt::format("; {} cannot do all of it\n", limited) : "\n");
}

std::string render_policy_keys() {
  std::string out;
  std::string_view document;
  Table table({{"KEY"}, {"TYPE"}, {"RANGE"}, {"DEFAULT"}, {"STATUS"}, {"MEANING"}});
  const auto flush = [&] {
    if (table.rows() > 0) out += fmt::format("{}{}\n{}", out.empty() ? "" : "\n", document, table.text());
    table = Table({{"KEY"}, {"TYPE"}, {"RANGE"}, {"DEFAULT"}, {"STATUS"}, {"MEANING"}});
  };
  for (const policy::KeySpec& key : policy::key_table()) {
    if (key.document != document) {
      flush();
      document = key.document;
    }
    table.row({std::string(key.path), std::string(policy::name_of(key.type)), policy::range_of(key),
               std::string(key.default_text), std::string(policy::name_of(key.status)), std::string(key.meaning)});
  }
  flush();
  return out;
}

}  // namespace tideline::tidectl
