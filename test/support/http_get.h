#pragma once
// One plain HTTP request on loopback.

#include <string>

namespace tideline::test {

/// The whole answer, status line and headers first; "" when nobody listens.
std::string http_get(int port, const std::string& path);
std::string http_post(int port, const std::string& path, const std::string& json);

}  // namespace tideline::test
