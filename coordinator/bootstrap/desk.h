#pragma once
// Who asks, and what they get: the backend's word, the names that are denied, the authority's signature. On the loop's
// thread only.

#include <memory>
#include <string>

#include <kj/async-io.h>

#include "coordinator/bootstrap/backend.h"
#include "coordinator/bootstrap/papers.h"
#include "coordinator/bootstrap/pauses.h"
#include "coordinator/bootstrap/request.h"
#include "coordinator/bootstrap/server.h"
#include "coordinator/bootstrap/turns.h"
#include "messages/link/deny_list.h"
#include "messages/link/file_watch.h"
#include "messages/link/kj_thread.h"
#include "messages/link/kj_tls.h"
#include "messages/link/pending.h"
#include "messages/log/log.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::bootstrap {

struct Question {
  std::string token;
  std::string request;  // PEM
};

class Desk {
 public:
  /// Reads the files. `config` and `backend` must outlive it, and it its promises.
  static model::Result<std::unique_ptr<Desk>> open(link::KjContext& context, const BootstrapConfig& config,
                                                   BootstrapBackend& backend, std::shared_ptr<link::Gate> gate);

  kj::Promise<kj::Own<kj::AsyncIoStream>> handshake(kj::Own<kj::AsyncIoStream> raw) {
    return tls_->handshake(kj::mv(raw));
  }
  /// Counted and logged. Fails only where `has_left`, asked as the turn comes, says that nobody waits any more.
  kj::Promise<Answer> answer(Question question, std::string peer, Turns::HasLeft has_left);

  // Ends that need no answer of it, to be counted and, where they may tell something, logged.
  void turned_away(const Answer& answer, const std::string& peer);
  void broken_off() { ++config_.counters->failed; }
  void no_handshake(const std::string& peer, const model::Error& why);
  void too_many(const std::string& why, const std::string& peer);

  void follow_files();

 private:
  Desk(link::KjContext& context, const BootstrapConfig& config, BootstrapBackend& backend,
       std::shared_ptr<link::Gate> gate, Papers papers, kj::Own<link::OpenTlsServer> tls, link::DenyList denied,
       link::FileWatch paper_files, link::FileWatch denied_file);

  kj::Promise<Answer> ask(Question question, std::string peer, Turns::Place place);
  Answer judged(const model::Result<model::NodeName>& node, const std::string& request, const std::string& peer);
  Answer sign(const model::NodeName& node, const std::string& request, const std::string& peer);
  Answer denied(unsigned status, const std::string& why, const std::string& peer);
  /// `told` goes to whoever asked, `why` to the log.
  Answer failed(unsigned status, const std::string& told, const std::string& why, const std::string& peer);
  void log_failed(const std::string& why, const std::string& peer);

  void follow_papers();
  void follow_denied_names();

  const BootstrapConfig& config_;
  BootstrapBackend& backend_;
  std::shared_ptr<link::Pending> pending_;
  Papers papers_;
  kj::Own<link::OpenTlsServer> tls_;
  link::DenyList denied_;
  link::FileWatch paper_files_;
  link::FileWatch denied_file_;
  std::string papers_problem_;  // told; the files are tried again each time
  std::string denied_problem_;
  Turns turns_;
  Pauses pauses_;
  log::RateLimit signed_rate_;
  log::RateLimit denied_rate_;
  log::RateLimit failed_rate_;
};

}  // namespace tideline::bootstrap
