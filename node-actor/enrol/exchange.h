#pragma once
// One request to the bootstrap port: a connection of its own, of which the server is verified before it is told
// anything. For this room's sources only; on the loop's thread.

#include <string>

#include <kj/async.h>

#include "messages/link/kj_thread.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::enrol {

struct Question {
  std::string address;
  std::string server_name;
  std::string authorities;  // PEM: by them the server is known
  std::string token;
  std::string request;  // PKCS #10, PEM
  model::Duration deadline{0};
};

struct Answer {
  unsigned status = 0;
  std::string body;  // at most kMaxAnswerBytes
};

/// Fails with a kj::Exception (see link::error_from) that names the address and what went wrong.
kj::Promise<Answer> ask(link::KjContext& context, Question question);

}  // namespace tideline::enrol
