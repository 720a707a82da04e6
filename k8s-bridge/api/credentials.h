#pragma once
// What an Access names, read and checked.

#include "k8s-bridge/api/access.h"
#include "messages/http/credentials.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// kInvalidArgument where not exactly one thing says who we are, a token could not be a header's, the key is another
/// certificate's, or there is no certificate of an authority; the errors of read_small_file for files. No error shows a
/// token or a key.
model::Result<http::Credentials> read_credentials(const Access& access);

}  // namespace tideline::k8s_api
