#pragma once
// Peers that attack a coordinator's node port: each kind in a thread of its own, and at a rate of its own, for it is
// the coordinator's bounds that are tried and not how much the machine's CPUs can do.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "messages/link/tls_files.h"
#include "test/messages/link/hostile_peer.h"
#include "test/support/cluster.h"

namespace tideline::test {

class Attack {
 public:
  /// What was done so far.
  struct Counts {
    std::atomic<std::size_t> unwelcome{0};  // connections without a certificate of the cluster's
    std::atomic<std::size_t> garbage{0};    // of them, those that sent what is no TLS
    std::atomic<std::size_t> rejected{0};   // sessions that made bad calls until they were dropped
    std::atomic<std::size_t> comings{0};    // attempts of kRestless to open a session
    std::atomic<std::size_t> put_off{0};    // asks for an eviction that came too soon
    std::atomic<std::size_t> boasts{0};     // reports of kBoastful that were taken
  };

  // Names of nodes that have good certificates and bad manners.
  static constexpr const char* kOversize = "hostile-oversize";        // reports over the bound
  static constexpr const char* kHuge = "hostile-huge";                // a message over the link's own bound
  static constexpr const char* kNegative = "hostile-negative";        // a capacity below 0
  static constexpr const char* kMeasureless = "hostile-measureless";  // a use of as many CPUs as 63 bits can say
  static constexpr const char* kCrowded = "hostile-crowded";          // a pod too many
  static constexpr const char* kTwins = "hostile-twins";              // a pod that comes twice
  static constexpr const char* kFlood = "hostile-flood";              // reports that wait for no answer
  static constexpr const char* kImpostor = "hostile-impostor";        // a report in the victim's name
  static constexpr const char* kReborn = "hostile-reborn";            // a report of another incarnation than its own
  static constexpr const char* kLiar = "hostile-liar";                // enrols as the victim
  static constexpr const char* kIdler = "hostile-idler";              // never enrols
  static constexpr const char* kMute = "hostile-mute";                // enrols, and then says nothing
  static constexpr const char* kDeaf = "hostile-deaf";                // never reads
  static constexpr const char* kRestless = "hostile-restless";        // comes and goes
  static constexpr const char* kBegging = "hostile-begging";          // asks for evictions all the time
  /// Reports what cannot be, within the bounds of a report: they are taken, and must harm nobody else.
  static constexpr const char* kBoastful = "hostile-boastful";

  /// `victim`: a live node of the cluster, whose certificate was stolen.
  Attack(const Cluster& cluster, const std::string& victim);
  ~Attack() { stop(); }
  Attack(const Attack&) = delete;
  Attack& operator=(const Attack&) = delete;

  void start();
  /// Returns when each kind has ended what it was at, some seconds later; kMute's has when it was dropped once.
  void stop();
  const Counts& counts() const { return counts_; }

 private:
  struct Offence {
    std::string node;
    link::TlsFiles files;
    std::function<void(link::HostilePeer&)> commit;
    bool rejected = true;  // dropped for the number of rejected calls
  };

  void repeat(void (Attack::*kind)());
  /// False: the attack is over.
  bool pause(std::chrono::milliseconds duration);

  void throw_garbage();
  void stay_silent();
  void dribble();
  void come_with_foreign_certificate();
  void knock();
  void claim_the_victims_name();
  void come_and_go();
  void never_enrol();
  void never_read();
  void fall_silent();
  void beg();
  void exaggerate();
  void offend();

  std::string noise(std::size_t size);

  const std::string victim_;
  const std::uint16_t port_;
  link::TlsFiles stolen_;
  link::TlsFiles foreign_;
  link::TlsFiles liar_;
  link::TlsFiles idler_;
  link::TlsFiles deaf_;
  link::TlsFiles restless_;
  link::TlsFiles begging_;
  link::TlsFiles mute_;
  link::TlsFiles boastful_;
  std::vector<Offence> offences_;
  std::mt19937 random_{20'261'129};  // of throw_garbage
  Counts counts_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tideline::test
