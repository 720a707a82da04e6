#pragma once
// One number of a coordinator's /metrics.

#include <string>

namespace tideline::test {

/// Of `sample` as it stands there, with its labels: "tideline_sessions", "tideline_reports_total{outcome=\"stored\"}".
/// NaN where it does not, or nobody listens.
double metric(int web_port, const std::string& sample);

}  // namespace tideline::test
