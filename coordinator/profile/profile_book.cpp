#include "coordinator/profile/profile_book.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "messages/model/crc32.h"

namespace tideline::profile {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxNodeNameBytes = 253;
constexpr std::uint64_t kMaxWallMs = std::uint64_t{1} << 48;

/// The last bytes of a slice: the CRC of all before.
constexpr std::size_t kCrcBytes = 4;

std::string crc_of(std::string_view bytes) {
  const std::uint32_t crc = model::crc32(bytes);
  std::string text;
  for (const int shift : {24, 16, 8, 0})
    text.push_back(static_cast<char>((crc >> shift) & 0xff));
  return text;
}

model::Error malformed(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("stored predictions: {}", why)};
}

}  // namespace

void ProfileBook::take(const model::Report& report, model::MonoTime at) {
  auto& nodes = slices_[slice_of(report.node)];
  nodes.try_emplace(report.node, at).first->second.take(report, at, policy_, scores_);
}

void ProfileBook::forget(const model::NodeName& node) {
  slices_[slice_of(node)].erase(node);
}

Reclaimable ProfileBook::reclaimable(const model::NodeName& name) const {
  const NodeProfile* found = policy_.used ? node(name) : nullptr;
  return found == nullptr ? Reclaimable{} : found->reclaimable(*policy_.used);
}

const NodeProfile* ProfileBook::node(const model::NodeName& name) const {
  const auto& nodes = slices_[slice_of(name)];
  const auto found = nodes.find(name);
  return found == nodes.end() ? nullptr : &found->second;
}

std::size_t ProfileBook::size() const {
  std::size_t nodes = 0;
  for (const auto& slice : slices_)
    nodes += slice.size();
  return nodes;
}

void ProfileBook::add(Summary& sum, const NodeProfile& profile) {
  sum.warm_pods += profile.warm_pods();
  sum.cold_pods += profile.pods() - profile.warm_pods();
  for (const auto predictor : kPredictors) {
    for (const auto resource : kResources) {
      const auto& prediction = profile.prediction(predictor, resource);
      if (prediction) sum.saved.at(predictor).at(resource) += prediction->reclaimable;
    }
  }
}

std::size_t ProfileBook::slice_of(const model::NodeName& node) {
  // Not std::hash, which another build may have another way.
  return model::crc32(node.str()) % kSlices;
}

ProfileBook::Written ProfileBook::write(std::size_t slice, model::MonoTime now, model::WallTime wall) {
  auto& nodes = slices_[slice];
  std::erase_if(nodes, [&](const auto& entry) { return now - entry.second.heard() > kForgetAfter; });
  Written written;
  if (nodes.empty()) return written;
  ByteWriter whole;
  whole.number(kVersion).number(static_cast<std::uint64_t>(std::max<std::int64_t>(wall.ms, 0)));
  for (const auto& [name, profile] : nodes) {
    ByteWriter one;
    one.text(name.str());
    profile.write(now, one);
    if (whole.bytes().size() + one.bytes().size() + kCrcBytes > kMaxSliceBytes) {
      ++written.left_out;
      continue;
    }
    whole.raw(one.bytes());
  }
  const auto crc = crc_of(whole.bytes());
  written.bytes = whole.raw(crc).take();
  return written;
}

model::Result<void> ProfileBook::read(std::string_view bytes, model::MonoTime now, model::WallTime wall) {
  if (bytes.empty()) return {};
  if (bytes.size() < kCrcBytes) return malformed(fmt::format("{} bytes are too few", bytes.size()));
  const auto payload = bytes.substr(0, bytes.size() - kCrcBytes);
  if (crc_of(payload) != bytes.substr(payload.size())) return malformed("the checksum does not fit");
  ByteReader in(payload);
  const auto version = in.number();
  if (version != kVersion) return malformed(fmt::format("version {}, want {}", version, kVersion));
  const auto written_ms = static_cast<std::int64_t>(in.number(kMaxWallMs));
  const auto gap_ms = std::clamp<std::int64_t>(wall.ms - written_ms, 0, model::to_ms(kForgetAfter) + 1);
  const model::Duration gap = std::chrono::milliseconds(gap_ms);
  std::vector<std::pair<model::NodeName, NodeProfile>> nodes;
  while (in.more()) {
    model::NodeName name{std::string(in.text(kMaxNodeNameBytes))};
    nodes.emplace_back(std::move(name), NodeProfile::read(in, now, gap));
  }
  if (!in.ok()) return malformed("cut short, or a number is out of bounds");
  for (auto& [name, profile] : nodes) {
    if (now - profile.heard() > kForgetAfter) continue;
    slices_[slice_of(name)].try_emplace(name, std::move(profile));
  }
  return {};
}

}  // namespace tideline::profile
