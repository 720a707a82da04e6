// What a server does by itself, without a peer's call: deadlines, ages, and files that change.

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "messages/link/clocks.h"
#include "messages/link/server_core.h"
#include "messages/link/x509.h"

namespace tideline::link {
namespace {

constexpr kj::Duration kNextEndsAfter = 20 * kj::MILLISECONDS;

}  // namespace

void ServerCore::sweep(kj::Duration wait) {
  tasks_.add(context_.timer.afterDelay(wait).then([this, wait]() {
    const auto now = context_.timer.now();
    const auto late = now - last_sweep_ - wait;
    last_sweep_ = now;
    // This process was stopped or starved: what the peers sent meanwhile is unread, and their silence is not theirs.
    const bool stalled = late > sweep_every_;
    const model::WallTime wall = wall_now();
    std::vector<std::pair<SessionId, std::string>> ended;
    for (auto& [id, session] : sessions_) {
      if (stalled) {
        session.since += late;
        session.last_heard += late;
      }
      if (ended.size() > config_.session.end_slice) continue;
      if (!session.enrolled && now - session.since > to_kj(config_.session.enroll_deadline)) {
        ended.emplace_back(id, fmt::format("no enrolment within {} ms", to_ms(config_.session.enroll_deadline)));
      } else if (session.enrolled && now - session.last_heard > to_kj(config_.session.idle_deadline)) {
        ended.emplace_back(id, fmt::format("silent for {} ms", (now - session.last_heard) / kj::MILLISECONDS));
      } else if (session.not_after < wall) {
        ended.emplace_back(id, "its certificate has expired");
      } else if (now - session.since > session.lifetime) {
        ended.emplace_back(
            id, fmt::format("it is {} s old; the node may come again at once", (now - session.since) / kj::SECONDS));
      }
    }
    // Where a switch fails half a fleet falls silent at once. The others' acks come in between.
    const bool more = ended.size() > config_.session.end_slice;
    if (more) ended.pop_back();
    for (const auto& [id, why] : ended)
      end(id, why);
    pace_.forget_rested(mono_now());
    note_lag();
    if (!draining_ && now - last_reload_ > to_kj(config_.accept.reload_every)) {
      last_reload_ = now;
      reload_changed_files();
      reload_denied_names();
    }
    sweep(more ? std::min(kNextEndsAfter, sweep_every_) : sweep_every_);
  }));
}

void ServerCore::note_lag() {
  counts_.lag_ns = lag_.lag().count();
  // A round that takes longer than that is seen at the next look.
  tasks_.add(lag_.round().exclusiveJoin(context_.timer.afterDelay(sweep_every_)).then([this]() {
    counts_.lag_ns = lag_.lag().count();
  }));
}

kj::Duration ServerCore::draw_lifetime(model::WallTime not_after) {
  const std::int64_t left_ms = std::max<std::int64_t>(not_after.ms - wall_now().ms, 0);
  const std::int64_t least_ms = to_ms(config_.session.least_age);
  const std::int64_t most_ms = std::max(std::min(to_ms(config_.session.max_age), left_ms / 4 * 3), least_ms);
  // All certificates of a fleet may be of one hour.
  return std::uniform_int_distribution<std::int64_t>(std::max(most_ms / 4 * 3, least_ms), most_ms)(random_) *
         kj::MILLISECONDS;
}

void ServerCore::reload_denied_names() {
  if (!denied_file_.changed()) return;
  auto denied = DenyList::load(config_.denied_names_file);
  if (!denied) {
    // Who was denied stays so.
    if (denied_problem_ == denied.error().message()) return;
    denied_problem_ = denied.error().message();
    log::error("denied-names-bad", "{}; the list of before stays in use", denied_problem_);
    return;
  }
  denied_file_.taken();
  denied_problem_.clear();
  denied_ = *std::move(denied);
  log::info("denied-names-reloaded", "{}: {} names", config_.denied_names_file, denied_.size());
  std::vector<SessionId> out;
  for (const auto& [id, session] : sessions_) {
    if (session.enrolled && denied_.denies(session.hello.node)) out.push_back(id);
  }
  for (const auto id : out)
    end(id, fmt::format("the node is among the denied names in {}", config_.denied_names_file));
}

void ServerCore::note_certificate(const TlsMaterial& material) {
  const auto own = certificates_from_pem(material.certificate_pem);
  if (own) counts_.certificate_until_ms = certificate_of(*own->front()).not_after.ms;
}

void ServerCore::reload_changed_files() {
  if (!files_.changed()) return;
  const auto material = load(config_.tls, TlsUse::kServer);
  const auto reloaded = material ? listener_->reload(*material) : model::Result<void>(material.error());
  if (!reloaded) {
    // Tried again each time: what is unreadable or not yet valid now may be good later without any change of the files.
    if (reload_problem_ == reloaded.error().message()) return;
    reload_problem_ = reloaded.error().message();
    log::error("tls-files-bad", "{}; the old ones stay in use", reload_problem_);
    return;
  }
  files_.taken();
  note_certificate(*material);
  reload_problem_.clear();
  log::info("tls-files-reloaded", "{}", config_.tls.certificate);
}

}  // namespace tideline::link
