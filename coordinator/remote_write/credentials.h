#pragma once
// What a RemoteWriteConfig's files hold, read and checked.

#include <string>

#include "coordinator/remote_write/endpoint.h"
#include "coordinator/remote_write/writer.h"
#include "messages/http/credentials.h"
#include "messages/model/result.h"

namespace tideline::remote_write {

/// Reads nothing. kInvalidArgument: options that do not go together, or a secret that would go in clear to another
/// machine.
model::Result<void> check_together(const RemoteWriteConfig& config, const Endpoint& endpoint);
/// The name that the server's certificate must hold.
std::string name_to_prove(const RemoteWriteConfig& config, const Endpoint& endpoint);

/// No error shows what a file holds.
model::Result<http::Credentials> read_credentials(const RemoteWriteConfig& config);

}  // namespace tideline::remote_write
