#include "coordinator/bootstrap/request.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "messages/certs/signing.h"

namespace tideline::bootstrap {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Head good_head() {
  Head head;
  head.is_post = true;
  head.target = kRequestTarget;
  head.authorization = "Bearer ey.x-_.y~+/9==";
  head.content_length = "500";
  return head;
}

/// 0 = it goes on.
unsigned status_of(const Head& head) {
  const auto judged = judge(head);
  const auto* answer = std::get_if<Answer>(&judged);
  return answer == nullptr ? 0 : answer->status;
}

TEST(Requests, ThatAreGoodSayWhatIsToBeReadAndAsked) {
  const auto judged = judge(good_head());
  const auto* wanted = std::get_if<Wanted>(&judged);
  ASSERT_NE(wanted, nullptr);
  EXPECT_EQ(wanted->token, "ey.x-_.y~+/9==");
  EXPECT_EQ(wanted->body_bytes, 500u);
}

TEST(Requests, OfOtherPathsAndMethodsAreTurnedAway) {
  for (const auto* target : {"/", "", "/v1/node-certificate/", "/v1/node-certificate?x=1", "/v1",
                             "/V1/node-certificate", "//v1/node-certificate", "https://x/v1/node-certificate"}) {
    auto head = good_head();
    head.target = target;
    EXPECT_EQ(status_of(head), 404u) << target;
  }
  auto head = good_head();
  head.is_post = false;
  EXPECT_EQ(status_of(head), 405u);
}

TEST(Requests, WithoutALengthThatFitsAreTurnedAway) {
  struct Row {
    std::optional<std::string_view> length;
    unsigned status;
  };
  const std::string most = std::to_string(certs::kMaxSigningRequestBytes);
  const std::string above = std::to_string(certs::kMaxSigningRequestBytes + 1);
  const std::vector<Row> rows{{std::nullopt, 411},
                              {"", 400},
                              {"0", 400},
                              {"-1", 400},
                              {"+5", 400},
                              {" 5", 400},
                              {"5 ", 400},
                              {"0x10", 400},
                              {"5, 5", 400},
                              {"5.0", 400},
                              {"99999999999999999999999", 413},
                              {above, 413},
                              {most, 0},
                              {"1", 0}};
  for (const auto& row : rows) {
    auto head = good_head();
    head.content_length = row.length;
    EXPECT_EQ(status_of(head), row.status) << row.length.value_or("none");
  }
  auto chunked = good_head();
  chunked.transfer_encoding = "chunked";
  EXPECT_EQ(status_of(chunked), 411u);
}

TEST(Requests, WithoutATokenAreTurnedAway) {
  const std::string long_token = "Bearer " + std::string(kMaxTokenBytes + 1, 'a');
  const std::string longest_token = "Bearer " + std::string(kMaxTokenBytes, 'a');
  for (const std::string_view value :
       {std::string_view(""), std::string_view("Bearer"), std::string_view("Bearer "), std::string_view("bearer x"),
        std::string_view("Basic dXNlcjpwYXNz"), std::string_view("Bearer  x"), std::string_view("Bearer x y"),
        std::string_view("Bearer x, Bearer y"), std::string_view("Bearer x\t"), std::string_view("Bearer \"x\""),
        std::string_view("Bearer x=y"), std::string_view("Bearer =="), std::string_view("Bearer x\0y", 10),
        std::string_view("Bearer \xc3\xa4"), std::string_view(long_token)}) {
    auto head = good_head();
    head.authorization = value;
    EXPECT_EQ(status_of(head), 401u) << value.substr(0, 40);
  }
  auto none = good_head();
  none.authorization.reset();
  EXPECT_EQ(status_of(none), 401u);
  auto longest = good_head();
  longest.authorization = longest_token;
  EXPECT_EQ(status_of(longest), 0u);
}

TEST(Answers, AreOneHttpMessageAfterWhichTheConnectionEnds) {
  Answer answer;
  answer.status = 200;
  answer.is_json = true;
  answer.body = R"({"node":"n1"})";
  EXPECT_EQ(bytes_of(answer),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\nCache-Control: no-store\r\n"
            "Connection: close\r\n\r\n{\"node\":\"n1\"}");
  EXPECT_THAT(bytes_of(refusal(405, "POST only")), HasSubstr("\r\nAllow: POST\r\n"));
  EXPECT_THAT(bytes_of(refusal(401, "no")), HasSubstr("\r\nWWW-Authenticate: Bearer\r\n"));
  for (const unsigned status : {400u, 401u, 403u, 404u, 405u, 408u, 411u, 413u, 429u, 500u, 503u}) {
    const auto bytes = bytes_of(refusal(status, "why"));
    EXPECT_THAT(bytes, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
    EXPECT_THAT(bytes, EndsWith("\r\n\r\nwhy\n"));
  }
}

TEST(Answers, OfARefusalAreOneShortLine) {
  const auto answer = refusal(401, "a\nb\r\n\r\nHTTP/1.1 200 OK" + std::string(5000, 'x'));
  EXPECT_EQ(answer.body.find('\n'), answer.body.size() - 1);
  EXPECT_LT(answer.body.size(), 700u);
  EXPECT_THAT(bytes_of(answer), HasSubstr("\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n"));
}

}  // namespace
}  // namespace tideline::bootstrap
