#include "messages/link/report_reader.h"

#include <utility>

#include <fmt/format.h>

#include "messages/codec/wire.h"

namespace tideline::link {

using model::Error;
using model::ErrorCode;

namespace {

model::Result<void> check_size(std::uint64_t bytes) {
  if (bytes <= model::ReportLimits::kMaxWireBytes) return {};
  return Error(ErrorCode::kMalformed, fmt::format("{} bytes, limit {}", bytes, model::ReportLimits::kMaxWireBytes));
}

}  // namespace

model::Result<ReportReader::Read> ReportReader::read(schema::NodeSession::ReportParams::Reader params,
                                                     const std::function<std::uint64_t()>& draw) {
  return codec::guarded("report", [&]() -> model::Result<Read> {
    const auto words = params.totalSize().wordCount;
    if (auto good = check_size(words * sizeof(capnp::word)); !good) return good.error();
    const auto in = params.getReport();
    auto report = codec::read(in, [this](std::uint64_t number) { return number == named_ ? &pods_ : nullptr; });
    if (!report) return report.error();
    const bool left_out = codec::leaves_out_pods(in);
    const std::uint64_t named = in.getPodList();
    std::uint64_t list = left_out ? drawn_ : 0;
    if (!left_out && named != 0) list = draw();
    auto bytes = codec::flat_copy(in, words, list);
    if (auto good = check_size(bytes.size()); !good) return good.error();
    Read read{.report = std::make_shared<const model::Report>(*std::move(report)),
              .bytes = std::move(bytes),
              .pods_left_out = left_out ? list : 0};
    named_ = named;
    drawn_ = list;
    if (!left_out) pods_ = named == 0 ? model::SharedPods() : model::shared_pods(*read.report);
    return read;
  });
}

}  // namespace tideline::link
