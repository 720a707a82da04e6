#include "coordinator/reclaim/explain.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "coordinator/reclaim/account.h"
#include "coordinator/reclaim/zones.h"
#include "messages/model/node_annotations.h"

namespace tideline::reclaim {
namespace {

using model::AccountTerm;
using model::ChargeBasis;
using model::ReclaimRule;
using model::TermSource;
using model::Tier;

using Unreadable = std::vector<model::MetadataProblem>;

/// colocation-config's keys for one resource.
struct Keys {
  std::string_view reclaim_threshold;
  std::string_view calculate;
  std::string_view batch_cap;
  std::string_view mid_cap;
  std::string_view mid_static;
};
constexpr Keys kCpuKeys{"cpuReclaimThresholdPercent", "cpuCalculatePolicy", "batchCPUThresholdPercent",
                        "midCPUThresholdPercent", "midStaticCPUReservedPercent"};
constexpr Keys kMemoryKeys{"memoryReclaimThresholdPercent", "memoryCalculatePolicy", "batchMemoryThresholdPercent",
                           "midMemoryThresholdPercent", "midStaticMemoryReservedPercent"};

/// How many pods of each tier count.
struct PodCounts {
  std::size_t high = 0;  // prod and mid
  std::size_t mid = 0;
  std::size_t batch = 0;  // and free
};

/// What the lines of one resource are made of; the details of an account alone are not known.
template <class Unit>
struct Facts {
  const Account<Unit>& account;
  const model::ColocationPolicy& policy;
  const Keys& keys;
  const Origin& origin;
  PodCounts pods;
  const Unreadable& unreadable;
  const std::vector<ApplicationInput>& applications;
  model::Ratio amplification;
};

std::string why_withdrawn(ReclaimRule rule, const model::ColocationPolicy& policy, const Origin& origin,
                          const Unreadable& unreadable) {
  switch (rule) {
    case ReclaimRule::kDisabled:
      return "nothing: enable is not true in the cluster's strategy and the node's";
    case ReclaimRule::kStale:
      if (origin.report == model::Seq()) return "nothing: there is no report of the node's agent yet";
      return fmt::format("nothing: the report is older than degradeTimeMinutes {}", policy.degrade_time_minutes);
    case ReclaimRule::kUnknownUsage:
      return "nothing: the capacity or a use that counts is not known";
    case ReclaimRule::kBadAnnotation:
      return fmt::format("nothing: {}", unreadable.empty() ? "" : model::text_of(unreadable.front()));
    default:
      return "";
  }
}

template <class Unit>
std::string how_reclaimable(const Facts<Unit>& facts) {
  const auto predictor = facts.origin.predictor;
  if (predictor.empty()) return "prediction.predictor none: mid gets none of it";
  if (!facts.account.prod_reclaimable) {
    return fmt::format("{}: no prod pod is known for long enough, mid gets none of it", predictor);
  }
  return fmt::format("{}: requested by prod, and not needed", predictor);
}

template <class Unit>
std::string how_mid(ReclaimRule rule, const Facts<Unit>& facts) {
  switch (rule) {
    case ReclaimRule::kPredicted:
      return fmt::format(
          "prod-reclaimable, at most capacity - used, and midUnallocatedPercent {} of what prod does not request",
          facts.policy.mid_unallocated_percent);
    case ReclaimRule::kStatic:
      return fmt::format("{} {} of capacity", facts.keys.mid_static, facts.account.mid_static_percent);
    case ReclaimRule::kThresholdCap:
      return fmt::format("cut by {} {}", facts.keys.mid_cap, facts.account.mid_threshold_percent);
    case ReclaimRule::kSafeCapacity:
      return "cut to mid-committed and what of the room batch pods and third parties do not hold";
    default:
      return why_withdrawn(rule, facts.policy, facts.origin, facts.unreadable);
  }
}

template <class Unit>
std::string how_offered(ReclaimRule rule, const Facts<Unit>& facts) {
  switch (rule) {
    case ReclaimRule::kUsage:
    case ReclaimRule::kRequest:
    case ReclaimRule::kMaxUsageRequest:
      return facts.account.normalization == model::Ratio()
                 ? "origin - third-party, at least 0"
                 : fmt::format("(origin - third-party) / {:.2f}, at least 0: in CPUs of this host",
                               facts.account.normalization.value());
    case ReclaimRule::kThresholdCap:
      return fmt::format("{}; cut by {} {}", how_offered(ReclaimRule::kUsage, facts), facts.keys.batch_cap,
                         facts.account.cap_percent.value_or(0));
    case ReclaimRule::kDeficit:
      return "nothing: the room is below 0";
    default:
      return why_withdrawn(rule, facts.policy, facts.origin, facts.unreadable);
  }
}

template <class Unit>
std::string how_origin(ReclaimRule rule, const Facts<Unit>& facts) {
  const bool plain = facts.account.normalization == model::Ratio();
  const auto times = plain ? "" : fmt::format(", * {:.2f}", facts.account.normalization.value());
  switch (rule) {
    case ReclaimRule::kUsage:
    case ReclaimRule::kRequest:
    case ReclaimRule::kMaxUsageRequest:
      return "room - mid-offered" + times;
    case ReclaimRule::kThresholdCap:
      return fmt::format("room - mid-offered, cut by {} {}{}", facts.keys.batch_cap,
                         facts.account.cap_percent.value_or(0), times);
    default:
      return how_offered(rule, facts);
  }
}

bool is_high(const ApplicationInput& application) {
  return application.tier == Tier::kProd || application.tier == Tier::kMid;
}

/// How many of prod and mid there are, and which of them count otherwise than by a use that is measured now.
template <class Unit>
std::string how_applications(const Facts<Unit>& facts) {
  if (facts.account.calculate == model::CalculatePolicy::kRequest) {
    return fmt::format("nothing, by {} request", facts.keys.calculate);
  }
  constexpr std::size_t kMostBytes = 512;
  std::string others;
  std::size_t high = 0;
  for (const auto& application : facts.applications) {
    if (!is_high(application)) continue;
    ++high;
    const bool known = (application.*facts.account.application_use).has_value();
    if (application.state == model::ApplicationState::kMeasured && application.listed && known) continue;
    if (others.size() > kMostBytes) continue;
    const auto state = !application.listed ? std::string_view("gone") : model::name_of(application.state);
    others += fmt::format("; {} {}", application.name, state);
    if (known) others += ", by its last average";
  }
  return fmt::format("of high-priority, {} prod and mid host applications{}", high, others);
}

/// Collects lines; those that rest on the report are as old as it is.
template <class Unit>
class Lines {
 public:
  explicit Lines(std::optional<model::Duration> age) : age_(age) {}

  void add(AccountTerm term, std::optional<Unit> value, TermSource source, std::string detail) {
    const bool ages = source == TermSource::kNodeStatus || source == TermSource::kMeasured ||
                      source == TermSource::kPods || source == TermSource::kPrediction;
    lines_.push_back({term, value, source, std::move(detail), ages ? age_ : std::nullopt});
  }
  std::vector<model::ExplainedTerm<Unit>> take() { return std::move(lines_); }

 private:
  std::optional<model::Duration> age_;
  std::vector<model::ExplainedTerm<Unit>> lines_;
};

/// Where batch-cpu and CPUs of this host are not the same.
template <class Unit>
void add_published(Lines<Unit>& lines, const model::ReclaimTerms<Unit>& terms, const Facts<Unit>* facts) {
  const bool plain = !facts || facts->account.normalization == model::Ratio();
  if (plain && terms.published == terms.offered) return;
  lines.add(AccountTerm::kPublished, terms.published, TermSource::kFormula,
            facts ? fmt::format("origin - third-party, at least 0: in CPUs of {:.2f} by {}",
                                facts->account.normalization.value(), facts->origin.normalized_by)
                  : "");
}

/// What an annotation takes; not known where it cannot be read.
template <class Unit>
void add_claim(Lines<Unit>& lines, AccountTerm term, Unit value, std::string_view annotation,
               const Facts<Unit>* facts) {
  if (!facts) {
    lines.add(term, value, TermSource::kNodeStatus, "");
    return;
  }
  for (const auto& problem : facts->unreadable) {
    if (problem.key != annotation) continue;
    lines.add(term, std::nullopt, TermSource::kNodeStatus, model::text_of(problem));
    return;
  }
  lines.add(term, value, TermSource::kNodeStatus, fmt::format("annotation {}", annotation));
}

template <class Unit>
void add_system(Lines<Unit>& lines, const model::ReclaimTerms<Unit>& terms, const Facts<Unit>* facts) {
  if (!facts) {
    add_claim(lines, AccountTerm::kReservation, terms.reservation, model::kReservationAnnotation, facts);
    lines.add(AccountTerm::kSystem, terms.system, TermSource::kFormula, "");
    return;
  }
  const auto& account = facts->account;
  lines.add(AccountTerm::kSystemUsed, account.system, TermSource::kMeasured,
            fmt::format("outside of pods and host applications, average of up to {} s",
                        std::chrono::duration_cast<std::chrono::seconds>(facts->origin.averaged).count()));
  add_claim(lines, AccountTerm::kReservation, terms.reservation, model::kReservationAnnotation, facts);
  lines.add(AccountTerm::kReserved, reserved_of(account), TermSource::kNodeStatus,
            "capacity - allocatable or reservation, the larger");
  const bool reserved_alone = account.calculate == model::CalculatePolicy::kRequest;
  lines.add(AccountTerm::kSystem, terms.system, TermSource::kFormula,
            reserved_alone                 ? fmt::format("reserved alone, by {} request", facts->keys.calculate)
            : terms.host_charged > Unit{0} ? "system-used, or reserved - host-applications, the larger"
                                           : "system-used or reserved, the larger");
}

/// In the formula's order. `facts` null: of an account alone.
template <class Unit>
std::vector<model::ExplainedTerm<Unit>> lines_of(const model::ReclaimTerms<Unit>& terms,
                                                 std::optional<model::Duration> age, const Facts<Unit>* facts) {
  const auto detail = [facts](auto make) { return facts ? make(*facts) : std::string(); };
  Lines<Unit> lines(age);
  lines.add(AccountTerm::kCapacity, terms.capacity, TermSource::kNodeStatus, detail([](const auto& f) {
              if (f.origin.report == model::Seq()) return std::string("no report yet");
              if (f.amplification == model::Ratio()) return fmt::format("report {}", f.origin.report.value());
              return fmt::format("report {}; without its resource-amplification-ratio {:.2f}", f.origin.report.value(),
                                 f.amplification.value());
            }));
  lines.add(AccountTerm::kMargin, terms.margin, TermSource::kPolicy, detail([](const auto& f) {
              const int threshold = f.account.reclaim_threshold_percent;
              return fmt::format("{} {}: {} % of capacity", f.keys.reclaim_threshold, threshold, 100 - threshold);
            }));
  add_system(lines, terms, facts);
  lines.add(AccountTerm::kHighPriority, terms.high_priority, TermSource::kPods, detail([](const auto& f) {
              return fmt::format("{} prod and mid pods, {} {}", f.pods.high, f.keys.calculate,
                                 model::name_of(f.account.calculate));
            }));
  if (facts ? !facts->applications.empty() : terms.host_used > Unit{0}) {
    lines.add(AccountTerm::kHostApplications, terms.host_charged, TermSource::kMeasured,
              detail([](const auto& f) { return how_applications(f); }));
  }
  lines.add(AccountTerm::kMidCharged, terms.mid_charged, TermSource::kPods, detail([](const auto& f) {
              return fmt::format("of high-priority, {} mid pods{}", f.pods.mid,
                                 f.applications.empty() ? "" : " and mid host applications");
            }));
  lines.add(AccountTerm::kRoom, room_of(terms), TermSource::kFormula,
            detail([](const auto&) { return std::string("capacity - margin - system - high-priority"); }));
  lines.add(AccountTerm::kRequested, terms.requested, TermSource::kPods,
            detail([](const auto&) { return std::string("allocated: by prod pods"); }));
  lines.add(AccountTerm::kUsed, terms.used, TermSource::kMeasured, detail([](const auto& f) {
              const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(f.origin.averaged);
              return fmt::format("the whole node, average of up to {} s", seconds.count());
            }));
  if (facts) {
    lines.add(AccountTerm::kProdReclaimable, facts->account.prod_reclaimable, TermSource::kPrediction,
              how_reclaimable(*facts));
  }
  lines.add(AccountTerm::kMid, terms.mid, TermSource::kFormula,
            detail([&](const auto& f) { return how_mid(terms.mid_rule, f); }));
  lines.add(AccountTerm::kMidCommitted, terms.mid_committed, TermSource::kPods,
            detail([](const auto&) { return std::string("of mid, requested by its pods"); }));
  lines.add(AccountTerm::kMidOffered, terms.mid_offered, TermSource::kFormula,
            detail([](const auto&) { return std::string("mid - mid-committed, at least 0"); }));
  lines.add(AccountTerm::kOrigin, terms.origin, TermSource::kFormula,
            detail([&](const auto& f) { return how_origin(terms.rule, f); }));
  add_claim(lines, AccountTerm::kThirdParty, terms.third_party, model::kThirdPartyAnnotation, facts);
  lines.add(AccountTerm::kOffered, terms.offered, TermSource::kFormula,
            detail([&](const auto& f) { return how_offered(terms.rule, f); }));
  add_published(lines, terms, facts);
  lines.add(AccountTerm::kCommitted, terms.committed, TermSource::kPods,
            detail([](const auto& f) { return fmt::format("requested by {} batch and free pods", f.pods.batch); }));
  lines.add(AccountTerm::kDeficit, terms.deficit, TermSource::kFormula,
            detail([](const auto&) { return std::string("what the room is below 0"); }));
  return lines.take();
}

struct CpuOf {
  static auto used(const PodInput& pod) { return pod.cpu; }
  static auto requested(const PodInput& pod) { return pod.requests.cpu; }
  static auto promised(const PodInput& pod) { return pod.mid_requests.cpu; }
};
struct MemoryOf {
  static auto used(const PodInput& pod) { return pod.memory; }
  static auto requested(const PodInput& pod) { return pod.requests.memory; }
  static auto promised(const PodInput& pod) { return pod.mid_requests.memory; }
};

/// Sums by basis and the pods that are charged most; counts the pods that make up the terms.
template <class Of, class Unit>
void explain_pods(const std::vector<PodInput>& pods, const Account<Unit>& account, PodCounts& counts,
                  model::ExplainedResource<Unit>& out) {
  constexpr auto kBases = static_cast<std::size_t>(ChargeBasis::kUnknown) + 1;
  std::array<model::ChargeSum<Unit>, kBases> sums;
  std::vector<model::ChargedPod<Unit>> charged;
  for (const PodInput& pod : pods) {
    const auto one = account.charge(pod, account.calculate);
    auto& sum = sums[static_cast<std::size_t>(one.basis)];
    sum.basis = one.basis;
    ++sum.pods;
    sum.charged += one.charged;
    if (one.basis == ChargeBasis::kEnded) continue;
    if (one.basis == ChargeBasis::kNotCharged) {
      counts.batch += pod.listed ? 1 : 0;
      continue;
    }
    ++counts.high;
    if (pod.tier == Tier::kMid) ++counts.mid;
    charged.push_back({.uid = pod.uid,
                       .name = {},
                       .tier = pod.tier,
                       .qos = pod.qos,
                       .basis = one.basis,
                       .charged = one.charged,
                       .used = Of::used(pod),
                       .requested = Of::requested(pod),
                       .promised = Of::promised(pod)});
  }
  for (const auto& sum : sums) {
    if (sum.pods > 0) out.charges.push_back(sum);
  }
  const auto shown = std::min(charged.size(), model::ExplainedLimits::kMaxPods);
  std::partial_sort(
      charged.begin(), charged.begin() + static_cast<std::ptrdiff_t>(shown), charged.end(),
      [](const auto& a, const auto& b) { return a.charged != b.charged ? a.charged > b.charged : a.uid < b.uid; });
  charged.resize(shown);
  out.pods = std::move(charged);
}

template <class Of, class Unit>
model::ExplainedResource<Unit> explain_resource(const NodeInput& input, const Account<Unit>& account, const Keys& keys,
                                                const model::ColocationPolicy& policy, const Origin& origin,
                                                const model::ReclaimTerms<Unit>& terms, model::Ratio amplification,
                                                std::optional<model::Duration> age) {
  model::ExplainedResource<Unit> out;
  PodCounts counts;
  explain_pods<Of>(input.pods, account, counts, out);
  if (const auto high = std::count_if(input.applications.begin(), input.applications.end(), is_high); high > 0) {
    out.charges.push_back({ChargeBasis::kHostApplication, static_cast<std::uint32_t>(high), terms.host_charged});
  }
  const Facts<Unit> facts{account, policy, keys, origin, counts, input.unreadable, input.applications, amplification};
  out.terms = lines_of(terms, age, &facts);
  return out;
}

}  // namespace

model::ExplainedAccount explain(const NodeInput& input, const model::ColocationPolicy& policy, model::MonoTime now,
                                const Origin& origin) {
  model::ExplainedAccount out;
  out.account = reclaim(input, policy, now);
  const auto age = out.account.data_age;
  out.cpu = explain_resource<CpuOf>(input, cpu_account(input, policy), kCpuKeys, policy, origin, out.account.cpu,
                                    origin.scaling.cpu_amplification, age);
  out.memory = explain_resource<MemoryOf>(input, memory_account(input, policy), kMemoryKeys, policy, origin,
                                          out.account.memory, origin.scaling.memory_amplification, age);
  out.zones_problem = zones_problem(input);
  return out;
}

model::ExplainedAccount explain(const model::AccountAt& kept) {
  model::ExplainedAccount out;
  out.account = kept.account;
  out.at = kept.at;
  out.stored = true;
  const auto age = kept.account.data_age;
  out.cpu.terms = lines_of<model::MilliCpu>(kept.account.cpu, age, nullptr);
  out.memory.terms = lines_of<model::Bytes>(kept.account.memory, age, nullptr);
  return out;
}

}  // namespace tideline::reclaim
