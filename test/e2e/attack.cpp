#include "test/e2e/attack.h"

#include <cstdint>
#include <memory>

#include <fmt/format.h>
#include <openssl/ssl.h>

#include "messages/model/eviction.h"
#include "test/support/sanitized.h"

namespace tideline::test {
namespace {

using link::HostilePeer;
using link::RawSocket;
using std::chrono::milliseconds;

// Together below the 16 handshakes that the coordinator has under way at once, so that the others get their turn.
constexpr int kSilent = 6;
constexpr int kSlow = 6;
constexpr int kRejections = 16;  // SessionLimits::max_rejections
constexpr int kComings = 60;     // three times SessionLimits::enroll_burst
constexpr auto kGarbageEvery = milliseconds(kSanitized ? 50 : 20);

/// A TLS record header that promises a ClientHello of 508 bytes.
std::string bogus_hello() {
  return {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11};
}

link::TlsFiles paths(const CertFiles& made) {
  return {made.certificate, made.key, made.ca};
}

link::TlsFiles certified(const Cluster& cluster, const std::string& node) {
  return paths(cluster.authority().node(node));
}

model::Report report(const std::string& node) {
  model::Report made;
  made.node = model::NodeName(node);
  made.incarnation = model::Incarnation(1);
  made.seq = model::Seq(1);
  made.mono = model::MonoTime{1'000'000'000};
  made.wall = model::WallTime{
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
  made.window = std::chrono::seconds(10);
  made.status.cpu_capacity = model::MilliCpu(4000);
  model::NodeSample sample;
  sample.at = made.mono;
  sample.wall = made.wall;
  sample.window = std::chrono::seconds(1);
  sample.node_cpu = model::MilliCpu(1234);
  made.samples.push_back(sample);
  return made;
}

/// Of a small host: the most of everything that a report may tell, from another century.
model::Report boast(std::uint64_t seq) {
  constexpr std::int64_t kMostCpu = model::ReportLimits::kMaxMilliCpu;
  constexpr std::int64_t kMostMemory = model::ReportLimits::kMaxMemoryBytes;
  model::Report made = report(Attack::kBoastful);
  made.seq = model::Seq(seq);
  made.gap_reports = UINT64_MAX;
  made.mono = model::MonoTime{INT64_MAX};
  made.wall = model::WallTime{253'402'300'799'000};  // the year 9999
  made.window = std::chrono::hours(24);
  made.status.memory_capacity = model::Bytes(std::int64_t{8} << 30);
  auto& sample = made.samples.back();
  sample.at = model::MonoTime{INT64_MIN};
  sample.wall = made.wall;
  sample.node_cpu = sample.system_cpu = model::MilliCpu(kMostCpu);
  sample.node_memory = model::Bytes(kMostMemory);
  for (int i = 0; i < 4; ++i) {
    model::Pod pod;
    pod.uid = model::PodUid(std::to_string(i));
    pod.requests.cpu = model::MilliCpu(kMostCpu);
    pod.requests.memory = model::Bytes(kMostMemory);
    auto& summary = made.pods.emplace_back();
    summary.pod = std::move(pod);
    summary.cpu_milli = model::Spread{kMostCpu, kMostCpu, kMostCpu};
    summary.memory_bytes = model::Spread{kMostMemory, kMostMemory, kMostMemory};
  }
  return made;
}

}  // namespace

Attack::Attack(const Cluster& cluster, const std::string& victim)
    : victim_(victim),
      port_(cluster.node_port()),
      foreign_(paths(CertAuthority(cluster.dir().str() + "/tls", "foreign-ca").node("hostile-foreigner"))),
      liar_(certified(cluster, kLiar)),
      idler_(certified(cluster, kIdler)),
      deaf_(certified(cluster, kDeaf)),
      restless_(certified(cluster, kRestless)),
      begging_(certified(cluster, kBegging)),
      mute_(certified(cluster, kMute)),
      boastful_(certified(cluster, kBoastful)) {
  const auto stem = fmt::format("{}/tls/node-{}", cluster.dir().str(), victim);
  stolen_ = {stem + ".crt", stem + ".key", cluster.authority().ca_file()};
  const auto add = [&](const char* node, std::function<void(HostilePeer&)> commit, bool rejected = true) {
    offences_.push_back({node, certified(cluster, node), std::move(commit), rejected});
  };
  const auto send_bad = [](HostilePeer& peer, const model::Report& bad) {
    for (int i = 0; i < kRejections; ++i)
      static_cast<void>(peer.report(bad));
  };
  add(kOversize, [send_bad](HostilePeer& peer) {
    auto bad = report(kOversize);
    bad.status.protection.why.assign(model::ReportLimits::kMaxWireBytes, 'x');
    send_bad(peer, bad);
  });
  add(kNegative, [send_bad](HostilePeer& peer) {
    auto bad = report(kNegative);
    bad.status.cpu_capacity = model::MilliCpu(-1);
    send_bad(peer, bad);
  });
  add(kMeasureless, [send_bad](HostilePeer& peer) {
    auto bad = report(kMeasureless);
    bad.samples.back().node_cpu = model::MilliCpu(INT64_MAX);
    send_bad(peer, bad);
  });
  add(kCrowded, [send_bad](HostilePeer& peer) {
    auto bad = report(kCrowded);
    bad.pods.resize(model::ReportLimits::kMaxPods + 1);
    send_bad(peer, bad);
  });
  add(kTwins, [send_bad](HostilePeer& peer) {
    auto bad = report(kTwins);
    bad.pods.resize(2);
    for (auto& summary : bad.pods)
      summary.pod.change([](model::Pod& pod) { pod.uid = model::PodUid("twin"); });
    send_bad(peer, bad);
  });
  add(kFlood, [](HostilePeer& peer) { static_cast<void>(peer.flood(report(kFlood), 200)); });
  const auto send_once = [](HostilePeer& peer, const model::Report& bad) { static_cast<void>(peer.report(bad)); };
  add(
      kHuge,
      [send_once](HostilePeer& peer) {
        auto bad = report(kHuge);
        bad.status.protection.why.assign(8 << 20, 'x');
        send_once(peer, bad);
      },
      false);
  add(
      kImpostor, [send_once, victim](HostilePeer& peer) { send_once(peer, report(victim)); }, false);
  add(
      kReborn,
      [send_once](HostilePeer& peer) {
        auto bad = report(kReborn);
        bad.incarnation = model::Incarnation(2);
        send_once(peer, bad);
      },
      false);
}

void Attack::start() {
  for (const auto kind :
       {&Attack::throw_garbage, &Attack::stay_silent, &Attack::dribble, &Attack::come_with_foreign_certificate,
        &Attack::knock, &Attack::never_read, &Attack::fall_silent, &Attack::beg, &Attack::exaggerate, &Attack::offend})
    repeat(kind);
}

void Attack::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  for (auto& thread : threads_)
    thread.join();
  threads_.clear();
}

void Attack::repeat(void (Attack::*kind)()) {
  threads_.emplace_back([this, kind] {
    while (pause(milliseconds(0)))
      (this->*kind)();
  });
}

bool Attack::pause(milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, duration, [this] { return stopping_; });
}

void Attack::throw_garbage() {
  for (const auto& bytes :
       {noise(64), bogus_hello() + noise(501), std::string("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n")}) {
    const RawSocket peer(port_);
    if (!peer.connected()) continue;
    peer.send(bytes);
    ++counts_.garbage;
    ++counts_.unwelcome;
  }
  // Says nothing and leaves.
  if (RawSocket(port_).connected()) ++counts_.unwelcome;
  pause(kGarbageEvery);
}

void Attack::stay_silent() {
  std::vector<std::unique_ptr<RawSocket>> peers;
  for (int i = 0; i < kSilent; ++i) {
    peers.push_back(std::make_unique<RawSocket>(port_));
    if (peers.back()->connected()) ++counts_.unwelcome;
  }
  for (const auto& peer : peers)
    static_cast<void>(peer->wait_closed());
}

void Attack::dribble() {
  std::vector<std::unique_ptr<RawSocket>> peers;
  for (int i = 0; i < kSlow; ++i) {
    peers.push_back(std::make_unique<RawSocket>(port_));
    if (peers.back()->connected()) ++counts_.unwelcome;
  }
  // A byte at a time, for longer than a handshake may take.
  std::string bytes = bogus_hello();
  bytes.resize(56, '\0');
  for (const char byte : bytes) {
    if (!pause(milliseconds(100))) return;
    for (const auto& peer : peers)
      peer->send(std::string(1, byte));
  }
}

void Attack::come_with_foreign_certificate() {
  if (link::raw_tls(port_, foreign_, TLS1_3_VERSION) != "no TCP connection") ++counts_.unwelcome;
  pause(milliseconds(250));
}

/// One after the other: of refusals that have one code the log names one in 100 ms.
void Attack::knock() {
  claim_the_victims_name();
  come_and_go();
  never_enrol();
}

void Attack::claim_the_victims_name() {
  for (const auto* files : {&liar_, &stolen_}) {
    HostilePeer peer(*files, port_);
    if (peer.connect()) static_cast<void>(peer.enroll(victim_));
    if (!pause(milliseconds(200))) return;
  }
}

void Attack::come_and_go() {
  for (int i = 0; i < kComings && pause(milliseconds(60)); ++i) {
    HostilePeer peer(restless_, port_);
    if (peer.connect()) static_cast<void>(peer.enroll(kRestless));
    ++counts_.comings;
  }
}

void Attack::never_enrol() {
  HostilePeer peer(idler_, port_);
  if (peer.connect()) static_cast<void>(peer.wait_closed());
  pause(milliseconds(200));
}

void Attack::never_read() {
  HostilePeer peer(deaf_, port_);
  if (peer.connect() && peer.enroll(kDeaf)) {
    peer.go_deaf();
    // It does not hear that it was dropped. Without a bound its unread answers were over 100 MB by then.
    for (int i = 0; i < 300 && pause(milliseconds(20)); ++i)
      peer.send_heartbeats();
  }
  pause(milliseconds(100));
}

void Attack::fall_silent() {
  HostilePeer peer(mute_, port_);
  const bool open = peer.connect() && peer.enroll(kMute);
  bool dropped = false;
  // Two waits are longer than the coordinator's own.
  for (int waits = 0; open && !dropped && waits < 2; ++waits)
    dropped = peer.wait_closed();
  // Once is enough: until the attack is over.
  pause(dropped ? milliseconds(std::chrono::hours(1)) : milliseconds(100));
}

void Attack::beg() {
  HostilePeer peer(begging_, port_);
  bool open = peer.connect() && peer.enroll(kBegging);
  model::EvictionRequest request;
  request.id = "b/f/1/u1";
  request.uid = model::PodUid("u1");
  const model::EvictionAsk ask{.seen = model::Epoch(1), .through_api = false, .requests = {request}};
  while (open && pause(milliseconds(100))) {
    for (int i = 0; i < 10 && open; ++i) {
      const auto answered = peer.ask_evictions(ask);
      if (answered) continue;
      open = answered.error().code() == model::ErrorCode::kOverloaded;
      if (open) ++counts_.put_off;
    }
  }
  pause(milliseconds(100));
}

void Attack::exaggerate() {
  HostilePeer peer(boastful_, port_);
  bool open = peer.connect() && peer.enroll(kBoastful);
  // From the last of all numbers down.
  for (std::uint64_t seq = UINT64_MAX; open && pause(milliseconds(100)); --seq) {
    open = peer.report(boast(seq)).ok();
    if (open) ++counts_.boasts;
  }
  pause(milliseconds(100));
}

void Attack::offend() {
  for (const auto& offence : offences_) {
    HostilePeer peer(offence.files, port_);
    if (peer.connect() && peer.enroll(offence.node)) {
      offence.commit(peer);
      if (peer.wait_closed() && offence.rejected) ++counts_.rejected;
    }
    if (!pause(milliseconds(100))) return;
  }
}

std::string Attack::noise(std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes)
    byte = static_cast<char>(random_());
  return bytes;
}

}  // namespace tideline::test
