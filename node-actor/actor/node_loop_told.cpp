// Of NodeLoop: what it tells of itself, as status and as events.
#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"
#include "node-actor/actor/node_loop.h"

namespace tideline::node {
namespace {

constexpr std::size_t kMaxTroubles = 64;

}  // namespace

std::vector<model::FeatureState> NodeLoop::suppress_features() const {
  using State = model::FeatureState::State;
  auto features = decide::suppress_features(input_, policy_, decided_);
  const bool dry_run = policy_ && policy_->dry_run.cpu_suppress;
  const bool by_quota = policy_ && policy_->threshold.enable && decided_.reason != model::Reason::kSuppressedCpus;
  const auto beside_be = by_quota ? decide::throttled_with_be(pods_) : std::string();
  for (auto& feature : features) {
    if (feature.feature == "cpuSuppress" && !beside_be.empty()) feature.why += "; " + beside_be;
    if (held_) {
      if (!policy_ || !policy_->threshold.enable) continue;
      feature.state = State::kInactive;
      feature.why = held_why_;
    } else if (dry_run) {
      if (feature.state == State::kActive) feature.state = State::kInactive;
      feature.why = "dry run, nothing is written: " + feature.why;
    }
  }
  return features;
}

model::NodeStatus NodeLoop::status() const {
  model::NodeStatus status = status_;
  status.protection = protection_;
  status.knobs = cpu_side_->knobs().knobs;
  status.be_work = cpu_side_->be_work();
  status.features = told_ ? *told_ : suppress_features();
  const bool wanted = policy_ && policy_->threshold.enable && !held_;
  const auto& missing = be_limit_.missing_knob();
  if (wanted && (!be_limit_.problem().empty() || !missing.empty())) {
    for (auto& feature : status.features) {
      if (!feature.feature.starts_with("cpuSuppress")) continue;
      feature.state = model::FeatureState::State::kUnsupported;
      feature.why = missing.empty() ? "the limit could not be written: " + be_limit_.problem()
                                    : fmt::format("{} has no {}", tree_.best_effort(), missing);
    }
  }
  auto by_rounds = cpu_side_->features();
  if (by_rounds.empty()) by_rounds = decide::waiting_features(waits_for());
  const auto* hold = decide::covering(holds_, tree_.kubepods(), clock::mono_now());
  for (auto& feature : memory_side_->features(policy_, waits_for())) {
    // As the CPU side says of its own.
    if (hold != nullptr && feature.state == model::FeatureState::State::kActive) {
      feature.state = model::FeatureState::State::kInactive;
      feature.why = decide::why(*hold);
    }
    by_rounds.push_back(std::move(feature));
  }
  memory_side_->add_problems(by_rounds);
  for (auto& feature : by_rounds)
    status.features.push_back(std::move(feature));
  if (applications_) status.features.push_back(*applications_);
  // A report with a longer text is refused as a whole.
  constexpr std::string_view kCut = " ...";
  for (auto& feature : status.features) {
    if (feature.why.size() <= model::ReportLimits::kMaxTextBytes) continue;
    feature.why.resize(model::beginning(feature.why, model::ReportLimits::kMaxTextBytes - kCut.size()).size());
    feature.why += kCut;
  }
  if (policy_) status.policy_applied = policy_->version;
  return status;
}

std::string NodeLoop::waits_for() const {
  if (!policy_ && !pods_known_) return "no policy yet, no list of pods yet";
  if (!policy_) return "no policy yet";
  return pods_known_ ? "no pod round yet" : "no list of pods yet";
}

void NodeLoop::tell(guard::AuditRing::Untold untold) {
  for (auto& [number, event] : untold.records) {
    event.subject = tree_.below_root(event.subject);
    events_.add({std::move(event), number});
  }
  if (untold.lost > 0) note(events_lost(untold.lost, clock::wall_now()));
}

void NodeLoop::note(model::Event event) {
  const auto number = audit_ != nullptr ? audit_->add(event) : 0;
  events_.add({std::move(event), number});
  if (audit_ == nullptr) return;
  if (const auto trouble = audit_->take_trouble()) log::warn("audit", "{}", trouble->message());
}

void NodeLoop::note(model::Controller controller, model::Reason reason, std::string subject, std::string old_value,
                    std::string new_value) {
  note({clock::wall_now(), controller, reason, std::move(subject), std::move(old_value), std::move(new_value)});
}

void NodeLoop::note_drift(model::Controller controller, const std::string& file, const std::string& found,
                          const std::string& wanted) {
  log::warn("drift", "{} held {}, which is not ours", file, found);
  note(controller, model::Reason::kDrift, file, found, wanted);
}

void NodeLoop::note_trouble(const model::Error& error) {
  // The same trouble comes back every round: once a while is news.
  if (troubles_.size() >= kMaxTroubles) troubles_.clear();
  if (!troubles_.insert(error.message()).second) return;
  log::warn("kernel-trouble", "{}: {}", model::name_of(error.code()), error.message());
}

}  // namespace tideline::node
