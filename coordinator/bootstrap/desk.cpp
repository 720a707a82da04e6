#include "coordinator/bootstrap/desk.h"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/certs/signing.h"
#include "messages/clock/clock.h"
#include "messages/link/tls_files.h"

namespace tideline::bootstrap {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

/// More than an API server is asked about, so that none is left out but where something loops.
constexpr std::int64_t kSignedLineEveryNs = 20'000'000;
/// Whoever reaches the port must not fill the disk with log.
constexpr std::int64_t kOtherLineEveryNs = 100'000'000;

std::string held_back(std::uint64_t count) {
  return count == 0 ? std::string() : fmt::format(" ({} more held back)", count);
}

std::string time_of(model::WallTime at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(at.ms / 1000)));
}

}  // namespace

Result<std::unique_ptr<Desk>> Desk::open(link::KjContext& context, const BootstrapConfig& config,
                                         BootstrapBackend& backend, std::shared_ptr<link::Gate> gate) {
  // Before they are read: a change between the two is then seen as one.
  const auto& tls = config.tls;
  link::FileWatch paper_files({tls.certificate, tls.key, tls.ca, config.signing_certificate, config.signing_key});
  link::FileWatch denied_file({config.denied_names_file});
  auto papers = load_papers(config);
  if (!papers) return papers.error();
  auto denied = link::DenyList::load(config.denied_names_file);
  if (!denied) return denied.error();
  auto server = link::OpenTlsServer::create(papers->tls);
  if (!server) return server.error();
  config.counters->authority_until_ms = papers->authority_until.ms;
  return std::unique_ptr<Desk>(new Desk(context, config, backend, std::move(gate), *std::move(papers),
                                        *std::move(server), *std::move(denied), std::move(paper_files),
                                        std::move(denied_file)));
}

Desk::Desk(link::KjContext& context, const BootstrapConfig& config, BootstrapBackend& backend,
           std::shared_ptr<link::Gate> gate, Papers papers, kj::Own<link::OpenTlsServer> tls, link::DenyList denied,
           link::FileWatch paper_files, link::FileWatch denied_file)
    : config_(config),
      backend_(backend),
      pending_(std::make_shared<link::Pending>(context.timer, std::move(gate), config.backend_deadline)),
      papers_(std::move(papers)),
      tls_(kj::mv(tls)),
      denied_(std::move(denied)),
      paper_files_(std::move(paper_files)),
      denied_file_(std::move(denied_file)),
      turns_(context.timer, {config.max_asking, config.questions_a_second, config.backend_deadline}),
      pauses_(config.node_pause),
      signed_rate_(kSignedLineEveryNs),
      denied_rate_(kOtherLineEveryNs),
      failed_rate_(kOtherLineEveryNs) {}

kj::Promise<Answer> Desk::answer(Question question, std::string peer, Turns::HasLeft has_left) {
  return turns_.take(kj::mv(has_left))
      .then([this, question = std::move(question),
             peer = std::move(peer)](Turns::Place place) mutable -> kj::Promise<Answer> {
        if (place == nullptr) {
          return failed(503, "too many ask before you; try again",
                        fmt::format("its turn did not come within {} ms", model::to_ms(config_.backend_deadline)),
                        peer);
        }
        return ask(std::move(question), std::move(peer), std::move(place));
      });
}

kj::Promise<Answer> Desk::ask(Question question, std::string peer, Turns::Place place) {
  auto asked = pending_->ask<model::NodeName>(
      [&](link::Reply<model::NodeName> reply) { backend_.identify(std::move(question.token), std::move(reply)); });
  return asked.attach(kj::mv(place))
      .then([this, request = std::move(question.request), peer = std::move(peer)](
                const Result<model::NodeName>& node) -> Answer { return judged(node, request, peer); });
}

Answer Desk::judged(const Result<model::NodeName>& node, const std::string& request, const std::string& peer) {
  if (node) return sign(*node, request, peer);
  const Error& why = node.error();
  if (why.code() == ErrorCode::kPermissionDenied) return denied(401, why.message(), peer);
  return failed(503, "who asks cannot be told now; the coordinator's log says why", why.message(), peer);
}

Answer Desk::sign(const model::NodeName& node, const std::string& request, const std::string& peer) {
  if (denied_.denies(node)) {
    return denied(403, fmt::format("node {} is among the denied names", node.str()), peer);
  }
  const auto now = clock::mono_now();
  if (pauses_.holds(node, now)) {
    const std::string why = fmt::format("node {} has a certificate from a moment ago; try again", node.str());
    return failed(429, why, why, peer);
  }
  auto spec = certs::node_spec(node.str());
  spec.valid_to = std::chrono::duration_cast<std::chrono::seconds>(config_.validity);
  const auto certificate = papers_.signer.sign(request, spec);
  if (!certificate) {
    const auto code = certificate.error().code();
    const auto why = fmt::format("node {}: {}", node.str(), certificate.error().message());
    if (code == ErrorCode::kMalformed || code == ErrorCode::kInvalidArgument) return failed(400, why, why, peer);
    return failed(500, "no certificate can be signed now; the coordinator's log says why", why, peer);
  }
  // Whatever the backend calls a node's name, the link must read it as that node's and nobody else's.
  const auto speaks = link::speaks_for({*certificate, {}, {}}, node);
  const auto summary = certs::summary_of(*certificate);
  if (!speaks || !summary) {
    const Error& why = speaks ? summary.error() : speaks.error();
    return failed(500, "no certificate can be made for this node", why.message(), peer);
  }
  pauses_.begin(node, now);
  ++config_.counters->signed_;
  if (const auto held = signed_rate_.admit(now.ns)) {
    log::info("node-certificate-signed", "{}: serial {}, valid until {}, asked for from {}{}", node.str(),
              summary->serial, time_of(summary->not_after), peer, held_back(*held));
  }
  Answer answer;
  answer.status = 200;
  answer.is_json = true;
  answer.body =
      nlohmann::json{{"node", node.str()}, {"certificate", *certificate}, {"ca", papers_.signer.ca_pem()}}.dump();
  return answer;
}

Answer Desk::denied(unsigned status, const std::string& why, const std::string& peer) {
  ++config_.counters->denied;
  if (const auto held = denied_rate_.admit(clock::mono_now().ns)) {
    log::warn("node-certificate-denied", "{}: {}{}", peer, why, held_back(*held));
  }
  return refusal(status, why);
}

Answer Desk::failed(unsigned status, const std::string& told, const std::string& why, const std::string& peer) {
  ++config_.counters->failed;
  log_failed(why, peer);
  return refusal(status, told);
}

void Desk::log_failed(const std::string& why, const std::string& peer) {
  if (const auto held = failed_rate_.admit(clock::mono_now().ns)) {
    log::warn("node-certificate-failed", "{}: {}{}", peer, why, held_back(*held));
  }
}

void Desk::turned_away(const Answer& answer, const std::string& peer) {
  if (answer.status == 401) {
    static_cast<void>(denied(answer.status, "no token: it is missing, or no bearer's", peer));
    return;
  }
  // What is no request at all is counted: anybody can send that, and it tells nothing.
  broken_off();
}

void Desk::no_handshake(const std::string& peer, const Error& why) {
  log_failed(why.message(), peer);
  broken_off();
}

void Desk::too_many(const std::string& why, const std::string& peer) {
  log_failed(why, peer);
  broken_off();
}

void Desk::follow_files() {
  follow_papers();
  follow_denied_names();
}

void Desk::follow_papers() {
  if (!paper_files_.changed()) return;
  auto papers = load_papers(config_);
  const auto reloaded = papers ? tls_->reload(papers->tls) : Result<void>(papers.error());
  if (!reloaded) {
    // As on the node port: tried again each time, for what is not valid yet may be later.
    if (papers_problem_ == reloaded.error().message()) return;
    papers_problem_ = reloaded.error().message();
    log::error("tls-files-bad", "bootstrap port: {}; the old ones stay in use", papers_problem_);
    return;
  }
  paper_files_.taken();
  papers_problem_.clear();
  papers_ = *std::move(papers);
  config_.counters->authority_until_ms = papers_.authority_until.ms;
  log::info("tls-files-reloaded", "bootstrap port: {}, {}", config_.tls.certificate, config_.signing_certificate);
}

void Desk::follow_denied_names() {
  if (!denied_file_.changed()) return;
  auto denied = link::DenyList::load(config_.denied_names_file);
  if (!denied) {
    // Who was denied stays so.
    if (denied_problem_ == denied.error().message()) return;
    denied_problem_ = denied.error().message();
    log::error("denied-names-bad", "bootstrap port: {}; the list of before stays in use", denied_problem_);
    return;
  }
  denied_file_.taken();
  denied_problem_.clear();
  denied_ = *std::move(denied);
  log::info("denied-names-reloaded", "bootstrap port: {}: {} names", config_.denied_names_file, denied_.size());
}

}  // namespace tideline::bootstrap
