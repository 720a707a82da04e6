#pragma once
// Kubernetes quantities ("500m", "1.5", "256Mi", "1e3") as integers.
// Format: k8s.io/apimachinery resource.Quantity. Rounded up, as Kubernetes does.

#include <string_view>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::model {

/// "2" = 2000 millicores, "500m" = 500. Negative or over 10^13 is kInvalidArgument; the error quotes the text.
Result<MilliCpu> parse_cpu(std::string_view text);
/// "1Gi" = 2^30. Negative or over 2^60 is kInvalidArgument; the error quotes the text.
Result<Bytes> parse_bytes(std::string_view text);
/// kubernetes.io/batch-cpu, which counts millicores: "500" is half a CPU.
Result<MilliCpu> parse_batch_cpu(std::string_view text);
/// "100ms", "10s", "5m", "2h", "14d": a whole or decimal number and one unit. Zero, negative or over 10 years is
/// kInvalidArgument; the error quotes the text.
Result<Duration> parse_duration(std::string_view text);

}  // namespace tideline::model
