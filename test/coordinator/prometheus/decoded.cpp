#include "test/coordinator/prometheus/decoded.h"

#include <algorithm>
#include <bit>

#include <snappy.h>

namespace tideline::prometheus {
namespace {

constexpr unsigned kVarint = 0;
constexpr unsigned kDouble = 1;
constexpr unsigned kBytes = 2;

/// Fields of one message, in their order.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  bool failed() const { return failed_; }

  /// Number and kind of the next field; its value is read by the method of its kind.
  std::pair<std::uint64_t, unsigned> next() {
    const std::uint64_t tag = varint();
    return {tag >> 3, static_cast<unsigned>(tag & 7)};
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    if (rest_.size() < sizeof value) {
      failed_ = true;
      return 0;
    }
    for (std::size_t i = sizeof value; i-- > 0;)
      value = (value << 8) | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view bytes() {
    const std::uint64_t size = varint();
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

using Field = std::pair<std::uint64_t, unsigned>;

bool read_label(std::string_view bytes, std::pair<std::string, std::string>& label) {
  for (Fields fields(bytes); !fields.done();) {
    const auto field = fields.next();
    if (field == Field(1, kBytes)) {
      label.first = fields.bytes();
    } else if (field == Field(2, kBytes)) {
      label.second = fields.bytes();
    } else {
      return false;
    }
    if (fields.failed()) return false;
  }
  return true;
}

bool read_sample(std::string_view bytes, DecodedSample& sample) {
  for (Fields fields(bytes); !fields.done();) {
    const auto field = fields.next();
    if (field == Field(1, kDouble)) {
      sample.bits = fields.fixed();
    } else if (field == Field(2, kVarint)) {
      sample.ms = static_cast<std::int64_t>(fields.varint());
    } else {
      return false;
    }
    if (fields.failed()) return false;
  }
  return true;
}

bool read_series(std::string_view bytes, DecodedSeries& series) {
  for (Fields fields(bytes); !fields.done();) {
    const auto field = fields.next();
    bool good = false;
    if (field == Field(1, kBytes)) {
      good = read_label(fields.bytes(), series.labels.emplace_back());
    } else if (field == Field(2, kBytes)) {
      good = read_sample(fields.bytes(), series.samples.emplace_back());
    }
    if (!good || fields.failed()) return false;
  }
  return true;
}

}  // namespace

double DecodedSample::value() const {
  return std::bit_cast<double>(bits);
}

std::string DecodedSeries::label(std::string_view name) const {
  const auto found = std::find_if(labels.begin(), labels.end(), [&](const auto& each) { return each.first == name; });
  return found == labels.end() ? std::string() : found->second;
}

std::optional<std::vector<DecodedSeries>> decoded_plain(std::string_view request) {
  std::vector<DecodedSeries> all;
  for (Fields fields(request); !fields.done();) {
    if (fields.next() != Field(1, kBytes)) return std::nullopt;
    const auto bytes = fields.bytes();
    if (fields.failed() || !read_series(bytes, all.emplace_back())) return std::nullopt;
  }
  return all;
}

std::optional<std::vector<DecodedSeries>> decoded(std::string_view block) {
  std::string request;
  if (!snappy::Uncompress(block.data(), block.size(), &request)) return std::nullopt;
  return decoded_plain(request);
}

DecodedSeries only(const std::vector<DecodedSeries>& series, std::string_view name) {
  DecodedSeries found;
  for (const auto& each : series) {
    if (each.name() != name) continue;
    if (!found.labels.empty()) return {};
    found = each;
  }
  return found;
}

}  // namespace tideline::prometheus
