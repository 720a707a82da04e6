#include "messages/model/explained.h"

namespace tideline::model {

std::string_view name_of(AccountTerm term) {
  switch (term) {
    case AccountTerm::kCapacity:
      return "capacity";
    case AccountTerm::kMargin:
      return "margin";
    case AccountTerm::kSystemUsed:
      return "system-used";
    case AccountTerm::kReserved:
      return "reserved";
    case AccountTerm::kSystem:
      return "system";
    case AccountTerm::kHighPriority:
      return "high-priority";
    case AccountTerm::kMidCharged:
      return "mid-charged";
    case AccountTerm::kRoom:
      return "room";
    case AccountTerm::kRequested:
      return "requested";
    case AccountTerm::kUsed:
      return "used";
    case AccountTerm::kProdReclaimable:
      return "prod-reclaimable";
    case AccountTerm::kMid:
      return "mid";
    case AccountTerm::kMidCommitted:
      return "mid-committed";
    case AccountTerm::kMidOffered:
      return "mid-offered";
    case AccountTerm::kOffered:
      return "offered";
    case AccountTerm::kCommitted:
      return "committed";
    case AccountTerm::kDeficit:
      return "deficit";
    case AccountTerm::kReservation:
      return "reservation";
    case AccountTerm::kOrigin:
      return "origin";
    case AccountTerm::kThirdParty:
      return "third-party";
    case AccountTerm::kHostApplications:
      return "host-applications";
    case AccountTerm::kPublished:
      return "published";
  }
  return "unknown";
}

std::string_view name_of(TermSource source) {
  switch (source) {
    case TermSource::kNodeStatus:
      return "node-status";
    case TermSource::kMeasured:
      return "measured";
    case TermSource::kPolicy:
      return "policy";
    case TermSource::kPods:
      return "pods";
    case TermSource::kPrediction:
      return "prediction";
    case TermSource::kFormula:
      return "formula";
  }
  return "unknown";
}

std::string_view name_of(ChargeBasis basis) {
  switch (basis) {
    case ChargeBasis::kNotCharged:
      return "not-charged";
    case ChargeBasis::kEnded:
      return "ended";
    case ChargeBasis::kUse:
      return "use";
    case ChargeBasis::kRequest:
      return "request";
    case ChargeBasis::kUnmeasured:
      return "request-unmeasured";
    case ChargeBasis::kLse:
      return "request-lse";
    case ChargeBasis::kGone:
      return "use-gone";
    case ChargeBasis::kMidRequest:
      return "mid-request";
    case ChargeBasis::kUnknown:
      return "unknown";
    case ChargeBasis::kHostApplication:
      return "host-application";
  }
  return "unknown";
}

}  // namespace tideline::model
