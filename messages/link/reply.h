#pragma once
// How a server's backend answers.

#include <functional>

#include "messages/model/result.h"

namespace tideline::link {

/// Called exactly once, from any thread, at once or later; destroying it uncalled answers "no reply" to the client.
/// Calling it after the server stopped is harmless.
template <class T>
using Reply = std::function<void(model::Result<T>)>;

}  // namespace tideline::link
