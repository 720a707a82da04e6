#include "coordinator/profile/node_profile.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

namespace tideline::profile {
namespace {

using model::Pod;
using model::PodSummary;

constexpr std::size_t kMaxUidBytes = 253;
constexpr std::uint64_t kMaxAgeMs = std::uint64_t{1} << 42;

/// It is charged in the ledger as prod.
bool is_prod(const Pod& pod) {
  return model::tier_of(pod.priority, pod.qos) == model::Tier::kProd &&
         (pod.phase == model::PodPhase::kRunning || pod.phase == model::PodPhase::kPending);
}

bool may_spare(Resource resource, const Pod& pod) {
  if (pod.phase != model::PodPhase::kRunning || pod.eviction.terminating) return false;
  return resource != Resource::kCpu || pod.qos != model::QosClass::kLse;
}

double request_of(Resource resource, const Pod& pod) {
  const auto& requests = pod.requests;
  return static_cast<double>(resource == Resource::kCpu ? requests.cpu.value_or(model::MilliCpu()).value()
                                                        : requests.memory.value_or(model::Bytes()).value());
}

std::optional<double> use_of(Resource resource, const PodSummary& pod) {
  const auto& spread = resource == Resource::kCpu ? pod.cpu_milli : pod.memory_bytes;
  if (!spread) return std::nullopt;
  return static_cast<double>(spread->mean);
}

double allocatable_of(Resource resource, const model::NodeStatus& status) {
  return static_cast<double>(resource == Resource::kCpu ? status.cpu_allocatable.value()
                                                        : status.memory_allocatable.value());
}

std::uint64_t age_ms(model::Duration age) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(model::to_ms(age), 0));
}

model::Duration duration_of(std::uint64_t ms) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

}  // namespace

void NodeProfile::take(const model::Report& report, model::MonoTime at, const PredictionPolicy& policy,
                       Scores& scores) {
  heard_ = at;
  std::vector<const PodSummary*> pods;
  pods.reserve(report.pods.size());
  for (const auto& pod : report.pods) {
    if (is_prod(*pod.pod)) pods.push_back(&pod);
  }
  match(pods);
  const bool minute_ends = at - minute_began_ >= kMinute;
  if (minute_ends) end_minute(at, policy, scores);
  for (const auto resource : kResources) {
    predict(resource, pods, report.status, policy);
    if (minute_ends) stand(resource, pods);
    see(resource, pods);
  }
  warm_pods_ = static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), [](const Row& row) {
    return row.use.at(Resource::kCpu).warm() && row.use.at(Resource::kMemory).warm();
  }));
}

void NodeProfile::match(Pods pods) {
  const auto tracked = pods.first(std::min(pods.size(), kMaxPods));
  const bool same = std::equal(rows_.begin(), rows_.end(), tracked.begin(), tracked.end(),
                               [](const Row& row, const PodSummary* pod) { return row.uid == pod->pod->uid; });
  if (!same) {
    std::unordered_map<model::PodUid, Row> known;
    known.reserve(rows_.size());
    for (auto& row : rows_) {
      const auto uid = row.uid;
      known.emplace(uid, std::move(row));
    }
    std::vector<Row> rows(tracked.size());
    for (std::size_t i = 0; i < tracked.size(); ++i) {
      if (auto found = known.extract(tracked[i]->pod->uid)) rows[i] = std::move(found.mapped());
    }
    for (const auto& [uid, gone] : known) {
      for (const auto resource : kResources) {
        if (gone.use.at(resource).stands()) comparable_.at(resource) = false;
      }
    }
    rows_ = std::move(rows);
  }
  // The fleet view keeps the newest report's pods: their uids are shared, and not kept twice.
  for (std::size_t i = 0; i < tracked.size(); ++i)
    rows_[i].uid = tracked[i]->pod->uid;
}

void NodeProfile::end_minute(model::MonoTime at, const PredictionPolicy& policy, Scores& scores) {
  for (const auto resource : kResources) {
    for (const auto predictor : kPredictors) {
      const auto& standing = standing_.at(predictor).at(resource);
      if (comparable_.at(resource) && standing) {
        scores.at(predictor).at(resource).check(*standing, used_.at(resource));
      }
    }
  }
  const bool day_ends = at - day_began_ >= kDay;
  const auto end = [&](PerResource<UseRecord>& use) {
    for (const auto resource : kResources) {
      // First the minute, which was yesterday's.
      use.at(resource).end_minute(kUseRules.at(resource), policy.cold_start_minutes, at);
      if (day_ends) use.at(resource).end_day();
    }
  };
  for (auto& row : rows_)
    end(row.use);
  end(tier_);
  minute_began_ = at;
  if (day_ends) day_began_ = at;
}

void NodeProfile::predict(Resource resource, Pods pods, const model::NodeStatus& status,
                          const PredictionPolicy& policy) {
  const double margin = 1 + policy.safety_margin_percent / 100.0;
  double requested = 0;
  double most = 0;
  double others = 0;
  PerPredictor<double> peaks{};
  PerPredictor<double> spared{};
  bool known = false;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const double request = request_of(resource, *pods[i]->pod);
    const UseRecord* use = record(i, resource);
    if (use == nullptr || !use->warm() || !may_spare(resource, *pods[i]->pod)) {
      others += std::max(request, use_of(resource, *pods[i]).value_or(0));
      continue;
    }
    known = true;
    requested += request;
    most += margin * use->most();
    for (const auto predictor : kPredictors) {
      const double peak = margin * use->peak(predictor);
      peaks.at(predictor) += peak;
      spared.at(predictor) += std::max(request - peak, 0.0);
    }
  }
  const UseRecord& tier = tier_.at(resource);
  for (const auto predictor : kPredictors) {
    auto& predicted = predicted_.at(predictor).at(resource);
    predicted.reset();
    if (!known) continue;
    // Pods that are gone or cold have their part in what the tier used.
    const double together = tier.known() ? std::min(margin * tier.peak(predictor), most) : most;
    const double by_tier = requested - together;
    const double by_node = allocatable_of(resource, status) - std::max(peaks.at(predictor), together) - others;
    predicted = Prediction{requested, std::max(std::min({spared.at(predictor), by_tier, by_node}), 0.0)};
  }
}

void NodeProfile::stand(Resource resource, Pods pods) {
  for (const auto predictor : kPredictors)
    standing_.at(predictor).at(resource) = predicted_.at(predictor).at(resource);
  used_.at(resource) = 0;
  comparable_.at(resource) = true;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    auto& use = rows_[i].use.at(resource);
    use.set_stands(use.warm() && may_spare(resource, *pods[i]->pod));
  }
}

void NodeProfile::see(Resource resource, Pods pods) {
  double all = 0;
  double predicted_for = 0;
  bool complete = true;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const auto used = use_of(resource, *pods[i]);
    all += used.value_or(0);
    UseRecord* use = record(i, resource);
    if (use == nullptr) continue;
    if (used) use->see(*used);
    if (!used && use->warm()) complete = false;
    if (!use->stands()) continue;
    if (!used || !may_spare(resource, *pods[i]->pod)) comparable_.at(resource) = false;
    predicted_for += used.value_or(0);
  }
  if (complete) tier_.at(resource).see(all);
  used_.at(resource) = std::max(used_.at(resource), predicted_for);
}

Reclaimable NodeProfile::reclaimable(Predictor predictor) const {
  Reclaimable all;
  const auto& of = predicted_.at(predictor);
  if (const auto& cpu = of.at(Resource::kCpu)) {
    all.cpu = model::MilliCpu(static_cast<std::int64_t>(cpu->reclaimable));
  }
  if (const auto& memory = of.at(Resource::kMemory)) {
    all.memory = model::Bytes(static_cast<std::int64_t>(memory->reclaimable));
  }
  return all;
}

void NodeProfile::write(model::MonoTime now, ByteWriter& out) const {
  const auto write_use = [&](const PerResource<UseRecord>& use) {
    for (const auto resource : kResources)
      use.at(resource).write(kUseRules.at(resource), now, out);
  };
  out.number(age_ms(now - heard_)).number(age_ms(now - day_began_));
  write_use(tier_);
  out.number(rows_.size());
  for (const auto& row : rows_) {
    out.text(row.uid.str());
    write_use(row.use);
  }
}

NodeProfile NodeProfile::read(ByteReader& in, model::MonoTime now, model::Duration gap) {
  const model::MonoTime written = now + -gap;
  const auto read_use = [&](PerResource<UseRecord>& use) {
    for (const auto resource : kResources)
      use.at(resource) = UseRecord::read(in, written);
  };
  NodeProfile profile(written);
  profile.heard_ = written + -duration_of(in.number(kMaxAgeMs));
  profile.day_began_ = written + -duration_of(in.number(kMaxAgeMs));
  // So that the first report ends a minute, and what is known of its pods counts at once.
  profile.minute_began_ = now + -kMinute;
  read_use(profile.tier_);
  const auto rows = in.number(kMaxPods);
  for (std::size_t i = 0; i < rows && in.ok(); ++i) {
    Row row;
    row.uid = model::PodUid(std::string(in.text(kMaxUidBytes)));
    read_use(row.use);
    profile.rows_.push_back(std::move(row));
  }
  return profile;
}

}  // namespace tideline::profile
