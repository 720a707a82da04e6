#include "test/support/metric.h"

#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "test/support/http_get.h"

namespace tideline::test {

double metric(int web_port, const std::string& sample) {
  const std::string shown = http_get(web_port, "/metrics");
  const std::string line = fmt::format("\n{} ", sample);
  const auto at = shown.find(line);
  if (at == std::string::npos) return std::numeric_limits<double>::quiet_NaN();
  return std::strtod(shown.c_str() + at + line.size(), nullptr);
}

}  // namespace tideline::test
