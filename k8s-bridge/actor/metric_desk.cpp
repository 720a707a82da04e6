#include "k8s-bridge/actor/metric_desk.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tideline::bridge {
namespace {

using measure::MetricStep;
using measure::StepOutcome;

/// Whether the API server may take the same later, of whatever node.
bool is_away_or_busy(const model::Result<k8s_api::Answer>& answer) {
  return !answer || answer->status == 401 || answer->status == 429 || answer->status == 503 || answer->status == 504;
}

StepOutcome outcome_of_step(MetricStep step, const model::Result<k8s_api::Answer>& answer) {
  if (!answer) return StepOutcome::kFailed;
  if (answer->status >= 200 && answer->status < 300) return StepOutcome::kDone;
  if (answer->status == 404) return StepOutcome::kMissing;
  return answer->status == 409 && step == MetricStep::kCreate ? StepOutcome::kExists : StepOutcome::kFailed;
}

std::string_view verb_of(MetricStep step) {
  switch (step) {
    case MetricStep::kStatus:
      return "patch on nodemetrics/status";
    case MetricStep::kCreate:
      return "create on nodemetrics";
    case MetricStep::kObject:
      return "patch on nodemetrics";
  }
  return "none";
}

}  // namespace

void MetricDesk::node(const k8s::ObjectKey& key, model::MonoTime now) {
  book_.node(model::NodeName(key.name), key.uid, now);
}

void MetricDesk::run(model::MonoTime now) {
  auto nodes = book_.nodes_to_measure(now, kMostAsked);
  // The first question, whomever it is about, has the fleet's actor keep what percentiles are made of.
  if (!nodes.empty() || !std::exchange(has_asked_, true)) out_.ask(std::move(nodes));
  send_due(now);
}

void MetricDesk::measured(const coordinator::NodesMeasured& measured, model::MonoTime now) {
  for (const auto& node : *measured.nodes)
    book_.measured(node.node, node.interval, node.metric);
  send_due(now);
}

void MetricDesk::send_due(model::MonoTime now) {
  for (const auto& flight : book_.due(now))
    out_.send(flight.node, request_for(flight));
}

k8s_api::Request MetricDesk::request_for(const measure::MetricBook::Flight& flight) {
  k8s_api::Request request;
  request.priority = k8s_api::Priority::kLow;
  switch (flight.step) {
    case MetricStep::kStatus: {
      auto patch = measure::status_patch(*flight.metric);
      request.method = k8s_api::Method::kMergePatch;
      request.path = measure::status_path(flight.node);
      request.body = std::move(patch.body);
      if (patch.pods_left_out > 0 && told_cut_.admit(flight.node.str())) {
        log::warn("node-metric-cut", "{}: {} of {} pods are left out of its NodeMetric, those that use least",
                  flight.node.str(), patch.pods_left_out, flight.metric->pods.size());
      }
      break;
    }
    case MetricStep::kCreate:
      request.method = k8s_api::Method::kPost;
      request.path = std::string(measure::kNodeMetricsPath);
      request.body = measure::object_body(flight.wanted);
      break;
    case MetricStep::kObject:
      request.method = k8s_api::Method::kMergePatch;
      request.path = measure::object_path(flight.node);
      request.body = measure::object_patch(flight.wanted);
      break;
  }
  return request;
}

void MetricDesk::answered(const model::NodeName& node, const model::Result<k8s_api::Answer>& answer,
                          model::MonoTime now) {
  const auto* known = book_.in_flight(node);
  if (known == nullptr) return;
  const auto flight = *known;
  const auto outcome = outcome_of_step(flight.step, answer);
  const bool is_status_done = flight.step == MetricStep::kStatus && outcome == StepOutcome::kDone;
  const bool is_as_wanted =
      !is_status_done || !flight.is_unchecked || measure::is_as_wanted(answer->body, flight.wanted);
  const bool is_not_installed = book_.answered(node, outcome, is_as_wanted);
  if (is_status_done) {
    ++written_;
    told_missing_ = told_forbidden_ = false;
    if (!std::exchange(told_written_, true)) log::info("node-metrics", "NodeMetrics are written");
  } else if (is_not_installed) {
    ++failed_;
    book_.hold(now + kMissingHold);
    told_written_ = false;
    if (!std::exchange(told_missing_, true)) {
      log::warn("node-metrics",
                "no NodeMetric is written: the API server has no resource nodemetrics.slo.koordinator.sh; apply "
                "deploy/kubernetes/overlays/node-metrics/crd.yaml. It is asked again every {} s",
                model::to_ms(kMissingHold) / 1000);
    }
  } else if (outcome == StepOutcome::kFailed) {
    ++failed_;
    note_trouble(flight, answer, now);
  }
  send_due(now);
}

void MetricDesk::note_trouble(const measure::MetricBook::Flight& flight, const model::Result<k8s_api::Answer>& answer,
                              model::MonoTime now) {
  const auto why = answer ? k8s_api::describe(*answer) : answer.error().message();
  if (answer && answer->status == 403) {
    book_.hold(now + kForbiddenHold);
    if (!std::exchange(told_forbidden_, true)) {
      log::error("kubernetes-forbidden", "{}: no NodeMetric is written; the role needs the verb {}", why,
                 verb_of(flight.step));
    }
    return;
  }
  if (is_away_or_busy(answer)) {
    const auto asked = answer ? answer->retry_after.value_or(model::kZeroDuration) : model::kZeroDuration;
    book_.hold(now + std::clamp(asked, kBusyHold, kForbiddenHold));
  }
  if (const auto held = told_failed_.admit(now.ns)) {
    log::warn("node-metric-write", "{}: {}; written again in its turn{}", flight.node.str(), why,
              *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
  }
}

void MetricDesk::show(coordinator::BridgeNumbers& numbers) const {
  coordinator::BridgeNumbers::NodeMetrics metrics;
  metrics.nodes = book_.nodes();
  metrics.written = written_;
  metrics.failed = failed_;
  metrics.stretch = book_.stretch();
  numbers.node_metrics = metrics;
}

}  // namespace tideline::bridge
