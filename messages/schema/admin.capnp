@0xc0a52d0b7e6f1a04;
# The admin API that tidectl speaks: over mutual TLS (CN viewer|operator|admin:<name>) or the admin Unix socket.
# Every method names the least role that may call it. Ordinals never change.

using Cxx = import "/capnp/c++.capnp";
using R = import "report.capnp";
using NodePolicy = import "policy.capnp".NodePolicy;
$Cxx.namespace("tideline::schema");

struct Terms {
  capacity @0 :Int64;      # millicores or bytes, as the field that holds this
  margin @1 :Int64;
  system @2 :Int64;
  highPriority @3 :Int64;
  offered @4 :Int64;
  deficit @5 :Int64;
  rule @6 :UInt8;          # model::ReclaimRule
  committed @7 :Int64;
  midCharged @8 :Int64;
  midCommitted @9 :Int64;
  mid @10 :Int64;
  midOffered @11 :Int64;
  midRule @12 :UInt8;      # model::ReclaimRule
  requested @13 :Int64;    # by prod pods
  used @14 :Int64;         # by the whole node, if usedKnown
  usedKnown @15 :Bool;
  prodUsed @16 :Int64;
  midUsed @17 :Int64;
  batchUsed @18 :Int64;    # by batch and free pods
  reservation @19 :Int64;  # of system, by annotation; 0 = none
  thirdParty @20 :Int64;   # of batch's whole, given away by other schedulers
  origin @21 :Int64;       # batch's whole before them, if originKnown; else as offered
  originKnown @22 :Bool;
  hostCharged @23 :Int64;  # of highPriority, for host applications
  hostUsed @24 :Int64;     # by host applications of all tiers
  published @25 :Int64;    # what is told of batch: offered, in normalised CPUs, if publishedKnown; else as offered
  publishedKnown @26 :Bool;
  midShort @27 :Int64;     # of a sum, node by node: requested of mid beyond what mid has, if shortKnown
  batchShort @28 :Int64;   # likewise of batch
  shortKnown @29 :Bool;    # else it is no sum, or an older one
}

struct ZoneTerms {
  capacity @0 :Int64;      # millicores or bytes, as the field that holds this
  margin @1 :Int64;
  charged @2 :R.OptInt;    # not known: nothing is offered
  beUsed @3 :R.OptInt;     # not known: not told apart
  offered @4 :Int64;
}

struct ZoneAccount {
  # Of a NUMA node.
  id @0 :UInt16;
  cpu @1 :ZoneTerms;       # millicores
  memory @2 :ZoneTerms;    # bytes
}

struct Reclaimed {
  node @0 :Text;           # "" for a sum; in history the cluster's has "", a part's "LABEL=VALUE"
  cpu @1 :Terms;        # millicores
  memory @2 :Terms;     # bytes
  policyVersion @3 :UInt64;
  dataAgeMs @4 :R.OptInt;  # ms since the report it rests on arrived
  zones @5 :List(ZoneAccount);  # by id; of a node with several NUMA nodes that are known
}

enum Liveness { never @0; live @1; late @2; gone @3; }

struct NodeSummary {
  name @0 :Text;
  liveness @1 :Liveness;
  reportAgeMs @2 :R.OptInt;    # ms since the last live report arrived, here or at an earlier life of the coordinator
  clockOffsetMs @3 :Int64;     # ms, node's wall clock minus the coordinator's
  incarnation @4 :UInt64;
  lastSeq @5 :UInt64;
  gapReports @6 :UInt64;
  policyWanted @7 :UInt64;
  policyApplied @8 :UInt64;
  policyProblem @9 :Text;
  status @10 :R.NodeStatus;    # of the newest live report; null before the first since the coordinator's start
  last @11 :R.Sample;          # newest sample; null while none is known
  reclaimed @12 :Reclaimed;    # null while none was computed
  podCount @13 :UInt32;
  connected @14 :Bool;         # a session is open
  clockOffsetKnown @15 :Bool;  # else clockOffsetMs means nothing
  policyContent @16 :UInt64;   # what the wanted policy says; equal where two say the same; 0 = not known
  policyContentApplied @17 :UInt64;  # likewise of the applied one
}

struct NodePod {
  node @0 :Text;
  summary @1 :R.PodSummary;
  cpuAverage @2 :R.OptInt;     # millicores, over the aggregate duration
  memoryAverage @3 :R.OptInt;  # bytes, over the aggregate duration
}

struct Point { wallMs @0 :Int64; value @1 :Float64; }

struct HistoryQuery {
  node @0 :Text;
  metrics @1 :List(UInt16);  # model::Metric
  fromMs @2 :Int64;          # ms since the epoch, inclusive
  toMs @3 :Int64;            # ms since the epoch, exclusive
  maxPoints @4 :UInt32;      # per series; 0 = the server's bound
}

struct Series { metric @0 :UInt16; points @1 :List(Point); truncated @2 :Bool; }

struct SeriesQuestion {
  # Of history in tiers (storage/series/question.h).
  kind @0 :UInt8;              # series::SubjectKind
  nodes @1 :List(Text);        # empty: all, or those with the label
  label @2 :Text;              # "KEY=VALUE", as nodes tell of themselves now; "" = none is asked for
  subject @3 :Text;            # uid of a pod, "namespace/kind/name" of a workload; "" = all of the kind
  fields @4 :List(UInt16);     # series::Field
  fromS @5 :Int64;             # s since the epoch, a multiple of stepS
  toS @6 :Int64;               # likewise, exclusive
  stepS @7 :Int64;
  tier @8 :UInt8;              # series::Tier; 0: the coarsest that the step and the aggregate allow
  aggregate @9 :UInt8;         # series::Aggregate
  quantile @10 :Float64;
  across @11 :UInt8;           # series::Across
}

struct AnswerSeries {
  field @0 :UInt16;
  node @1 :Text;               # "" where subjects are combined
  subject @2 :Text;
  timesS @3 :List(Int64);      # s since the epoch: begins of steps
  values @4 :List(Float64);    # as many
}

struct PodInfo {
  uid @0 :Text;
  nameSpace @1 :Text;
  name @2 :Text;
  workload @3 :Text;           # "kind/name"; "" = none
  qos @4 :R.QosClass;
  firstS @5 :Int64;            # s since the epoch
  lastS @6 :Int64;
}

struct HistoryFinding { where @0 :Text; what @1 :Text; }

struct HistoryState {
  tiers @0 :List(Tier);        # the tiers of tables, finest first
  reportsKept @1 :Int64;       # s: retention of reports, events, accounts
  eventsKept @2 :Int64;
  accountsKept @3 :Int64;
  foldedUntilS @4 :R.OptInt;   # s since the epoch, of the node that is least far; not known: no node has a report
  late @5 :UInt64;             # reports that wait to be folded into an hour that was folded before
  nodes @6 :UInt64;
  diskBytes @7 :UInt64;        # all of the store
  backups @8 :Text;            # the directory they go to; "" = none is set
  problem @9 :Text;            # why the last fold, retention or commit failed; "" = it did not
  struct Tier {
    tier @0 :UInt8;            # series::Tier
    keptS @1 :Int64;           # s: retention
    tables @2 :UInt64;
    bytes @3 :UInt64;          # on disk
    oldestS @4 :R.OptInt;      # s since the epoch
    newestS @5 :R.OptInt;
    podsKeptS @6 :Int64;       # s: retention of what it has of pods and jobs; 0: of an older coordinator, keptS
    podsBytes @7 :UInt64;      # of `bytes`
    podsOldestS @8 :R.OptInt;
  }
}

struct NodeEvent { node @0 :Text; event @1 :R.Event; }

struct PolicyState {
  source @0 :Text;          # "dir:/etc/tideline/policy"
  version @1 :UInt64;
  epoch @2 :UInt64;
  loadedWallMs @3 :Int64;
  problem @4 :Text;         # why the newest input was refused; "" = it is in force
  documents @5 :List(Document);
  struct Document { key @0 :Text; json @1 :Text; }
}

struct PolicyCheck {
  # What a policy would change. Lists are cut at the server's bounds: then `cut` is set.
  same @0 :Bool;                      # the documents are those in force
  dropped @1 :List(Text);             # data keys in force that the new policy does not have
  notices @2 :List(Notice);           # accepted and not acted on
  fleet @3 :List(Change);             # keys of the whole fleet
  nodes @4 :UInt64;                   # whose labels are known
  unchanged @5 :UInt64;               # of them
  groups @6 :List(Group);             # most nodes first
  unknown @7 :Names;                  # labels not known
  overlaps @8 :List(Overlap);
  unused @9 :List(Unused);            # empty where one node was asked for
  labelProblems @10 :List(LabelProblem);
  lacks @11 :List(Lack);
  cut @12 :Bool;

  struct Names { count @0 :UInt64; first @1 :List(Text); }
  struct Notice { document @0 :Text; path @1 :Text; why @2 :Text; }
  struct Change {
    document @0 :Text;                # data key
    key @1 :Text;                     # path within a strategy
    before @2 :Text;                  # as JSON; unset
    after @3 :Text;
    by @4 :Text;                      # what gives the new value: an entry, the cluster's strategy, a label, the default
  }
  struct Group { changes @0 :List(Change); nodes @1 :Names; }
  struct Overlap {
    document @0 :Text;
    taken @1 :Text;                   # the entry that applies
    others @2 :List(Text);            # the first of those that match as well
    otherCount @3 :UInt64;
    nodes @4 :Names;
  }
  struct Unused { document @0 :Text; entry @1 :Text; why @2 :UInt8; }  # policy::UnusedEntry::Why
  struct LabelProblem { text @0 :Text; nodes @1 :Names; }
  struct Lack {
    feature @0 :Text;
    why @1 :Text;
    already @2 :Bool;                 # under the policy in force, too
    nodes @3 :Names;
  }
}

struct FileState {
  # The last change of one kernel file at or before the instant asked for.
  file @0 :Text;              # relative to the tree's root
  value @1 :Text;
  oldValue @2 :Text;          # what it held before
  controller @3 :UInt8;       # model::Controller
  reason @4 :UInt16;          # model::Reason
  wallMs @5 :Int64;           # ms since the epoch
  changesLastHour @6 :UInt32; # in the hour before the instant asked for
  driftsLastHour @7 :UInt32;  # of them, by somebody else
  original @8 :Bool;          # the agent put back what was there before it
  eventsLostSince @9 :Bool;   # this change may not be the last
}

struct UnwrittenValue {
  # What a mechanism would have in a file, and it is not there.
  file @0 :Text;              # relative to the tree's root
  value @1 :Text;             # and, in brackets, the mechanism's reason
  held @2 :Text;              # what the file held then
  controller @3 :UInt8;       # model::Controller
  reason @4 :UInt16;          # model::Reason: dry run, or overruled by another mechanism
  wallMs @5 :Int64;           # ms since the epoch
}

struct PodEviction {
  pod @0 :Text;
  wallMs @1 :Int64;
  reason @2 :UInt16;          # model::Reason
  detail @3 :Text;
}

struct HandsOffNote {
  group @0 :Text;
  wallMs @1 :Int64;
  by @2 :UInt8;               # model::Controller: who says so, the node's guard or the coordinator
  text @3 :Text;
  over @4 :Bool;              # ended or expired
}

struct Explanation {
  atMs @0 :Int64;             # the instant that is explained
  files @1 :List(FileState);  # by name
  evictions @2 :List(PodEviction);   # newest first
  handsOff @3 :List(HandsOffNote);   # the newest of each group
  eventsFromMs @4 :R.OptInt;  # all events since then were looked at; not known = there is none
  historyFromMs @5 :R.OptInt; # how far back history of the node reaches; not known = there is none
  eventsCut @6 :Bool;         # older events exist that were not looked at
  rowsCut @7 :Bool;           # more files, evictions or groups exist than fit one answer
  status @8 :R.NodeStatus;    # of the newest report at or before the instant; null = none near it
  statusWallMs @9 :Int64;     # of that report
  eventsLostMs @10 :R.OptInt; # up to when events or reports of the node are known to be lost; not known = none is
  unwritten @11 :List(UnwrittenValue);  # by file, then mechanism
}

struct HandsOffEntry {
  node @0 :Text;
  group @1 :Text;             # "" = the whole tree, released
  release @2 :Bool;
  remainingMs @3 :R.OptInt;   # ms; not known = until it is ended
  who @4 :Text;
  reason @5 :Text;
  told @6 :Bool;              # the node says that it obeys
  problem @7 :Text;           # why it does not; "" = no answer yet, or it does
}

struct ExplainedTerm {
  term @0 :UInt8;             # model::AccountTerm
  value @1 :R.OptInt;         # millicores or bytes, as the resource that holds this
  source @2 :UInt8;           # model::TermSource
  detail @3 :Text;            # by what it came about; "" = not known any more
  ageMs @4 :R.OptInt;         # ms, of what it rests on; not known = it has none
}

struct ChargeSum {
  basis @0 :UInt8;            # model::ChargeBasis
  pods @1 :UInt32;
  charged @2 :Int64;          # all of them together
}

struct ChargedPod {
  uid @0 :Text;
  name @1 :Text;              # "namespace/name"
  tier @2 :UInt8;             # model::Tier
  qos @3 :R.QosClass;
  basis @4 :UInt8;            # model::ChargeBasis
  charged @5 :Int64;
  used @6 :R.OptInt;          # average
  requested @7 :R.OptInt;     # of the native resource
  promised @8 :R.OptInt;      # requested of the mid resource
}

struct ExplainedResource {
  terms @0 :List(ExplainedTerm);    # in the formula's order
  charges @1 :List(ChargeSum);      # together they are highPriority
  pods @2 :List(ChargedPod);        # the ones that are charged most, first
}

struct ExplainedAccount {
  account @0 :Reclaimed;
  wallMs @1 :Int64;           # ms since the epoch: when it was so
  stored @2 :Bool;            # as history has it: without details and pods
  cpu @3 :ExplainedResource;      # millicores
  memory @4 :ExplainedResource;   # bytes
  zonesProblem @5 :Text;      # why there are no accounts of zones, where there should be
}

struct ClusterGroup {
  value @0 :Text;             # of the label; "" = nodes without it
  nodes @1 :UInt32;
  account @2 :Reclaimed;      # the sum over them
  cpuShort @3 :Shortfall;     # millicores
  memoryShort @4 :Shortfall;  # bytes
  struct Shortfall { mid @0 :Int64; batch @1 :Int64; }  # requested beyond what the tier has, node by node
}

struct ClusterReport {
  wallMs @0 :Int64;           # ms since the epoch
  gone @1 :UInt32;            # nodes that are left out
  total @2 :ClusterGroup;
  groupings @3 :List(Grouping);   # one for each label asked for
  deficits @4 :List(Deficit);     # largest share of capacity first
  deficitNodes @5 :UInt32;    # nodes in deficit, also those beyond the list
  trend @6 :List(AccountAt);  # oldest first; each the mean of its stretch of the range
  zones @7 :ZoneSum;          # null: no node tells of zones
  struct ZoneSum {
    nodes @0 :UInt32;         # that have accounts of zones
    zones @1 :UInt32;
    cpu @2 :Amount;           # millicores
    memory @3 :Amount;        # bytes
    struct Amount { ofNodes @0 :Int64; inZones @1 :Int64; mostInOne @2 :Int64; }  # offered to batch
  }
  struct Grouping {
    label @0 :Text;
    groups @1 :List(ClusterGroup);  # by value
    leftOut @2 :UInt32;       # groups beyond the list: those of least CPU capacity
  }
  struct Deficit { node @0 :Text; cpu @1 :Int64; memory @2 :Int64; }  # millicores, bytes
  struct AccountAt { wallMs @0 :Int64; account @1 :Reclaimed; }
}

interface Admin {
  nodes @0 () -> (nodes :List(NodeSummary));                              # viewer
  node @1 (name :Text) -> (node :NodeSummary);                            # viewer
  pods @2 (node :Text) -> (pods :List(NodePod));                          # viewer; "" = all nodes
  reclaimed @3 () -> (cluster :Reclaimed, nodes :List(Reclaimed));        # viewer
  history @4 (query :HistoryQuery) -> (series :List(Series));             # viewer
  events @5 (node :Text, fromMs :Int64, toMs :Int64) -> (events :List(NodeEvent), truncated :Bool);  # viewer
  policyGet @6 (node :Text) -> (state :PolicyState, effective :NodePolicy, content :UInt64);  # viewer; node "" = cluster strategy
  policyApply @7 (documents :List(PolicyState.Document), dryRun :Bool) -> (version :UInt64, report :Text);  # operator
  policyStatus @8 () -> (state :PolicyState, nodes :List(NodeSummary));   # viewer
  # For so long the node, "" = all, reports each everyMs at least; 0 = an older coordinator, that is each second.
  watch @9 (node :Text, seconds :UInt32) -> (everyMs :UInt32);            # viewer
  whoami @10 () -> (role :Text, name :Text);                              # anyone who got in
  explain @11 (node :Text, atMs :Int64, file :Text) -> (explanation :Explanation);  # viewer; file "" = all, else a part
  handsOffBegin @12 (node :Text, group :Text, forMs :Int64, reason :Text) -> ();     # operator
  handsOffList @13 (node :Text) -> (entries :List(HandsOffEntry));        # viewer; "" = all nodes
  handsOffEnd @14 (node :Text, group :Text) -> ();                        # operator
  release @15 (node :Text, reason :Text) -> ();                           # operator; until resume
  resume @16 (node :Text) -> ();                                          # operator
  policyCheck @17 (documents :List(PolicyState.Document), node :Text) -> (version :UInt64, check :PolicyCheck);  # viewer; "" = all nodes
  explainReclaimed @18 (node :Text, atMs :Int64) -> (explained :ExplainedAccount);  # viewer; atMs 0 = now
  cluster @19 (fromMs :Int64, toMs :Int64, maxPoints :UInt32, by :List(Text), trendOf :Text) -> (report :ClusterReport);
      # viewer; maxPoints 0 = the server's bound; by: label keys; trendOf: LABEL=VALUE, "" = all
  # A page a call: fromS 0 = the first, then nextS until it is 0. A client that does not ask is not sent anything.
  historyQuery @20 (question :SeriesQuestion, pageFromS :Int64) -> (series :List(AnswerSeries), nextS :Int64, tier :UInt8, keptFromS :Int64);  # viewer
  historyPods @21 (node :Text, fromS :Int64, toS :Int64) -> (pods :List(PodInfo));                # viewer
  historyState @22 () -> (state :HistoryState);                                                   # viewer
  # A slice a call, of about so many bytes: from "" = the beginning, then `next` until it is "".
  historyVerify @23 (from :Text, bytes :UInt64) -> (rows :UInt64, bytes :UInt64, findings :List(HistoryFinding), moreFindings :UInt64, next :Text);  # operator
  # To the directory that the coordinator was given; answers when the backup is whole.
  historyBackup @24 () -> (id :UInt32, atS :Int64, bytes :UInt64, files :UInt64, directory :Text);  # admin
}
