#pragma once
// The Kubernetes API over HTTPS on a KJ loop of its own thread: requests within a budget, lists in pages, watches that
// resume.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "k8s-bridge/api/access.h"
#include "messages/clock/term.h"
#include "messages/link/reply.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::k8s_api {

enum class Method : std::uint8_t { kGet, kPost, kPut, kMergePatch, kDelete };

/// Of requests that wait for the budget the higher goes first.
enum class Priority : std::uint8_t { kLow, kNormal, kHigh };

struct Request {
  Method method = Method::kGet;
  std::string path;  // with query, "/api/v1/nodes/n1/status"; the client adds Access::path_prefix
  std::string body;  // JSON; sent as merge-patch for kMergePatch
  Priority priority = Priority::kNormal;
  model::Duration deadline = std::chrono::seconds(10);  // of the whole, its wait for the budget included
  std::size_t max_answer_bytes = 4 << 20;
  /// False: a Retry-After of its 429 is about what it asks for, and holds back nobody else. A disruption budget says no
  /// by a 429.
  bool holds_others = true;
};

/// What the server said; any status but a redirect is an answer. No answer is an Error instead, which names method and
/// path: kUnavailable (no connection, deadline, stopped), kOverloaded (too many wait, too long an answer),
/// kPermissionDenied (certificates), kMalformed (no HTTP), kUnsupported (redirects and encodings: neither is followed
/// or asked for), kFenced (ClientConfig::term), kInvalidArgument (a path that is none).
struct Answer {
  unsigned status = 0;
  std::string body;
  std::optional<model::Duration> retry_after;  // header Retry-After in seconds
};
/// "404 Not Found: nodes "n1" not found": status and the message of a metav1.Status, bounded, for logs and events.
std::string describe(const Answer& answer);

/// A resource to be listed and watched from then on.
struct WatchedResource {
  std::string name;   // for logs and counts: "pods"
  std::string path;   // "/api/v1/pods"
  std::string query;  // "fieldSelector=…", escaped; "" = none
  std::size_t page_size = 250;
  std::size_t max_object_bytes = 3 << 20;  // of a line of the watch; a longer one ends it, named
};

/// Called on the client's thread, one at a time: must not block, must not throw, may call the client's methods. JSON is
/// the server's own, bounded in bytes and depth, unchecked otherwise.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  /// A list begins: objects come with on_object, and what did not come until on_listed is not there any more. A list
  /// that fails on the way begins anew with on_list.
  virtual void on_list() = 0;
  virtual void on_object(const nlohmann::json& object) = 0;
  virtual void on_deleted(const nlohmann::json& object) = 0;
  virtual void on_listed() = 0;
  /// The watch is up to date again (problem ""), or has been broken since now: why. Told when it is another than
  /// before.
  virtual void on_watching(const std::string& problem) = 0;
};

struct ClientConfig {
  Access access;
  double requests_a_second = 30;  // budget of requests; lists' pages count, watches count once when they begin
  double burst = 60;
  static constexpr std::size_t kPlaces = 8;
  std::size_t max_in_flight = kPlaces;  // requests at once; one of these places is for kHigh only
  std::size_t max_waiting = 10'000;     // for the budget; beyond it a request is kOverloaded at once
  std::string user_agent = "tideline-coordinator";
  model::Duration connect_deadline = std::chrono::seconds(10);
  model::Duration page_deadline = std::chrono::seconds(60);  // of a list's page, and of the head of a watch
  std::size_t max_page_bytes = 32 << 20;  // of a longer page half as many objects are asked for, down to ten
  /// A watch that is silent for so long (bookmarks come each minute or so) is taken for stuck, dropped and resumed.
  model::Duration watch_silence = std::chrono::seconds(150);
  model::Duration watch_timeout = std::chrono::minutes(5);  // timeoutSeconds asked for, with jitter up to twice
  model::Duration backoff_min = std::chrono::milliseconds(500);
  model::Duration backoff_max = std::chrono::seconds(30);
  std::uint64_t seed = 0;  // of the jitter; 0 = from the system's entropy
  /// When it is over all requests but GETs are kFenced, wherever they waited, and so is what needs a new connection.
  clock::TermPtr term = nullptr;
};

/// max_in_flight that lets such a budget be used though each request takes 200 ms: 8 to 64.
std::size_t places_for(double requests_a_second);

/// Of the client's life, for metrics.
struct ClientCounts {
  std::uint64_t requests = 0;  // sent, those of lists and watches and those sent once more included
  std::uint64_t answers_2xx = 0, answers_4xx = 0 /* but 429 */, answers_429 = 0, answers_5xx = 0;
  std::uint64_t no_answer = 0;           // what ended in an Error
  std::uint64_t lists = 0, watches = 0;  // lists that came to their end, watches that began
  std::uint64_t relists_410 = 0;
  std::uint64_t waiting = 0;  // for the budget, now
};

/// All methods may be called from any thread and, but for stop(), return at once.
///
/// A watch asks for bookmarks and resumes from the newest resourceVersion it saw; 410, as status or as ERROR event,
/// lists again; a clean end resumes at once, a failure after a jittered back-off. 429 and 503 with Retry-After hold
/// back all requests but kHigh for that time. 401 makes the credentials be read again. Trouble is logged once per kind
/// and change.
class ApiClient {
 public:
  /// Checks and reads the access' files. A server that is away is no error.
  static model::Result<std::unique_ptr<ApiClient>> start(ClientConfig config);
  ~ApiClient();  // stop()
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  void send(Request request, link::Reply<Answer> reply);
  /// For as long as the client lives; `sink` must outlive stop().
  void watch(WatchedResource resource, WatchSink& sink);
  ClientCounts counts() const;
  /// Ends watches, answers open requests with kUnavailable, ends the thread. Nothing is called after it returned, but a
  /// reply from within a later send(). Must not be called from the client's thread.
  void stop();

 private:
  class Impl;
  explicit ApiClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::k8s_api
