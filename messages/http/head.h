#pragma once
// The beginning of an answer.

#include <optional>
#include <string>

#include <kj/async-io.h>

#include "messages/model/units.h"

namespace tideline::http {

/// `body` is to be read or dropped; it keeps what it needs.
struct Head {
  unsigned status = 0;
  std::optional<model::Duration> retry_after;
  std::string location;          // "" = none
  std::string content_encoding;  // likewise
  kj::Own<kj::AsyncInputStream> body;
};

}  // namespace tideline::http
